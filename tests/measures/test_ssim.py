from typing import Any

import numpy as np
import pytest
import torch

from offmanifold.measures.ssim import SsimPosterior, structural_similarity


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 20), (1, 11, 11)])
def test_it_is_that_of_scikit_image_where_the_window_lies_within(shape):
    metrics = pytest.importorskip("skimage.metrics")
    generator = torch.Generator().manual_seed(0)
    a = torch.rand(2, *shape, generator=generator, dtype=torch.double)
    b = (a + 0.5 * torch.randn(2, *shape, generator=generator, dtype=torch.double)).clamp(0, 1)
    found = structural_similarity(a, b)
    for one, other, value in zip(a, b, found, strict=True):
        _, each = metrics.structural_similarity(
            *(v.numpy() for v in (one, other)),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            use_sample_covariance=False,
            full=True,
        )
        within = each[:, 5 : shape[1] - 5, 5 : shape[2] - 5]
        assert float(value) == pytest.approx(float(np.mean(within)), rel=1e-9)


def test_equal_pictures_have_one_and_negatives_less_than_zero():
    v = torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(structural_similarity(v, v), torch.ones(3))
    assert structural_similarity(v, 1 - v).max() < 0


def test_a_gradient_of_the_other_sign_is_unlike():
    v = torch.randn(3, 1, 12, 12, generator=torch.Generator().manual_seed(0)) + 1
    scene: Any = None
    same, opposite = (SsimPosterior().similarity(scene, v, s * v) for s in (2, -2))
    torch.testing.assert_close(same, torch.ones(3))
    assert opposite.max() < 0


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 5, 30), (1, 1, 1)])
def test_small_images_have_the_largest_window_that_fits(shape):
    v = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(structural_similarity(v, v), torch.ones(2))
    assert torch.isfinite(structural_similarity(v, 1 - v)).all()

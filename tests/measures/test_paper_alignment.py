"""The paper's modes against a few lines that know nothing of this package's measures."""

import pytest
import torch

from alexnet import random_alexnet
from gaussian_data import D, GaussianManifold, Linear, covariance, images, probe_of
from offmanifold.measures import measures
from offmanifold.measures.lpips import load_lpips

MEANS = torch.rand(3, D, generator=torch.Generator().manual_seed(0)).double()
MANIFOLD = GaussianManifold(MEANS, covariance(torch.linspace(0.01, 1, D)), sigma=0.5)
MODEL = Linear(torch.randn(3, D, generator=torch.Generator().manual_seed(1)))
MODES = {"paper_sum": lambda f, y: f.sum(), "paper_conditional": lambda f, y: f[y]}


def by_hand(mode, x, y):
    """∇ of the paper's scalar and its score, at the clean image, σ = .25."""
    image = x[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(MODES[mode](MODEL(image)[0], y), image)
    label = None if mode == "paper_sum" else y[None]
    return gradient, (MANIFOLD.denoise(x[None], label, 0.25) - x[None]) / 0.25**2


@pytest.mark.parametrize("mode", MODES)
def test_the_cosine_is_that_of_the_paper_s_pair(mode):
    probe = probe_of(MODEL, MANIFOLD, images(9, 3))
    name = f"alignment.{mode}_cosine"
    for found, x, y in zip(measures[name]().columns(probe)[name], probe.x, probe.y, strict=True):
        pair = by_hand(mode, x, y)
        torch.testing.assert_close(found, torch.cosine_similarity(*(v.flatten() for v in pair), 0))


@pytest.mark.parametrize("mode", MODES)
def test_the_likeness_is_lpips_of_both_divided_by_their_largest_value(mode, tmp_path):
    lpips = pytest.importorskip("lpips")
    torch.save(random_alexnet(), tmp_path / "alexnet.pth")
    network = load_lpips(tmp_path / "alexnet.pth")
    assert isinstance(network, lpips.LPIPS)
    probe = probe_of(MODEL, MANIFOLD, images(6, 3), perceptual=network)
    name = f"alignment.{mode}"
    for found, x, y in zip(measures[name]().columns(probe)[name], probe.x, probe.y, strict=True):
        a, b = (v / v.abs().max() for v in by_hand(mode, x, y))
        size = (64, 80)  # 4×5 pixels, below 31
        large = (
            torch.nn.functional.interpolate(v.expand(1, 3, -1, -1), size, mode="bilinear")
            for v in (a, b)
        )
        with torch.no_grad():
            expected = 1 - network(*large).squeeze()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)

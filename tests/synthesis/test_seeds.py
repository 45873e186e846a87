"""Class Gaussians, against numpy."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gaussian_data import images
from offmanifold._core.errors import InputError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split
from offmanifold.synthesis import fit_seeds

SHAPE = (1, 14, 15)  # blocks of 2×2, one column left over


@pytest.fixture(scope="module")
def split() -> Split:
    return images(90, 3, SHAPE)


def test_mean_and_covariance_are_those_of_the_block_means(split):
    found = fit_seeds(split)
    assert found.small == (1, 7, 7)
    batch = split.read(split.rows)
    low = F.avg_pool2d(batch.x[..., :14], 2).flatten(1).double().numpy()
    for c in range(3):
        own = low[batch.y.numpy() == c]
        np.testing.assert_allclose(found.means[c], own.mean(0), atol=1e-6)
        covariance = (found.factors[c] @ found.factors[c].T).numpy()
        np.testing.assert_allclose(covariance, np.cov(own.T), atol=1e-6)


def test_draws_have_that_law(split):
    found = fit_seeds(split)
    n = 4000
    drawn = found.draw_small(torch.full((n,), 1), torch.arange(n)).flatten(1).double()
    true = found.factors[1] @ found.factors[1].T
    spread = true.diagonal().mean()
    assert (drawn.mean(0) - found.means[1]).abs().max() < 5 * (spread / n).sqrt()
    error = torch.cov(drawn.T) - true
    assert error.abs().max() < 6 * spread * (2 / n) ** 0.5


def test_a_seed_depends_on_seed_index_and_class_alone(split):
    found = fit_seeds(split)
    y, index = torch.tensor([0, 1, 2]), torch.tensor([4, 5, 6])
    whole = found.draw(y, index)
    assert whole.shape == (3, *SHAPE)
    assert whole.min() >= 0
    assert whole.max() <= 1
    torch.testing.assert_close(found.draw(y[2:], index[2:])[0], whole[2])
    assert not torch.equal(found.draw(y, index, seed=1), whole)


def test_a_class_of_one_image_is_that_image():
    x = np.random.default_rng(0).random((3, 1, 7, 7), dtype=np.float32)
    source = ArraySource(x, np.array([0, 0, 1]), ["a", "b", "c"])
    found = fit_seeds(Split(source, np.arange(3), ("a", "b", "none")))
    drawn = found.draw_small(torch.tensor([1]), torch.tensor([0]))
    torch.testing.assert_close(drawn[0], torch.from_numpy(x[2]))
    with pytest.raises(InputError, match="class 2"):
        found.draw(torch.tensor([2]), torch.tensor([0]))
    with pytest.raises(InputError, match="0 to 2"):
        found.draw(torch.tensor([3]), torch.tensor([0]))


def test_images_without_labels_have_no_seeds(split):
    bare = Split(ArraySource(np.zeros((2, 1, 7, 7), np.float32), None, ["a", "b"]), np.arange(2))
    with pytest.raises(InputError, match="no labels"):
        fit_seeds(bare)

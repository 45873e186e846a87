"""On data of known law, against explicit densities."""

import copy
import functools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gaussian_data import data_of, images
from offmanifold._core.errors import InputError
from offmanifold.data import Data, load_data
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split
from offmanifold.manifolds import Score, Tangent, exact_manifold
from offmanifold.manifolds.estimators.exact import ExactDenoiser, ExactTangent

SPECS = ("subspace:4:900", "sphere:4:900", "mixture:3:900")
EACH = pytest.mark.parametrize("spec", SPECS)


@functools.cache
def known(spec: str) -> tuple[Data, ExactDenoiser]:
    data = load_data(spec)
    return data, exact_manifold(data)


def some(spec: str, n: int = 4):
    data = known(spec)[0]
    return data.test.read(data.test.rows[:n])


@EACH
def test_it_passes_its_own_gates(spec):
    data, manifold = known(spec)
    assert isinstance(manifold, ExactDenoiser)
    assert isinstance(manifold, Tangent)
    assert isinstance(manifold, Score)
    card = manifold.card
    assert (card.shape, card.data) == (data.shape, data.train.fingerprint)
    rows = {row["sigma"]: row for row in card.gates}
    for row in rows.values():
        assert row["asymmetry"] < 1e-6
        assert row["trace_ratio"] == pytest.approx(1, abs=0.15)  # 128 images × 4 draws × 4 numbers
        assert row["error"] < 1.02 * row["wiener_error"]
    assert card.sigma is not None
    assert card.rank_interval[0] <= card.rank <= card.rank_interval[1]


def test_a_linear_manifold_is_found_exactly():
    data, manifold = known(SPECS[0])
    batch = some(SPECS[0])
    true = data.test.source.tangents(batch.index.numpy()).float()
    q = manifold.basis(batch.x, 4, index=batch.index)
    assert torch.linalg.svdvals(q @ true.transpose(1, 2)).min() > 1 - 1e-5
    sigma = manifold.card.sigma
    assert sigma is not None
    gain = float(2.24**2 / 4 / (2.24**2 / 4 + sigma**2))
    v = torch.randn(batch.x.shape, generator=torch.Generator().manual_seed(0))
    projected = torch.einsum("nkd,nke,ne->nd", true, true, v.flatten(1))
    tangent = manifold.tangent(batch.x, v, index=batch.index)
    torch.testing.assert_close(tangent.flatten(1), gain * projected, rtol=1e-3, atol=1e-5)
    assert manifold.card.rank == 4
    assert manifold.card.dimension == pytest.approx(4 * gain, rel=0.1)


def test_the_tangent_of_a_sphere_is_found_at_small_noise():
    data, manifold = known(SPECS[1])
    batch = some(SPECS[1])
    finer = copy.copy(manifold)
    finer.card = replace(manifold.card, sigma=0.02)
    q = finer.basis(batch.x, 4, index=batch.index)
    true = data.test.source.tangents(batch.index.numpy()).float()
    assert torch.linalg.svdvals(q @ true.transpose(1, 2)).min() > 0.999  # noise tilts it by σ/R


def test_errors_below_those_of_the_best_linear_denoiser_on_curved_laws():
    for spec in SPECS[1:]:
        for row in known(spec)[1].card.gates:
            if row["sigma"] <= 0.35:
                assert row["error"] < row["wiener_error"]


def test_the_posterior_of_a_mixture_is_bayes_rule():
    """s(x̃|y) − s(x̃) is the gradient of log p(x̃|y) − log Σ p(x̃|y')."""
    data, manifold = known(SPECS[2])
    batch = some(SPECS[2])
    source, sigma = data.test.source, 0.3
    assert manifold.card.classes == data.classes
    found = manifold.score(batch.x.double(), batch.y, sigma, index=batch.index)
    found = found - manifold.score(batch.x.double(), None, sigma, index=batch.index)
    basis, means = source.basis, source.means
    variances = torch.full((len(basis),), source.deviation**2 + sigma**2).double()
    expected = torch.zeros_like(found)
    for noisy in manifold.noisy(batch.x.double(), sigma, batch.index):
        noisy = noisy.clone().requires_grad_()
        u = (noisy.flatten(1) - 0.5) @ basis.T
        normals = torch.distributions.Normal(
            means[:, None], variances.sqrt()
        )  # off the modes alike
        log_p = normals.log_prob(u).sum(2).T - np.log(3)
        conditional = log_p[torch.arange(len(u)), batch.y] - log_p.logsumexp(1)
        expected += torch.autograd.grad(conditional.sum(), noisy)[0] / manifold.draws
    assert expected.abs().max() > 1e-2
    torch.testing.assert_close(found, expected)


@EACH
def test_the_jacobian_is_symmetric_and_that_of_autograd(spec):
    _, manifold = known(spec)
    noisy = some(spec, 2).x.double() + 0.2
    u, v = (
        torch.randn(2, *noisy.shape, generator=torch.Generator().manual_seed(i)).double()
        for i in (0, 1)
    )
    pushed, pulled = manifold.push(noisy, v, 0.25), manifold.pull(noisy, v, 0.25)
    torch.testing.assert_close(pushed, pulled)
    _, backward = torch.autograd.functional.vjp(
        lambda a: manifold.denoise(a, None, 0.25), noisy, u[0]
    )
    torch.testing.assert_close(
        (backward * v[0]).flatten(1).sum(1), (u[0] * pushed[0]).flatten(1).sum(1)
    )


@EACH
def test_an_image_is_seen_alike_in_any_batch(spec):
    _, manifold = known(spec)
    batch = some(spec)
    v = torch.randn(batch.x.shape, generator=torch.Generator().manual_seed(0))
    whole = manifold.tangent(batch.x, v, 0.25, index=batch.index)
    for rows in (torch.tensor([2, 0, 3, 1]), torch.tensor([1])):
        part = manifold.tangent(batch.x[rows], v[rows], 0.25, index=batch.index[rows])
        torch.testing.assert_close(part, whole[rows], rtol=1e-4, atol=1e-6)


class Parts(ArraySource):
    """A source that knows tangents alone, in two parts."""

    def rows(self, index: np.ndarray) -> Tensor:
        return torch.stack([torch.eye(20)[[i % 5, 7, 8 + i % 5]] for i in index.tolist()]).double()

    def tangents(self, index: np.ndarray) -> tuple[Tensor, Tensor]:
        rows = self.rows(index)
        mixed = torch.stack([2 * rows[:, 1] + rows[:, 0], rows[:, 2] - 3 * rows[:, 0]], 1)
        return rows[:, :1], mixed  # not orthogonal, nor of length 1


def of_parts() -> tuple[Data, ExactTangent]:
    split = images(20)
    source = Parts(split.source._pixels, split.source.labels, split.source.names)
    data = Data(
        *(Split(source, np.arange(*b), split.classes) for b in ((0, 12), (12, 16), (16, 20)))
    )
    return data, exact_manifold(data)


def test_a_source_of_tangents_alone_gives_hard_projectors():
    data, manifold = of_parts()
    assert isinstance(manifold, ExactTangent)
    assert isinstance(manifold, Tangent)
    assert not isinstance(manifold, Score)
    assert (manifold.card.dimension, manifold.card.rank, manifold.card.sigma) == (3, 3, 0.25)
    batch = data.test.read(data.test.rows)
    true = data.test.source.rows(batch.index.numpy()).float()
    v = torch.randn(batch.x.shape, generator=torch.Generator().manual_seed(0))
    expected = torch.einsum("nkd,nke,ne->nd", true, true, v.flatten(1))
    for sigma in (None, 0.01, 10):
        tangent = manifold.tangent(batch.x, v, sigma, index=batch.index)
        torch.testing.assert_close(tangent.flatten(1), expected)
        torch.testing.assert_close(
            manifold.tangent(batch.x, tangent, sigma, index=batch.index), tangent
        )
    q = manifold.basis(batch.x, index=batch.index)
    torch.testing.assert_close(q @ q.transpose(1, 2), torch.eye(3).expand(4, 3, 3))
    torch.testing.assert_close(q.transpose(1, 2) @ q, true.transpose(1, 2) @ true)
    order = torch.tensor([3, 1, 0, 2])
    again = manifold.tangent(batch.x[order], v[order], index=batch.index[order])
    torch.testing.assert_close(again.flatten(1), expected[order])


def test_tangents_need_the_index_of_the_image():
    data, manifold = of_parts()
    x = data.test.read(data.test.rows).x
    with pytest.raises(InputError, match="known by image index; give it"):
        manifold.tangent(x, x)


@pytest.mark.parametrize("spec", ["digits", "distractor:digits"])
def test_photographs_are_refused(spec):
    with pytest.raises(InputError, match=f"exact manifold of {spec} is not known; it is of glyphs"):
        exact_manifold(load_data(spec))


def test_images_made_anew_are_not_of_the_law_any_more():
    for data in (load_data("sphere:3:60", size=14), data_of(torch.rand(12, 1, 4, 5), 3)):
        with pytest.raises(InputError, match="is not known"):
            exact_manifold(data)


def test_images_of_another_size_are_refused():
    with pytest.raises(InputError, match=r"fitted at \(1, 28, 28\); refit"):
        known(SPECS[0])[1].tangent(torch.rand(1, 1, 28, 27), torch.rand(1, 1, 28, 27), 0.25)


def test_other_data_have_another_identity():
    one = known(SPECS[0])[1].card
    other = exact_manifold(load_data("distractor:subspace:4:60")).card
    assert one.hash != other.hash
    assert exact_manifold(load_data("distractor:subspace:4:60")).card == other

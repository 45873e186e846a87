import numpy as np
import pytest
import torch

from gaussian_data import GaussianManifold, covariance
from offmanifold._core.errors import InputError
from offmanifold._core.randomness import image_noise
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.manifolds import Blocks, Pooled, Score, Tangent
from offmanifold.manifolds.pooled import least_pooling, pool_data

SHAPE, R = (1, 7, 11), 3  # a central crop of 6×9, blocks 2×3
SMALL, D_SMALL = (1, 2, 3), 6
BLOCKS = Blocks(SHAPE, R)
D = 77
A = BLOCKS.down(torch.eye(D).double().reshape(D, *SHAPE)).flatten(1).T  # (6, 77)
X = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0)).double()
V = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(1)).double() - 0.5


@pytest.fixture
def inner() -> GaussianManifold:
    return GaussianManifold(
        torch.stack([torch.full((D_SMALL,), 0.5), torch.linspace(0, 1, D_SMALL)]),
        covariance(torch.tensor([1.0, 0.8, 0.6, 1e-3, 1e-3, 0])),
        SMALL,
    )


@pytest.fixture
def pooled(inner) -> Pooled:
    return Pooled(inner, R, SHAPE)


def test_least_pooling():
    sides = {224: 4, 64: 1, 65: 2, 128: 2, 129: 3, 256: 4, 8: 1}
    assert {side: least_pooling((3, side, 5)) for side in sides} == sides
    assert least_pooling((1, 5, 224)) == 4
    assert Blocks((3, 224, 224), 4).small == (3, 56, 56)


def test_blocks_are_means_of_a_central_crop():
    rows = [X[0, 0, 3 * i : 3 * i + 3] for i in range(2)]  # the row left over lies below
    expected = torch.stack(
        [torch.stack([r[:, 1 + 3 * j : 4 + 3 * j].mean() for j in range(3)]) for r in rows]
    )
    torch.testing.assert_close(BLOCKS.down(X)[0, 0], expected)


def test_up_is_the_transpose_of_down():
    u = torch.rand(2, *SMALL).double()
    torch.testing.assert_close((BLOCKS.down(X) * u).sum(), (X * BLOCKS.up(u)).sum())
    torch.testing.assert_close(BLOCKS.up(u).flatten(1), u.flatten(1) @ A)


def test_the_resolved_part_is_an_orthogonal_projection():
    p = R**2 * A.T @ A
    torch.testing.assert_close(p @ p, p)
    torch.testing.assert_close(p, p.T)
    assert float(p.trace()) == pytest.approx(D_SMALL)
    torch.testing.assert_close(BLOCKS.resolved(V).flatten(1), V.flatten(1) @ p)


def test_leading_dimensions_are_kept():
    many = torch.stack([X, V, X])
    assert BLOCKS.down(many).shape == (3, 2, *SMALL)
    torch.testing.assert_close(BLOCKS.up(BLOCKS.down(many))[1], BLOCKS.up(BLOCKS.down(V)))


def jacobians(inner: GaussianManifold) -> torch.Tensor:
    """The mean J̄ (n, 6, 6) of the inner manifold by automatic differentiation."""
    total = torch.zeros(2, D_SMALL, D_SMALL).double()
    for draw in range(4):
        z = image_noise(SMALL, torch.arange(2), seed=0, name="manifold", draw=draw)
        for i, noisy in enumerate(BLOCKS.down(X) + 0.25 * z):
            full = torch.autograd.functional.jacobian(
                lambda a: inner.denoise(a.reshape(1, *SMALL), None, 0.25).flatten(), noisy.flatten()
            )
            total[i] += full / 4
    return (total + total.transpose(1, 2)) / 2


def test_tangent_and_energy_against_dense_matrices(inner, pooled):
    dense = R**2 * A.T @ jacobians(inner) @ A
    expected = (dense @ V.flatten(1)[:, :, None]).squeeze(2)
    torch.testing.assert_close(pooled.tangent(X, V).flatten(1), expected)
    energy = (V.flatten(1) * expected).sum(1)
    torch.testing.assert_close(pooled.energy(X, V), energy)
    torch.testing.assert_close(
        pooled.energy(X, torch.stack([V, 2 * V])), torch.stack([energy, 4 * energy])
    )


def test_score_against_dense_matrices(inner, pooled):
    for y in (None, torch.tensor([0, 1])):
        expected = inner.score(BLOCKS.down(X), y).flatten(1) @ A
        torch.testing.assert_close(pooled.score(X, y).flatten(1), expected)


def test_energy_splits_exactly_into_on_off_and_unresolved(inner, pooled):
    on = pooled.energy(X, V)
    unresolved = pooled.unresolved(V).flatten(1).square().sum(1)
    resolved = BLOCKS.resolved(V)
    off = (resolved * (resolved - pooled.tangent(X, V))).flatten(1).sum(1)
    total = V.flatten(1).square().sum(1)
    torch.testing.assert_close(on + off + unresolved, total)
    assert (unresolved > 0.1 * total).all()  # and is not counted as off
    assert (off > 0).all()


def test_basis_is_orthonormal_at_native_size_and_spans_the_inner_one(inner, pooled):
    q = pooled.basis(X, 3)
    assert q.shape == (2, 3, D)
    torch.testing.assert_close(q @ q.transpose(1, 2), torch.eye(3).double().expand(2, 3, 3))
    small = inner.basis(BLOCKS.down(X), 3)
    torch.testing.assert_close(q, R * small @ A)


def test_dimension_is_that_of_the_small_images(inner, pooled):
    torch.testing.assert_close(pooled.dimension(X), inner.dimension(BLOCKS.down(X)))


def test_denoise_leaves_what_it_does_not_resolve(inner, pooled):
    found = pooled.denoise(X, None, 0.25)
    torch.testing.assert_close(pooled.unresolved(found), pooled.unresolved(X))
    torch.testing.assert_close(BLOCKS.down(found), inner.denoise(BLOCKS.down(X), None, 0.25))


def test_the_index_reaches_the_noise(pooled):
    index = torch.tensor([4, 2])
    both = pooled.score(X, None, index=index)
    torch.testing.assert_close(pooled.score(X[1:], None, index=index[1:]), both[1:])
    assert not torch.allclose(pooled.score(X, None), both)


def test_it_is_both_protocols_at_the_native_shape(pooled):
    assert isinstance(pooled, Tangent)
    assert isinstance(pooled, Score)
    assert pooled.card.shape == SHAPE


@pytest.mark.parametrize("shape", [(1, 6, 9), (1, 8, 11), (1, 20, 20), (3, 7, 11)])
def test_images_of_another_size_are_refused(pooled, shape):
    x = torch.rand(2, *shape).double()
    for ask in (
        lambda: pooled.tangent(x, x),
        lambda: pooled.energy(x, x),
        lambda: pooled.score(x, None),
        lambda: pooled.basis(x),
        lambda: pooled.dimension(x),
        lambda: pooled.denoise(x, None, 0.25),
    ):
        with pytest.raises(InputError, match=r"fitted at \(1, 7, 11\); refit"):
            ask()


def test_pooled_data_are_the_same_images_seen_through_blocks():
    pixels = np.random.default_rng(0).random((6, *SHAPE), dtype=np.float32)
    source = ArraySource(pixels, np.arange(6) % 2, list("abcdef"))
    parts = [Split(source, np.arange(a, a + 2), ("x", "y")) for a in (0, 2, 4)]
    small = pool_data(Data(*parts), R)
    assert small.shape == SMALL
    assert small.classes == ("x", "y")
    batch = small.val.read(small.val.rows)
    assert batch.index.tolist() == [2, 3]
    assert batch.y is not None
    assert batch.y.tolist() == [0, 1]
    torch.testing.assert_close(batch.x, BLOCKS.down(torch.from_numpy(pixels[2:4])))


# Images x ~ N(m, Σ) at the native size: their block means are N(Am, AΣAᵀ), whatever is finer.
MEAN = torch.linspace(0.2, 0.8, D).double()
NATIVE = covariance(torch.cat([torch.linspace(0.2, 1, 8), torch.full((D - 8,), 0.02)]))
LAW = A @ NATIVE @ A.T
SIGMA = 0.25


@pytest.fixture
def exact() -> Pooled:
    return Pooled(GaussianManifold((A @ MEAN)[None], LAW, SMALL, sigma=SIGMA), R, SHAPE)


def test_score_is_the_gradient_of_the_exact_law_of_the_block_means(exact):
    precision = torch.linalg.inv(LAW + SIGMA**2 * torch.eye(D_SMALL))
    expected = torch.zeros(2, D).double()
    for draw in range(4):
        z = image_noise(SMALL, torch.arange(2), seed=0, name="manifold", draw=draw).flatten(1)
        x = X.flatten(1).clone().requires_grad_()
        away = x @ A.T + SIGMA * z - A @ MEAN
        log_density = -0.5 * torch.einsum("nd,de,ne->", away, precision, away)
        expected += torch.autograd.grad(log_density, x)[0] / 4
    torch.testing.assert_close(exact.score(X, None).flatten(1), expected)


def test_tangent_is_the_posterior_covariance_of_the_exact_law(exact):
    """Cov[Ax | Ax + σz]/σ², seen at the native size: symmetric, and between 0 and 1."""
    covariance_left = LAW - LAW @ torch.linalg.inv(LAW + SIGMA**2 * torch.eye(D_SMALL)) @ LAW
    expected = R**2 * A.T @ (covariance_left / SIGMA**2) @ A
    one = X[:1].expand(D, *SHAPE)
    found = exact.tangent(one, torch.eye(D).double().reshape(D, *SHAPE)).flatten(1)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found, found.T)
    values = torch.linalg.eigvalsh(found)
    assert -1e-12 < float(values.min()) < float(values.max()) < 1
    assert int((values > 1e-9).sum()) == D_SMALL


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.double, 1e-14), (torch.float, 1e-6)])
def test_the_exact_split_to_float_precision(exact, dtype, tolerance):
    """on + off + unresolved = ‖v‖², each by its own dense matrix."""
    v = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(4)).to(dtype)
    gain = LAW @ torch.linalg.inv(LAW + SIGMA**2 * torch.eye(D_SMALL))
    flat = v.double().flatten(1)
    seen, total = R * flat @ A.T, flat.square().sum(1)
    on = torch.einsum("nd,de,ne->n", seen, gain, seen)
    off = torch.einsum("nd,de,ne->n", seen, torch.eye(D_SMALL) - gain, seen)
    unresolved = (flat - R**2 * flat @ A.T @ A).square().sum(1)
    assert float(((on + off + unresolved) / total - 1).abs().max()) <= 1e-14

    found_on = exact.energy(X.to(dtype), v).double()
    found_off = exact.shrink(v).double().flatten(1).square().sum(1) - found_on
    found_unresolved = exact.unresolved(v).double().flatten(1).square().sum(1)
    for found, expected in ((found_on, on), (found_off, off), (found_unresolved, unresolved)):
        assert float(((found - expected) / total).abs().max()) <= tolerance
    assert min(float((part / total).min()) for part in (on, off, unresolved)) > 0.005


def test_what_is_finer_than_blocks_or_outside_the_crop_is_unresolved_alone(exact):
    finer = V - BLOCKS.resolved(V)
    outside = torch.zeros_like(V)
    outside[..., 6:, :], outside[..., :, 0], outside[..., :, 10] = 1, 1, 1  # crop: 6×9 from (0, 1)
    for v in (finer, outside):
        torch.testing.assert_close(exact.unresolved(v), v)
        assert float(exact.tangent(X, v).abs().max()) <= 1e-15
        assert float(exact.energy(X, v).abs().max()) <= 1e-15
    coarse = BLOCKS.up(torch.rand(2, *SMALL).double())
    assert float(exact.unresolved(coarse).abs().max()) <= 1e-15

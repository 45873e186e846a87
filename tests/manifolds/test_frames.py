"""Against the closed-form denoiser of a Gaussian, by way of its full covariance."""

import gc
import math

import pytest
import torch
from torch import Tensor

from gaussian_data import SHAPE, D, GaussianManifold, covariance, rotated
from offmanifold._core.errors import InputError
from offmanifold.manifolds import Frame, FrameManifold, ManifoldCard, Score, Tangent

K = 7
VARIANCES = torch.linspace(0.5, 0.01, K).double()
C = covariance(torch.cat([VARIANCES, torch.zeros(D - K)]))
MEAN = torch.linspace(0, 1, D).double()
X = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0)).double()
V = torch.rand(3, 4, *SHAPE, generator=torch.Generator().manual_seed(1)).double() - 0.5
CARD = ManifoldCard("given", "0" * 12, SHAPE, sigma=0.25, dimension=3.4)


class Given(FrameManifold):
    """One Gaussian for all images."""

    def __init__(self, card: ManifoldCard = CARD, variances: Tensor = VARIANCES):
        super().__init__()
        self.card, self.variances = card, variances
        self.asked: list[Tensor | None] = []

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        self.asked.append(index)
        n = len(x)
        rows = rotated(D)[:, : len(self.variances)].T.to(x).expand(n, -1, -1)
        return Frame(rows, self.variances.to(x).expand(n, -1), MEAN.to(x).expand(n, -1))


class Turned(FrameManifold):
    """A subspace of its own for each image, by its pixels or its index."""

    def __init__(self, by_index: bool = False):
        super().__init__()
        self.card, self.by_index = CARD, by_index

    def frame(self, x: Tensor, index: Tensor | None) -> Frame:
        ids = index.tolist() if self.by_index else (1e6 * x.flatten(1)[:, 0]).long().tolist()
        rows = torch.stack([rotated(D, seed=int(i))[:, :K].T for i in ids]).to(x)
        return Frame(rows, VARIANCES.to(x).expand(len(x), -1), x.flatten(1))


def exact() -> GaussianManifold:
    return GaussianManifold(MEAN[None], C)


@pytest.mark.parametrize("sigma", [0.1, 0.25, 1.0])
def test_it_is_the_ideal_denoiser_of_the_gaussian(sigma):
    given, gaussian = Given(), exact()
    torch.testing.assert_close(given.tangent(X, V[0], sigma), gaussian.tangent(X, V[0], sigma))
    torch.testing.assert_close(given.energy(X, V, sigma), gaussian.energy(X, V, sigma))
    torch.testing.assert_close(given.denoise(X, None, sigma), gaussian.denoise(X, None, sigma))
    torch.testing.assert_close(given.push(X, V, sigma), gaussian.push(X, V, sigma))
    torch.testing.assert_close(given.pull(X, V, sigma), gaussian.pull(X, V, sigma))


def test_its_numbers_are_those_of_the_covariance():
    given = Given()
    gains = torch.linalg.eigvalsh(C @ torch.linalg.inv(C + 0.25**2 * torch.eye(D))).flip(0)
    torch.testing.assert_close(given.dimension(X), gains.sum().expand(4))
    torch.testing.assert_close(given.spectrum(X, K), gains[:K].expand(4, K))
    torch.testing.assert_close(given.spectrum(X, 3), gains[:3].expand(4, 3))
    torch.testing.assert_close(given.spectrum(X, D), gains.expand(4, D), rtol=0, atol=1e-12)


def test_the_basis_is_the_rows_of_largest_variance():
    given = Given()
    assert given.basis(X).shape == (4, 3, D)  # the dimension of the card, rounded
    for k in (1, 2, K):
        q = given.basis(X, k)
        torch.testing.assert_close(q @ q.transpose(1, 2), torch.eye(k).double().expand(4, k, k))
        top = rotated(D)[:, :k]
        torch.testing.assert_close(q.transpose(1, 2) @ q, (top @ top.T).expand(4, D, D))
    assert given.basis(X, 2 * D).shape == (4, K, D)  # there are no more


def test_where_nothing_is_known_of_the_extent_it_is_a_hard_projector():
    given = Given(variances=torch.full((K,), math.inf).double())
    for sigma in (1e-3, 0.25, 1e3):
        once = given.tangent(X, V[0], sigma)
        torch.testing.assert_close(given.tangent(X, once, sigma), once)
        top = rotated(D)[:, :K]
        torch.testing.assert_close(once.flatten(1), V[0].flatten(1) @ top @ top.T)
    torch.testing.assert_close(given.dimension(X), torch.full((4,), float(K)).double())


def test_a_direction_without_variance_carries_nothing():
    given = Given(variances=torch.tensor([1.0, 0.5, 0.0]).double())
    assert given.spectrum(X, 3)[0, 2] == 0
    third = rotated(D)[:, 2].expand(4, -1).reshape(4, *SHAPE)
    assert given.tangent(X, third).abs().max() < 1e-12
    assert given.energy(X, V).isfinite().all()


def test_energy_is_the_product_with_the_tangent_single_and_stacked():
    for manifold in (Given(), Turned()):
        stacked = manifold.energy(X, V, 0.3)
        assert stacked.shape == (3, 4)
        for v, energy in zip(V, stacked, strict=True):
            expected = (v * manifold.tangent(X, v, 0.3)).flatten(1).sum(1)
            torch.testing.assert_close(energy, expected)
            torch.testing.assert_close(manifold.energy(X, v, 0.3), expected)


def test_the_mean_jacobian_is_symmetric():
    turned = Turned()
    one, other = V[0], V[1]
    torch.testing.assert_close(
        (one * turned.tangent(X, other)).sum((1, 2, 3)),
        (other * turned.tangent(X, one)).sum((1, 2, 3)),
    )
    assert not torch.allclose(turned.tangent(X, one), Given().tangent(X, one))


def test_gradients_through_the_tangent_are_the_finite_differences():
    turned, v = Turned(), V[0].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: turned.tangent(X, v, 0.3), v)
    assert torch.autograd.gradcheck(lambda v: turned.energy(X, v, 0.3), v)
    assert torch.autograd.gradcheck(lambda v: turned.energy(X, v[None], 0.3), v)


def test_an_image_is_seen_alike_in_any_batch():
    for by_index in (False, True):
        manifold, index = Turned(by_index), torch.tensor([5, 9, 2, 4])

        def seen(rows, manifold=manifold, index=index):
            x, i = X[rows], index[rows]
            return [
                manifold.tangent(x, V[0, rows], index=i),
                manifold.energy(x, V[:, rows], index=i).T,
                manifold.basis(x, 3, index=i),
                manifold.dimension(x, index=i),
                manifold.spectrum(x, 5, index=i),
            ]

        whole = seen(torch.arange(4))
        for rows in (torch.tensor([2, 0, 3, 1]), torch.tensor([1])):
            for part, all_of_it in zip(seen(rows), whole, strict=True):
                torch.testing.assert_close(part, all_of_it[rows])


def test_one_tensor_of_images_is_looked_at_once():
    given, x = Given(), X.clone()
    given.tangent(x, V[0])
    given.energy(x, V, 0.1)
    given.basis(x)
    assert len(given.asked) == 1
    given.tangent(X.clone(), V[0])  # another, though of equal values
    assert len(given.asked) == 2


def test_what_is_written_into_a_batch_is_seen():
    turned, x = Turned(), X.clone()
    before = turned.tangent(x, V[0])
    x *= 0.9
    assert not torch.equal(turned.tangent(x, V[0]), before)
    torch.testing.assert_close(turned.tangent(x, V[0]), turned.tangent(x.clone(), V[0]))


def test_another_index_means_another_image():
    turned = Turned(by_index=True)
    one, other = (turned.tangent(X, V[0], index=torch.arange(4) + i) for i in (0, 10))
    assert not torch.allclose(one, other)
    assert torch.equal(turned.tangent(X, V[0], index=torch.arange(4)), one)


def test_images_are_forgotten_with_their_batch():
    given = Given()
    x = X.clone()
    given.tangent(x, V[0])
    assert len(given._frames) == 1
    del x
    gc.collect()
    assert len(given._frames) == 0


def test_within_inference_mode():
    given = Given()
    with torch.inference_mode():
        found = given.tangent(X.clone(), V[0])
    torch.testing.assert_close(found.clone(), given.tangent(X, V[0]))


def test_a_noise_level_an_image():
    sigma = torch.tensor([0.1, 0.2, 0.3, 0.4]).double()
    found = Given().denoise(X, None, sigma)
    for i in range(4):
        alone = exact().denoise(X[i : i + 1], None, float(sigma[i]))
        torch.testing.assert_close(found[i : i + 1], alone)


def test_single_precision():
    found = Given().tangent(X.float(), V[0].float())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), Given().tangent(X, V[0]), rtol=0, atol=1e-6)


def test_it_has_tangents_and_no_score():
    assert isinstance(Given(), Tangent)
    assert not isinstance(Given(), Score)
    assert not Given.scores


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.tangent(X, V[0]),
        lambda m: m.energy(X, V),
        lambda m: m.dimension(X),
        lambda m: m.spectrum(X, 3),
    ],
)
def test_an_unusable_manifold_says_so(ask):
    with pytest.raises(InputError, match="no σ passed its gates"):
        ask(Given(ManifoldCard("given", "0" * 12, SHAPE)))


@pytest.mark.parametrize("sigma", [0.0, -0.1, math.inf, math.nan])
def test_noise_levels_out_of_range(sigma):
    with pytest.raises(InputError, match="σ must be finite and above 0"):
        Given().tangent(X, V[0], sigma)
    with pytest.raises(InputError, match="σ must be finite and above 0"):
        Given().energy(X, V[0], sigma)


def test_images_of_another_size_are_refused():
    with pytest.raises(InputError, match=r"\(1, 4, 4\).*fitted at \(1, 4, 5\); refit"):
        Given().tangent(X[..., :-1], V[0, ..., :-1])

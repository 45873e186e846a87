"""Against Gaussian data, whose score, tangent and posterior are known in closed form."""

import pytest
import torch

from gaussian_data import SHAPE, D, GaussianManifold, covariance, rotated
from offmanifold._core.errors import InputError
from offmanifold._core.randomness import image_noise
from offmanifold.manifolds import TweedieManifold

SIGMA = 0.25
VARIANCES = torch.cat([torch.linspace(0.5, 1, 5), torch.linspace(0, 1e-4, D - 5)])
C = covariance(VARIANCES)
MEAN = torch.linspace(0, 1, D).double()
X = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(1)).double()
V = torch.rand(4, 3, *SHAPE, generator=torch.Generator().manual_seed(2)).double() - 0.5


@pytest.fixture
def manifold() -> GaussianManifold:
    return GaussianManifold(MEAN[None], C)


def mean_noise(name: str = "manifold", draws: int = 4) -> torch.Tensor:
    index = torch.arange(3)
    draw = [image_noise(SHAPE, index, seed=0, name=name, draw=i) for i in range(draws)]
    return torch.stack(draw).double().mean(0)


def test_score_is_that_of_the_noisy_gaussian_averaged_over_the_draws(manifold):
    away = (X + SIGMA * mean_noise()).flatten(1) - MEAN
    expected = -torch.linalg.solve(C + SIGMA**2 * torch.eye(D), away.T).T
    torch.testing.assert_close(manifold.score(X, None).flatten(1), expected)


def test_tangent_is_the_posterior_covariance_over_sigma_squared(manifold):
    for sigma in (0.1, 0.5):
        gain = C @ torch.linalg.inv(C + sigma**2 * torch.eye(D))
        torch.testing.assert_close(
            manifold.tangent(X, V[0], sigma).flatten(1), V[0].flatten(1) @ gain
        )


def test_energy_is_the_quadratic_form_single_and_stacked(manifold):
    stacked = manifold.energy(X, V)
    assert stacked.shape == (4, 3)
    for fields, energy in zip(V, stacked, strict=True):
        expected = (fields * manifold.tangent(X, fields)).flatten(1).sum(1)
        torch.testing.assert_close(energy, expected)
        torch.testing.assert_close(manifold.energy(X, fields), expected)


class Skewed(TweedieManifold):
    """A linear map with an asymmetric part: J̄ is its symmetric part."""

    def __init__(self, card, matrix):
        super().__init__()
        self.card, self.matrix = card, matrix

    def denoise(self, noisy, y, sigma):
        return (noisy.flatten(1) @ self.matrix.T).reshape(noisy.shape)


def test_tangent_and_energy_take_the_symmetric_part(manifold):
    matrix = torch.rand(D, D, generator=torch.Generator().manual_seed(3)).double()
    skewed = Skewed(manifold.card, matrix)
    symmetric = (matrix + matrix.T) / 2
    torch.testing.assert_close(skewed.tangent(X, V[0]).flatten(1), V[0].flatten(1) @ symmetric)
    quadratic = torch.einsum("nd,de,ne->n", V[0].flatten(1), symmetric, V[0].flatten(1))
    torch.testing.assert_close(skewed.energy(X, V[0]), quadratic)


def test_basis_spans_the_top_eigenvectors_and_is_orthonormal(manifold):
    q = manifold.basis(X, 5)
    assert q.shape == (3, 5, D)
    top = rotated(D)[:, :5]
    cosines = torch.linalg.svdvals(q @ top)
    assert (cosines.clamp(max=1).acos() <= 1e-4).all()
    torch.testing.assert_close(q @ q.transpose(1, 2), torch.eye(5).double().expand(3, 5, 5))
    p = q.transpose(1, 2) @ q
    torch.testing.assert_close(p @ p, p)


def test_basis_of_a_wide_space_by_subspace_iteration():
    d, k = 96, 4  # k + 8 directions do not fill the space
    c = covariance(torch.cat([torch.full((k,), 1.0), torch.linspace(1e-5, 1e-4, d - k)]))
    manifold = GaussianManifold(torch.zeros(1, d), c, shape=(1, 8, 12))
    q = manifold.basis(torch.rand(2, 1, 8, 12).double(), k)
    cosines = torch.linalg.svdvals(q @ rotated(d)[:, :k])
    assert (cosines.clamp(max=1).acos() <= 1e-4).all()


def test_the_spectrum_is_that_of_the_mean_jacobian(manifold):
    gains = (VARIANCES / (VARIANCES + SIGMA**2)).sort(descending=True).values.double()
    for k in (1, 5, D, 3 * D):
        values = manifold.spectrum(X, k)
        expected = gains[:k].expand(3, -1)
        torch.testing.assert_close(values, expected, rtol=1e-3, atol=1e-6)


def test_the_spectrum_of_a_mixture_is_that_of_its_symmetric_jacobian():
    means = torch.stack([MEAN, MEAN.flip(0)])
    manifold = GaussianManifold(means, C + 0.05 * torch.eye(D))
    index = torch.tensor([5, 9, 2])
    mean = torch.zeros(3, D, D).double()
    for noisy in manifold.noisy(X, SIGMA, index):
        jacobian = torch.autograd.functional.jacobian(
            lambda a: manifold.denoise(a, None, SIGMA).sum(0).flatten(), noisy
        )  # (d, n, c, h, w)
        mean += jacobian.flatten(2).transpose(0, 1) / manifold.draws
    expected = torch.linalg.eigvalsh((mean + mean.transpose(1, 2)) / 2).flip(1)
    values = manifold.spectrum(X, D, index=index)
    assert (values.diff(dim=1) <= 0).all()
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(values.sum(1), mean.diagonal(dim1=1, dim2=2).sum(1))
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    top = manifold.spectrum(X, 3, index=index)
    torch.testing.assert_close(top, expected[:, :3], rtol=0.05, atol=0)
    assert (top <= expected[:, :3] + 1e-9).all()  # Ritz values come from below
    alone = manifold.spectrum(X[1:2], 3, index=index[1:2])
    torch.testing.assert_close(alone, top[1:2])


def test_the_spectrum_is_that_of_the_symmetric_part(manifold):
    matrix = torch.rand(D, D, generator=torch.Generator().manual_seed(3)).double()
    skewed = Skewed(manifold.card, matrix)
    expected = torch.linalg.eigvalsh((matrix + matrix.T) / 2).flip(0)
    torch.testing.assert_close(skewed.spectrum(X, D), expected.expand(3, D))


def test_the_spectrum_goes_with_the_basis(manifold):
    q, values = manifold.basis(X, 4), manifold.spectrum(X, 4)
    for i in range(4):
        energy = manifold.energy(X, q[:, i].reshape(X.shape))
        torch.testing.assert_close(energy, values[:, i])


def test_basis_has_as_many_directions_as_the_dimension(manifold):
    trace = float(manifold.gain(SIGMA).trace())
    assert manifold.basis(X).shape[1] == round(trace)
    assert manifold.basis(X, 10 * D).shape[1] == D


def test_basis_in_single_precision_is_idempotent(manifold):
    q = manifold.basis(X.float())
    p = q.transpose(1, 2) @ q
    torch.testing.assert_close(p @ p, p, rtol=0, atol=1e-6)


def test_dimension_is_the_trace_within_its_error(manifold):
    n = 400
    x = torch.rand(n, *SHAPE).double()
    gain = manifold.gain(SIGMA)
    estimates = manifold.dimension(x)
    error = (2 * (gain.square().sum() - gain.diagonal().square().sum()) / n).sqrt()
    assert (estimates.mean() - gain.trace()).abs() < 4 * error
    assert estimates.std() > 0


def test_posterior_score_is_the_gradient_of_the_log_posterior():
    means = torch.stack([MEAN, MEAN.flip(0), 1 - MEAN.roll(3)])
    manifold = GaussianManifold(means, C + 0.1 * torch.eye(D))
    y = torch.tensor([0, 1, 2])
    expected = torch.zeros_like(X)
    for draw in range(4):
        noisy = X + SIGMA * image_noise(SHAPE, torch.arange(3), seed=0, name="manifold", draw=draw)
        noisy.requires_grad_()
        log_p = manifold.log_posterior(noisy.flatten(1), SIGMA).gather(1, y[:, None])
        expected += torch.autograd.grad(log_p.sum(), noisy)[0] / 4
    found = manifold.score(X, y) - manifold.score(X, None)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(found, expected)


class Recorded(GaussianManifold):
    def denoise(self, noisy, y, sigma):
        self.asked.append(noisy.detach())
        return super().denoise(noisy, y, sigma)


def test_the_denoiser_is_asked_at_noisy_points_alone():
    manifold = Recorded(MEAN[None], C)
    index = torch.tensor([7, 0, 3])
    allowed = torch.stack(
        [X + SIGMA * image_noise(SHAPE, index, seed=0, name="manifold", draw=i) for i in range(4)]
    )
    manifold.asked = []
    manifold.score(X, None, index=index)
    assert torch.equal(torch.stack(manifold.asked), allowed)

    class Differences(Recorded):  # a jvp by finite differences tells where it is taken
        def push(self, noisy, v, sigma):
            self.asked.append(noisy)
            return super().push(noisy, v, sigma)

        def pull(self, noisy, v, sigma):
            self.asked.append(noisy)
            return super().pull(noisy, v, sigma)

        def denoise(self, noisy, y, sigma):
            return GaussianManifold.denoise(self, noisy, y, sigma)

    asked = Differences(MEAN[None], C)
    for call in (
        lambda: asked.tangent(X, V[0], index=index),
        lambda: asked.energy(X, V, index=index),
        lambda: asked.basis(X, 3, index=index),
        lambda: asked.dimension(X, index=index),
    ):
        asked.asked = []
        call()
        assert len(asked.asked) >= 4
        for noisy in asked.asked:
            assert any(torch.equal(noisy, point) for point in allowed)


def test_an_image_is_seen_alike_in_any_batch():
    means = torch.stack([MEAN, MEAN.flip(0)])
    manifold = GaussianManifold(means, C + 0.1 * torch.eye(D))
    index, order = torch.tensor([5, 9, 2]), torch.tensor([2, 0, 1])

    def seen(rows: torch.Tensor) -> list[torch.Tensor]:
        x, i = X[rows], index[rows]
        return [
            manifold.score(x, None, index=i),
            manifold.tangent(x, V[0, rows], index=i),
            manifold.energy(x, V[:, rows], index=i).T,
            manifold.dimension(x, index=i),
        ]

    whole = seen(torch.arange(3))
    for rows in (order, torch.tensor([1])):
        for part, all_of_it in zip(seen(rows), whole, strict=True):
            torch.testing.assert_close(part, all_of_it[rows])
    projector = [q.T @ q for q in manifold.basis(X, 3, index=index)]
    alone = manifold.basis(X[1:2], 3, index=index[1:2])[0]
    torch.testing.assert_close(alone.T @ alone, projector[1])


def test_another_index_means_other_noise(manifold):
    assert not torch.equal(
        manifold.score(X, None, index=torch.arange(3)),
        manifold.score(X, None, index=torch.arange(3) + 1),
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.score(X, None),
        lambda m: m.tangent(X, V[0]),
        lambda m: m.energy(X, V),
        lambda m: m.basis(X, 3),
        lambda m: m.dimension(X),
        lambda m: m.spectrum(X, 3),
    ],
)
def test_an_unusable_manifold_says_so(ask):
    with pytest.raises(InputError, match="no σ passed its gates; fit it longer"):
        ask(GaussianManifold(MEAN[None], C, sigma=None))


def test_images_of_another_size_are_refused(manifold):
    with pytest.raises(InputError, match="fitted at"):
        manifold.score(X[..., :-1], None)

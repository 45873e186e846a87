import pytest
import torch

from gaussian_data import (
    D,
    GaussianManifold,
    Linear,
    covariance,
    images,
    probe_of,
    rotated,
    subspace_manifold,
)
from offmanifold.manifolds import Pooled
from offmanifold.measures.directions import spectrum_noise, unit
from offmanifold.measures.manifold_fraction import (
    OnManifoldFraction,
    OnManifoldFractionHard,
    ProjectedNorm,
    UnresolvedFraction,
)

K, SIGMA = 4, 0.25
V = rotated(D).float()
MANIFOLD = subspace_manifold(K)
GAIN = 100 / (100 + SIGMA**2)
NAME = "alignment.on_manifold_fraction"


def model(on: float, off: float) -> Linear:
    """Two classes whose gradients all lie along one direction: `on` in the tangent, `off` out."""
    w = on * V[:, 1] + off * V[:, K + 2]
    return Linear(torch.stack([w, -w]))


@pytest.mark.parametrize(("on", "off"), [(1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (2.0, 1.0)])
def test_fraction_of_a_linear_classifier_on_a_known_subspace(on, off):
    probe = probe_of(model(on, off), MANIFOLD, images(6, 2))
    share = on**2 / (on**2 + off**2)
    soft = OnManifoldFraction().columns(probe)[NAME]
    hard = OnManifoldFractionHard().columns(probe)[f"{NAME}_hard"]
    norm = ProjectedNorm().columns(probe)["alignment.projected_norm"]
    torch.testing.assert_close(soft, torch.full((6,), share * GAIN), rtol=0, atol=1e-4)
    torch.testing.assert_close(hard, torch.full((6,), share), rtol=0, atol=1e-4)
    torch.testing.assert_close(norm, torch.full((6,), share**0.5), rtol=0, atol=1e-3)


def test_chances():
    probe = probe_of(model(1, 1), MANIFOLD, images(200, 2))
    found = OnManifoldFraction().columns(probe)
    chance = K * GAIN / D
    for column in (found[f"{NAME}/chance"], found[f"{NAME}/white_noise"]):
        assert float(column.mean()) == pytest.approx(chance, abs=4 * float(column.std()) / 200**0.5)
        assert column.std() < 0.2
    hard = OnManifoldFractionHard().columns(probe)[f"{NAME}_hard/chance"]
    torch.testing.assert_close(hard, torch.full((200,), K / D))
    norm = ProjectedNorm().columns(probe)["alignment.projected_norm/chance"]
    torch.testing.assert_close(norm, torch.full((200,), (K / D) ** 0.5))


def test_controls_stand_under_the_same_tangent():
    c = covariance(torch.tensor([1.0] * K + [1e-3] * (D - K)))
    two = GaussianManifold(torch.rand(2, D, generator=torch.Generator().manual_seed(0)), c)
    shuffled = tuple(Linear(torch.randn(2, D)) for _ in range(3))
    probe = probe_of(model(1, 1), two, images(6, 2), shuffled=shuffled)
    found, scene = OnManifoldFraction().columns(probe), probe.scene
    g, partner = unit(probe.gradient()), scene.partner
    spectrum = unit(spectrum_noise(probe.x, scene.noise("white")))

    def close(control: str, expected: torch.Tensor) -> None:
        torch.testing.assert_close(found[f"{NAME}/{control}"], expected, rtol=1e-4, atol=1e-5)

    close("wrong_image", two.energy(partner.x, g, index=partner.index))
    close("spectrum_noise", two.energy(probe.x, spectrum, index=probe.index))
    each = [two.energy(probe.x, unit(p.gradient()), index=probe.index) for p in probe.untrained()]
    close("untrained", torch.stack(each).mean(0))
    assert not torch.allclose(found[f"{NAME}/wrong_image"], found[NAME])


def test_it_is_never_clipped():
    class Beyond(GaussianManifold):
        def denoise(self, noisy, y, sigma):
            return -2 * noisy

    beyond = Beyond(torch.zeros(1, D), torch.eye(D))
    found = OnManifoldFraction().columns(probe_of(model(1, 1), beyond, images(4, 2)))[NAME]
    torch.testing.assert_close(found, torch.full((4,), -2.0))


@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_a_gradient_without_direction_counts_as_zero(bad):
    probe = probe_of(Linear(torch.full((2, D), bad)), MANIFOLD, images(4, 2))
    found = OnManifoldFraction().columns(probe)
    assert not found[NAME].any()
    assert not found[f"{NAME}/wrong_image"].any()
    assert found["alignment.on_manifold_fraction/is_zero"].all()
    assert not OnManifoldFractionHard().columns(probe)[f"{NAME}_hard"].any()


def test_what_a_pooled_manifold_does_not_resolve_is_apart():
    shape = (1, 5, 6)
    inner = GaussianManifold(torch.full((1, 6), 0.5), 100 * torch.eye(6), (1, 2, 3))
    pooled, split = Pooled(inner, 2, shape), images(4, 2, shape)
    probe = probe_of(Linear(torch.randn(2, 30)), pooled, split)  # type: ignore[arg-type]
    left = UnresolvedFraction().columns(probe)["alignment.unresolved_fraction"]
    on = OnManifoldFraction().columns(probe)[NAME]
    assert (left > 0.1).all()
    torch.testing.assert_close(on / GAIN + left, torch.ones(4), rtol=0, atol=1e-4)

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from alexnet import random_alexnet
from gaussian_data import D, GaussianManifold, Linear, SquaredDistance, covariance, images, probe_of
from offmanifold.measures.directions import cosine, drawn, spectrum_noise
from offmanifold.measures.lpips import load_lpips
from offmanifold.measures.lpips_similarity import LpipsPosterior

NAME = "alignment.lpips_posterior"
C = covariance(torch.linspace(0.01, 1, D))
MEANS = torch.rand(2, D, generator=torch.Generator().manual_seed(0)).double()
MANIFOLD = GaussianManifold(MEANS, C)
SIGMA = 0.25
W = (MEANS @ torch.linalg.inv(C + SIGMA**2 * torch.eye(D))).float()
SHUFFLED = tuple(
    Linear(W[:, torch.randperm(D, generator=torch.Generator().manual_seed(i))]) for i in range(3)
)


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> nn.Module:
    pytest.importorskip("lpips")
    path = tmp_path_factory.mktemp("lpips") / "alexnet.pth"
    torch.save(random_alexnet(), path)
    return load_lpips(path)


def likeness(network: nn.Module, u, v) -> torch.Tensor:
    scene: Any = SimpleNamespace(perceptual=network)
    return LpipsPosterior().similarity(scene, u, v)


def columns(model, perceptual=None, **options) -> dict[str, torch.Tensor]:
    probe = probe_of(model, MANIFOLD, images(12, 2), perceptual=perceptual, **options)
    return LpipsPosterior().columns(probe)


def test_the_bayes_classifier_of_two_gaussians_looks_like_its_target(network):
    found = columns(Linear(W), network, shuffled=SHUFFLED)
    torch.testing.assert_close(found[NAME], torch.ones(12), rtol=0, atol=1e-4)
    for control in ("untrained", "wrong_class", "white_noise", "spectrum_noise", "image"):
        assert found[f"{NAME}/{control}"].max() < 0.99, control
    assert not found[f"{NAME}/is_zero"].any()
    torch.testing.assert_close(columns(Linear(1e-6 * W), network)[NAME], found[NAME])


def test_every_control_is_measured_by_the_same_code_as_the_gradient():
    """With the mean squared difference of drawn fields in place of LPIPS."""
    wrong = Linear(W.flip(0))
    probe = probe_of(Linear(W[:, ::2].repeat(1, 2)), MANIFOLD, images(12, 2), shuffled=SHUFFLED)
    found = LpipsPosterior().columns(probe)
    scene, x, y = probe.scene, probe.x, probe.y

    def target(at, labels, index):
        return MANIFOLD.score(at, labels, index=index) - MANIFOLD.score(at, None, index=index)

    own, there = target(x, y, probe.index), scene.partner
    gradient, white = probe.gradient(), scene.noise("white")
    expected = {
        NAME: (gradient, own),
        f"{NAME}/white_noise": (white, own),
        f"{NAME}/spectrum_noise": (spectrum_noise(x, white), own),
        f"{NAME}/image": (x, own),
        f"{NAME}/class_mean": (scene.class_means[y] - x, own),
        f"{NAME}/wrong_class": (gradient, target(x, there.y, probe.index)),
        f"{NAME}/wrong_image": (gradient, target(there.x, there.y, there.index)),
    }
    for name, (u, v) in expected.items():
        by_hand = []
        for one, other in zip(u, v, strict=True):
            pair = [f / (3 * f.square().mean().sqrt()) for f in (one, other)]
            by_hand.append(1 - enlarged_difference(*(f.clamp(-1, 1) for f in pair)))
        torch.testing.assert_close(found[name], torch.stack(by_hand), rtol=0, atol=1e-4, msg=name)
    untrained = torch.stack(
        [likeness(SquaredDistance(), p.gradient(), own) for p in probe.untrained()]
    )
    torch.testing.assert_close(found[f"{NAME}/untrained"], untrained.mean(0))
    assert f"{NAME}/label_randomised" not in found
    randomised = columns(Linear(W), randomised=wrong)[f"{NAME}/label_randomised"]
    torch.testing.assert_close(randomised, columns(wrong)[NAME])
    assert (randomised - columns(Linear(W))[NAME]).abs().min() > 0.01


def enlarged_difference(a, b):
    large = torch.nn.functional.interpolate(
        (a - b)[None].expand(1, 3, -1, -1), (64, 80), mode="bilinear"
    )
    return large.square().mean()


@pytest.mark.parametrize("bad", [0.0, float("nan")])
def test_a_gradient_without_direction_counts_as_zero_and_is_counted(bad):
    found = columns(Linear(torch.full((2, D), bad)))
    assert not found[NAME].any()
    assert found[f"{NAME}/is_zero"].all()
    assert found[f"{NAME}/white_noise"].abs().min() > 0


def test_likeness_sees_the_shape_of_a_field_and_not_its_size():
    u, v = torch.randn(2, 5, 1, 6, 7, generator=torch.Generator().manual_seed(0))
    found = likeness(SquaredDistance(), u, v)
    torch.testing.assert_close(likeness(SquaredDistance(), 7 * u, 1e-3 * v), found)
    assert (likeness(SquaredDistance(), -u, v) - found).abs().min() > 1e-4
    assert likeness(SquaredDistance(), u, 0 * v).tolist() == [0] * 5
    assert cosine(drawn(u), u).min() > 0.95

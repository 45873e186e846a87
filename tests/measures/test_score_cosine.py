import numpy as np
import pytest
import torch

from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance, images, probe_of
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split
from offmanifold.measures.score_cosine import (
    CosinePosterior,
    CosinePosteriorDoubleSigma,
    CosinePosteriorHalfSigma,
)

NAME = "alignment.cosine_posterior"
C = covariance(torch.linspace(0.01, 1, D))
MEANS = torch.rand(2, D, generator=torch.Generator().manual_seed(0)).double()
SIGMA = 0.25
W = (MEANS @ torch.linalg.inv(C + SIGMA**2 * torch.eye(D))).float()
SHUFFLED = tuple(Linear(W[:, torch.randperm(D)]) for _ in range(3))


def columns(model, **options) -> dict[str, torch.Tensor]:
    manifold = GaussianManifold(MEANS, C)
    return CosinePosterior().columns(probe_of(model, manifold, images(12, 2), **options))


def test_the_bayes_classifier_of_two_gaussians_has_cosine_one():
    found = columns(Linear(W), shuffled=SHUFFLED)
    torch.testing.assert_close(found[NAME], torch.ones(12), rtol=0, atol=1e-4)
    assert found[f"{NAME}/untrained"].mean() < 0.9
    torch.testing.assert_close(found[f"{NAME}/wrong_class"], -torch.ones(12), rtol=0, atol=1e-4)
    assert found[f"{NAME}/white_noise"].mean().abs() < 0.3
    assert not found["alignment.cosine_posterior/is_zero"].any()


def test_the_target_of_another_image_is_taken_there():
    manifold = GaussianManifold(MEANS, C)
    probe = probe_of(Linear(W), manifold, images(12, 2))
    found = CosinePosterior().columns(probe)[f"{NAME}/wrong_image"]
    there = probe.scene.partner
    target = manifold.score(there.x, there.y, index=there.index) - manifold.score(
        there.x, None, index=there.index
    )
    expected = torch.cosine_similarity(probe.gradient().flatten(1), target.flatten(1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_at_other_noise_levels_the_target_is_that_of_bayes_there():
    for measure, times in ((CosinePosteriorHalfSigma(), 0.5), (CosinePosteriorDoubleSigma(), 2)):
        sigma = times * SIGMA
        w = (MEANS @ torch.linalg.inv(C + sigma**2 * torch.eye(D))).float()
        probe = probe_of(Linear(w), GaussianManifold(MEANS, C), images(12, 2))
        found = measure.columns(probe)[measure.name]
        torch.testing.assert_close(found, torch.ones(12), rtol=0, atol=1e-4)
        other = CosinePosterior().columns(probe)[NAME]
        assert (other < 0.999).all()


def test_the_ceiling_is_the_cosine_of_two_targets():
    found = columns(Linear(W))  # beside itself
    torch.testing.assert_close(found[f"{NAME}/ceiling"], torch.ones(12), rtol=0, atol=1e-5)
    reverse = GaussianManifold(MEANS.flip(0), C)  # the classes exchanged
    found = columns(Linear(W), second=reverse)
    torch.testing.assert_close(found[f"{NAME}/ceiling"], -torch.ones(12), rtol=0, atol=1e-4)
    saved = CosinePosterior().reduce({k: v.numpy() for k, v in found.items()}, 12)
    assert saved["ceiling"]["value"] == pytest.approx(-1, abs=1e-4)
    assert "ceiling" not in saved["controls"]


def test_a_network_of_permuted_labels_is_a_control():
    wrong = Linear(W.flip(0))
    found = columns(Linear(W), randomised=wrong)
    torch.testing.assert_close(
        found[f"{NAME}/label_randomised"], -torch.ones(12), rtol=0, atol=1e-4
    )


def test_its_negative_has_cosine_minus_one():
    torch.testing.assert_close(columns(Linear(-W))[NAME], -torch.ones(12), rtol=0, atol=1e-4)


def test_controls_are_the_image_and_class_mean_minus_image():
    found = columns(Linear(W))
    direction = W[1] - W[0]
    split = images(12, 2)
    x, y = split.read(split.rows).x.flatten(1), torch.arange(12) % 2
    means = split.class_means.flatten(1)[y]
    sign = 2.0 * y - 1
    for name, v in (("image", x), ("class_mean", means - x)):
        expected = sign * torch.cosine_similarity(v, direction[None])
        torch.testing.assert_close(found[f"{NAME}/{name}"], expected, rtol=0, atol=1e-4)
    assert f"{NAME}/untrained" not in found


@pytest.mark.parametrize("bad", [0.0, float("nan")])
def test_a_gradient_without_direction_counts_as_zero_and_is_counted(bad):
    found = columns(Linear(torch.full((2, D), bad)))
    assert not found[NAME].any()
    assert found["alignment.cosine_posterior/is_zero"].all()


def test_wrong_class_is_the_target_of_the_partner_s_class():
    means = torch.rand(3, D, generator=torch.Generator().manual_seed(1)).double()
    manifold = GaussianManifold(means, C)
    x = np.random.default_rng(0).random((6, *SHAPE), dtype=np.float32)
    split = Split(ArraySource(x, np.arange(6) % 3, list("abcdef")), np.arange(6), ("a", "b", "c"))
    probe = probe_of(Linear(torch.rand(3, D)), manifold, split)
    found = CosinePosterior().columns(probe)[f"{NAME}/wrong_class"]
    other = probe.scene.partner.y
    target = manifold.score(probe.x, other) - manifold.score(probe.x, None)
    expected = torch.cosine_similarity(probe.gradient().flatten(1), target.flatten(1))
    torch.testing.assert_close(found, expected)

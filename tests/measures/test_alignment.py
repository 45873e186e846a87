"""What all alignments share: their targets, their controls, their ceiling."""

import pytest
import torch

from gaussian_data import D, GaussianManifold, Linear, covariance, images, probe_of
from offmanifold.data.types import Split
from offmanifold.measures import measures
from offmanifold.measures.alignment import Alignment
from offmanifold.measures.controls import FIELDS

C = covariance(torch.linspace(0.01, 1, D))
MEANS = torch.rand(3, D, generator=torch.Generator().manual_seed(0)).double()
MANIFOLD = GaussianManifold(MEANS, C)
WEIGHT = torch.randn(3, D, generator=torch.Generator().manual_seed(1))
SHUFFLED = tuple(Linear(WEIGHT.roll(i, 1)) for i in (1, 2, 3))
ALL = [n for n in measures if issubclass(measures[n], Alignment)]
SCORES = ("posterior", "conditional", "unconditional")


def score_of(kind: str, x, y, index):
    """The score by its definition, at noisy points."""
    conditional, unconditional = (MANIFOLD.score(x, label, index=index) for label in (y, None))
    return {
        "posterior": conditional - unconditional,
        "conditional": conditional,
        "unconditional": unconditional,
    }[kind]


def clean_score_of(kind: str, x, y):
    """The score at the clean image, σ = .25."""
    label = y if kind == "conditional" else None
    return (MANIFOLD.denoise(x, label, 0.25) - x) / 0.25**2


def probe(**options):
    options = {"shuffled": SHUFFLED, "randomised": Linear(WEIGHT.flip(0)), **options}
    return probe_of(Linear(WEIGHT), MANIFOLD, images(9, 3), **options)


def test_there_are_three_similarities_to_three_scores_and_the_paper_s_pairs():
    kinds = ("cosine", "ssim", "lpips")
    named = {f"alignment.{kind}_{score}" for kind in kinds for score in SCORES}
    paper = {"paper_sum", "paper_conditional", "paper_sum_cosine", "paper_conditional_cosine"}
    assert named | {f"alignment.{p}" for p in paper} <= set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_value_and_every_control_are_one_similarity_of_a_field_and_a_target(name):
    measure, seen = measures[name](), probe()
    scene, x, y = seen.scene, seen.x, seen.y
    found = measure.columns(seen)
    gradient = seen.gradient(measure.gradient)

    def target(image, label, index):
        if measure.clean:
            return clean_score_of(measure.score, image, label)
        return score_of(measure.score, image, label, index)

    randomised = seen.with_model(Linear(WEIGHT.flip(0)))
    own, there = target(x, y, seen.index), scene.partner
    pairs = {
        "": (gradient, own),
        "/white_noise": (scene.noise("white"), own),
        "/image": (x, own),
        "/class_mean": (scene.class_means[y] - x, own),
        "/spectrum_noise": (FIELDS["spectrum_noise"](scene), own),
        "/wrong_image": (gradient, target(there.x, there.y, there.index)),
        "/label_randomised": (randomised.gradient(measure.gradient), own),
        "/ceiling": (own, own),
    }
    if measure.score != "unconditional":
        pairs["/wrong_class"] = (gradient, target(x, there.y, seen.index))
    for control, (a, b) in pairs.items():
        expected = measure.similarity(scene, a, b)
        torch.testing.assert_close(found[name + control], expected, rtol=1e-4, atol=1e-5)
    each = [measure.similarity(scene, p.gradient(measure.gradient), own) for p in seen.untrained()]
    torch.testing.assert_close(found[f"{name}/untrained"], torch.stack(each).mean(0))
    extra = {f"{name}/untrained", f"{name}/is_zero"}
    assert {k for k in found if "@" not in k} == {name + c for c in pairs} | extra


@pytest.mark.parametrize("name", ALL)
def test_a_gradient_without_direction_counts_as_zero(name):
    found = measures[name]().columns(probe_of(Linear(torch.zeros(3, D)), MANIFOLD, images(6, 3)))
    assert not found[name].any()
    assert found[f"{name}/is_zero"].all()


@pytest.mark.parametrize("name", [n for n in ALL if "labels" not in measures[n].needs])
def test_without_labels_the_unconditional_ones_are_measured(name):
    split = images(6, 3)
    split.source.labels = None
    found = measures[name]().columns(
        probe_of(Linear(WEIGHT), MANIFOLD, Split(split.source, split.rows))
    )
    assert f"{name}/class_mean" not in found
    assert found[name].abs().max() > 0

import copy

import pytest
import torch
from torch import nn

from gaussian_data import (
    SHAPE,
    D,
    GaussianManifold,
    Linear,
    covariance,
    images,
    probe_of,
    rotated,
    subspace_manifold,
)
from offmanifold.audits.plan import ASKED
from offmanifold.data.types import Split
from offmanifold.measures import measures, passes
from offmanifold.measures.on_off_change import changes
from offmanifold.measures.probe import Memo, shuffled_copies
from offmanifold.models.small_resnet import SmallResNet

C = covariance(torch.linspace(0.01, 1, D))
MEANS = torch.rand(3, D, generator=torch.Generator().manual_seed(0))
MANIFOLD = GaussianManifold(MEANS, C)
WEIGHT = torch.randn(3, D, generator=torch.Generator().manual_seed(1))


class Counted(nn.Module):
    """A linear classifier that counts images seen forwards, and gradients taken to them."""

    def __init__(self, weight=WEIGHT):
        super().__init__()
        self.inner = Linear(weight)
        self.count = {"forward": 0, "backward": 0}

    def forward(self, x):
        self.count["forward"] += len(x)
        if x.requires_grad:
            x = x.view_as(x)
            x.register_hook(lambda g: self.count.update(backward=self.count["backward"] + len(g)))
        return self.inner(x)


def unlabelled(n: int = 6) -> Split:
    split = images(n)
    split.source.labels = None
    return Split(split.source, split.rows)


def test_memo_computes_once():
    memo, calls = Memo(), []
    for _ in range(2):
        assert memo.once("key", lambda: calls.append(1) or 7) == 7
    assert memo.once("other", lambda: None) is None
    assert len(calls) == 1


def test_a_partner_is_of_another_class_by_seed_and_index_alone():
    split = images(30)
    whole = probe_of(Counted(), split=split).scene
    assert (whole.partner.y != whole.batch.y).all()
    assert len(set(whole.partner.index.tolist())) > 8
    for rows in ([4], [17, 4, 2]):
        part = probe_of(Counted(), split=split, rows=rows).scene.partner
        assert part.index.tolist() == whole.partner.index[rows].tolist()
        assert torch.equal(part.x, whole.partner.x[rows])
    other = probe_of(Counted(), split=split, seed=1).scene.partner
    assert other.index.tolist() != whole.partner.index.tolist()


@pytest.mark.parametrize("split", [unlabelled(), images(6, classes=1)])
def test_without_another_class_a_partner_is_another_image(split):
    for seed in range(5):
        partner = probe_of(Counted(), split=split, seed=seed).scene.partner
        assert (partner.index != torch.arange(6)).all()


def test_noise_belongs_to_the_image():
    whole = probe_of(Counted()).scene
    part = probe_of(Counted(), rows=[7, 2]).scene
    assert torch.equal(part.noise("white", 1), whole.noise("white", 1)[[7, 2]])
    assert not torch.equal(whole.noise("white", 1), whole.noise("white", 0))
    assert not torch.equal(whole.noise("white"), whole.noise("manifold"))
    assert not torch.equal(probe_of(Counted(), seed=1).scene.noise("white"), whole.noise("white"))


def test_every_column_is_the_same_in_any_batch():
    model, c = Linear(WEIGHT), covariance(torch.tensor([1.0] * 4 + [1e-4] * 16))
    manifold = GaussianManifold(torch.full((1, D), 0.5), c)
    shuffled = shuffled_copies(model)
    names = [n for n in measures if not {"masks", "posterior", "pooling"} & measures[n].needs]

    def columns(rows):
        probe = probe_of(model, manifold, rows=rows, shuffled=shuffled, certify=0.25)
        return {k: v for n in names for k, v in measures[n]().columns(probe).items()}

    whole = columns(None)
    for rows in ([5], [9, 0, 5]):
        for name, values in columns(rows).items():
            torch.testing.assert_close(values, whole[name][rows], rtol=1e-3, atol=1e-4, msg=name)


def test_scores_by_name():
    probe = probe_of(Counted(), MANIFOLD)
    x, scene = probe.x, probe.scene
    wrong = scene.partner.y
    own, none, other = (MANIFOLD.score(x, y) for y in (probe.y, None, wrong))
    there = scene.partner
    elsewhere = MANIFOLD.score(there.x, there.y, index=there.index)
    elsewhere = elsewhere - MANIFOLD.score(there.x, None, index=there.index)
    clean = (MANIFOLD.denoise(x, probe.y, 0.25) - x) / 0.25**2
    for found, score in (
        (scene.score("unconditional"), none),
        (scene.score("unconditional", at="wrong_class"), none),
        (scene.score("conditional"), own),
        (scene.score("posterior"), own - none),
        (scene.score("posterior", at="wrong_class"), other - none),
        (scene.score("posterior", at="wrong_image"), elsewhere),
        (scene.score("conditional", sigma=0.5), MANIFOLD.score(x, probe.y, 0.5)),
        (scene.score("conditional", clean=True), clean),
    ):
        assert torch.equal(found, score)


def test_split_noise_is_on_and_off_the_tangent():
    scene = probe_of(Counted(), subspace_manifold(4)).scene
    on, off = (v.flatten(1) for v in scene.split_noise(1))
    torch.testing.assert_close((on + off).view(-1, *SHAPE), scene.noise("manifold", 1))
    v = rotated(D).float()
    assert (on @ v[:, 4:]).abs().max() < 1e-5
    assert (off @ v[:, :4]).abs().max() < 1e-5


def test_nothing_is_computed_twice():
    model = Counted()
    probe = probe_of(model, MANIFOLD)
    for _ in range(3):
        assert probe.probabilities.shape == (12, 3)
        assert probe.gradient().shape == probe.gradient("log_prob").shape
    assert model.count == {"forward": 24, "backward": 12}  # of logits, and of the gradient
    changes(probe)
    after = model.count["forward"]
    for name in ("robustness.on_change", "robustness.off_change", "robustness.change_ratio"):
        measures[name]().columns(probe)
    assert model.count["forward"] == after


def test_an_audit_costs_at_most_64_forwards_an_image():
    model = Counted()
    shuffled = tuple(Counted(WEIGHT + i) for i in range(3))
    probe = probe_of(model, MANIFOLD, shuffled=shuffled)
    left_out = {"masks", "pooling", *ASKED}
    running = [cls() for _, cls in measures.items() if not left_out & cls.needs]
    assert len(running) > 10
    for measure in running:
        measure.columns(probe)
    spent = sum(sum(m.count.values()) for m in (model, *shuffled)) / 12
    assert 50 < spent <= 64


@pytest.mark.parametrize("asked", [set(), {"explain"}])
def test_the_planned_passes_are_those_made(asked):
    model = Counted()
    shuffled = tuple(Counted(WEIGHT + i) for i in range(3))
    probe = probe_of(model, MANIFOLD, shuffled=shuffled)
    left_out = {"masks", "pooling", "lpips", "second", "thorough", "certify", "explain"} - asked
    running = [cls() for _, cls in measures.items() if not left_out & cls.needs]
    for measure in running:
        measure.columns(probe)
    spent = sum(sum(m.count.values()) for m in (model, *shuffled)) / 12
    assert spent <= passes(running) <= 1.1 * spent + 3


def test_the_stated_costs_cover_the_measured_ones():
    for name, cls in measures.items():
        if {"masks", "pooling"} & cls.needs:
            continue
        model = Counted()
        shuffled = tuple(Counted() for _ in range(3))
        probe = probe_of(model, MANIFOLD, shuffled=shuffled, certify=0.25)
        assert probe.probabilities.shape == (12, 3)
        assert probe.gradient().shape == probe.x.shape
        model.count.update(forward=0, backward=0)
        cls().columns(probe)
        spent = (sum(model.count.values())) / 12
        shares = {"robustness.off_change", "robustness.change_ratio", "robustness.rho_total"}
        shares |= {"accuracy.smoothed", "robustness.certified_radius"}
        if name in shares or name.endswith("_l2") or name == "robustness.rho_paper":
            continue  # counted once, with the first of its family
        assert spent <= cls.cost or spent <= 1, name


def test_labels_fall_back_to_the_prediction():
    probe = probe_of(Counted(), split=unlabelled())
    assert torch.equal(probe.y, probe.logits.argmax(1))
    labelled = probe_of(Counted())
    assert labelled.y.tolist() == [0, 1, 2] * 4


def test_another_model_keeps_scene_labels_and_temperature():
    probe = probe_of(Counted(), split=unlabelled(), temperature=2.0)
    other = probe.with_model(Linear(-WEIGHT))
    assert other.scene is probe.scene
    assert torch.equal(other.y, probe.y)
    assert not torch.equal(other.logits.argmax(1), other.y)
    assert other.temperature == 2.0
    assert not torch.equal(other.gradient(), probe.gradient())


def test_gradient_is_of_the_named_scalar_at_the_clean_image():
    probe = probe_of(Counted(), gradient="logit")
    torch.testing.assert_close(probe.gradient().flatten(1), WEIGHT[probe.y])
    others = probe.logits.scatter(1, probe.y[:, None], -torch.inf).softmax(1)
    expected = WEIGHT[probe.y] - others @ WEIGHT  # of the log-odds: as log p's, and never 0
    torch.testing.assert_close(probe.gradient("log_prob").flatten(1), expected)


def test_change_is_of_softmax_at_the_temperature():
    probe, delta = probe_of(Linear(WEIGHT), temperature=3.0), torch.full((12, *SHAPE), 2.0)
    f = [(x.flatten(1) @ WEIGHT.T / 3).softmax(1) for x in (probe.x + delta, probe.x)]
    torch.testing.assert_close(probe.change(delta), f[0] - f[1])


def test_shuffled_copies_have_the_same_entries_in_another_order():
    torch.manual_seed(0)
    model = SmallResNet(1, 3)
    before = copy.deepcopy(model.state_dict())
    copies = shuffled_copies(model)
    x = torch.rand(2, 1, 8, 8)
    assert len(copies) == 3
    outputs = [m(x) for m in (model, *copies)]
    for i in range(4):
        for j in range(i):
            assert not torch.allclose(outputs[i], outputs[j])
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
        for other in copies:
            sorted_one = other.state_dict()[name].flatten().sort().values
            assert torch.equal(sorted_one, value.flatten().sort().values)
    for one, again in zip(copies, shuffled_copies(model), strict=True):
        assert torch.equal(one(x), again(x))


def test_a_model_is_left_as_it_was():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(D, 3)).train()
    model[2].weight.grad = torch.ones(3, D)
    model[2].bias.requires_grad_(False)
    probe = probe_of(model, MANIFOLD)
    state = torch.get_rng_state()
    for name in ("alignment.on_manifold_fraction", "accuracy.pgd_l2", "robustness.rho_relative"):
        measures[name]().columns(probe)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert model[1].training
    assert [p.requires_grad for p in model.parameters()] == [True, False]
    assert torch.equal(model[2].weight.grad, torch.ones(3, D))
    assert probe.x.grad is None

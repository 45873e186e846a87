from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gaussian_data import SHAPE, D, Linear, images, probe_of
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split
from offmanifold.measures.deletion import SHARES, DeletionGap, deleted, ranks
from offmanifold.measures.probe import Probe, shuffled_copies
from offmanifold.models.small_resnet import SmallResNet

NAME = "deletion.gap"
WEIGHT = torch.randn(3, D, generator=torch.Generator().manual_seed(1))
COUNTS = (1, 1, 2, 4, 8)  # of 20 pixels: one at least


def columns(probe: Probe) -> dict[str, torch.Tensor]:
    return DeletionGap().columns(probe)


def curve(found: dict[str, torch.Tensor], order: str) -> torch.Tensor:
    """The curve of every image, (shares, n)."""
    return torch.stack([found[f"deletion.{order}@{s:g}"] for s in SHARES])


def split_of(x: torch.Tensor) -> Split:
    names = [f"{i}.png" for i in range(len(x))]
    return Split(ArraySource(x.numpy(), None, names), np.arange(len(x)))


def test_equal_pixels_keep_their_places_in_both_orders():
    energy = torch.tensor([[[1.0, 2.0], [1.0, 2.0]]])
    assert ranks(energy, "most").tolist() == [[[2, 0], [3, 1]]]
    assert ranks(energy, "least").tolist() == [[[0, 2], [1, 3]]]


def test_a_deleted_pixel_is_that_of_the_mean_in_every_channel():
    x, mean = torch.rand(2, 3, 2, 5), torch.rand(3, 2, 5)
    rank = torch.stack([torch.arange(10), torch.arange(10).flip(0)]).view(2, 2, 5)
    found = deleted(x, mean, rank, 0.3)
    for i in range(2):
        gone = rank[i] < 3
        assert torch.equal(found[i][:, gone], mean[:, gone])
        assert torch.equal(found[i][:, ~gone], x[i][:, ~gone])


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_a_linear_classifier_falls_in_closed_form(temperature):
    """Images m ± a·sign(w), where deleting pixel i costs a·|wᵢ|: |w| is the one best order.

    The pixels have two channels, whose weights differ: only their sum orders them so.
    """
    generator = torch.Generator().manual_seed(2)
    per_pixel = 0.2 + torch.rand(D, generator=generator)
    swapped = (torch.arange(D) % 2).bool()
    low, high = 0.2 * per_pixel, 0.8 * per_pixel
    w = torch.stack([torch.where(swapped, low, high), torch.where(swapped, high, low)])
    a, w = 0.3, w * (torch.rand(2, D, generator=generator) - 0.5).sign()
    x = torch.stack([0.5 + a * w.sign(), 0.5 - a * w.sign()]).view(2, 2, *SHAPE[1:])
    weight = torch.stack([w.flatten(), 0 * w.flatten()])
    model = Linear(weight, torch.tensor([-0.5 * float(w.sum()), 0.0]))  # no margin at the mean
    probe = probe_of(model, split=split_of(x), temperature=temperature)
    torch.testing.assert_close(probe.scene.mean, torch.full((2, *SHAPE[1:]), 0.5))
    found, falls = columns(probe), a * per_pixel.sort(descending=True).values
    for order, costs in (("most", falls), ("least", falls.flip(0))):
        left = torch.tensor([float(costs[count:].sum()) for count in COUNTS])
        expected = (left / temperature).sigmoid()[:, None].expand(-1, 2)
        torch.testing.assert_close(curve(found, order), expected)
    for control in ("white_noise", "deviation"):
        assert (found[f"{NAME}/{control}"] < found[NAME]).all()


def test_a_classifier_that_looks_at_one_pixel():
    """Its pixel goes first or, in the other order, not before all the rest have gone."""
    weight = torch.zeros(2, D)
    weight[0, 13] = 7.0
    probe = probe_of(Linear(weight), split=images(12, 2))
    found, given = columns(probe), probe.logits.argmax(1)
    x = probe.x.clone()
    x.flatten(1)[:, 13] = probe.scene.mean.flatten()[13]
    fallen = probe.classify(x).softmax(1).gather(1, given[:, None])[:, 0]
    whole = probe.probabilities.amax(1)
    torch.testing.assert_close(curve(found, "most"), fallen.expand(len(SHARES), -1))
    torch.testing.assert_close(curve(found, "least"), whole.expand(len(SHARES), -1))
    torch.testing.assert_close(found[NAME], whole - fallen)
    assert found[NAME].abs().max() > 0.05


class WithoutDirection(nn.Module):
    """Logits that depend on the image, through a square root whose slope at 0 is infinite."""

    def forward(self, x):
        s = 9 * x.flatten(1).mean(1) + (0 * x).sqrt().sum((1, 2, 3))
        return torch.stack([s, -s], 1)


def test_a_gradient_that_is_not_finite_ranks_nothing():
    found = columns(probe_of(WithoutDirection(), split=images(12, 2)))
    assert found[f"{NAME}/is_zero"].all()
    assert not found[NAME].any()
    assert found[f"{NAME}/white_noise"].all()
    assert not columns(probe_of(Linear(WEIGHT)))[f"{NAME}/is_zero"].any()


@torch.no_grad()
def by_hand(probe: Probe, field: torch.Tensor) -> np.ndarray:
    """The gap (n,) by a loop over images, pixels by their places in a sorted list."""
    mean, given, found = probe.scene.mean, probe.logits.argmax(1), []
    for x, v, k in zip(probe.x, field, given, strict=True):
        order = np.argsort(-v.square().sum(0).flatten().numpy(), kind="stable").tolist()
        falls = []
        for share in SHARES:
            p = []
            for gone in (order, order[::-1]):
                image = x.clone()
                for place in gone[: max(1, round(share * len(order)))]:
                    row, column = divmod(place, x.shape[2])
                    image[:, row, column] = mean[:, row, column]
                logits = probe.model(image[None])[0] / probe.temperature
                p.append(float(logits.softmax(0)[k]))
            falls.append(p[1] - p[0])
        found.append(np.mean(falls))
    return np.array(found)


def test_every_field_orders_the_pixels_of_the_audited_classifier():
    x = torch.rand(5, 3, 6, 6, generator=torch.Generator().manual_seed(3))
    torch.manual_seed(0)
    model, randomised = SmallResNet(3, 3).eval(), SmallResNet(3, 3).eval()
    copies = shuffled_copies(model)
    options = {"shuffled": copies, "randomised": randomised, "temperature": 0.7}
    probe = probe_of(model, split=split_of(x), **options)
    fields = {
        NAME: probe.gradient(),
        f"{NAME}/white_noise": probe.scene.noise("white"),
        f"{NAME}/untrained": probe.with_model(copies[0]).gradient(),
        f"{NAME}/label_randomised": replace(
            probe.with_model(randomised), temperature=1.0
        ).gradient(),
    }
    found = columns(probe)
    assert {k for k in found if k.startswith(f"{NAME}/")} == {
        *(k for k in fields if k != NAME),
        f"{NAME}/deviation",
        f"{NAME}/is_zero",
    }
    for name, field in fields.items():
        np.testing.assert_allclose(found[name], by_hand(probe, field), atol=1e-5, err_msg=name)
    expected = (curve(found, "least") - curve(found, "most")).mean(0)
    torch.testing.assert_close(found[NAME], expected)


def test_the_image_control_deletes_first_what_the_mean_changes_most():
    probe = probe_of(Linear(WEIGHT))
    found = columns(probe)[f"{NAME}/deviation"]
    np.testing.assert_allclose(found, by_hand(probe, probe.x - probe.scene.mean), atol=1e-5)


def test_white_noise_is_no_better_than_a_random_order_and_the_gradient_is():
    found = columns(probe_of(Linear(WEIGHT), split=images(500)))
    errors = {k: float(found[k].std() / 500**0.5) for k in (NAME, f"{NAME}/white_noise")}
    assert errors[f"{NAME}/white_noise"] > 0.001
    assert abs(float(found[f"{NAME}/white_noise"].mean())) < 3 * errors[f"{NAME}/white_noise"]
    assert float(found[NAME].mean()) > 5 * errors[NAME]


def test_a_batch_of_one_is_a_batch_of_many():
    model = Linear(WEIGHT)
    copies = shuffled_copies(model)
    whole = columns(probe_of(model, shuffled=copies))
    for i in range(12):
        for name, values in columns(probe_of(model, rows=[i], shuffled=copies)).items():
            torch.testing.assert_close(values, whole[name][[i]], msg=name)


def test_the_class_is_the_one_given_and_the_gradient_that_of_the_label():
    """Without labels the prediction stands in for them: as if it were the label."""
    split = images()
    bare = Split(ArraySource(split.read(split.rows).x.numpy(), None, split.paths), split.rows)
    model = Linear(WEIGHT)
    unlabelled = probe_of(model, split=bare)
    given = unlabelled.logits.argmax(1)
    wrong = probe_of(model).y != given
    assert wrong.any() and not wrong.all()
    labelled = Probe(probe_of(model).scene, model, labels=given)
    found, same = columns(unlabelled), columns(labelled)
    for name in found:
        torch.testing.assert_close(found[name], same[name], msg=name)
    other = columns(probe_of(model))[NAME]
    torch.testing.assert_close(other[~wrong], found[NAME][~wrong])
    assert not torch.allclose(other[wrong], found[NAME][wrong])


def test_the_number_and_the_curves_that_are_saved():
    model = Linear(WEIGHT)
    found = columns(probe_of(model, shuffled=shuffled_copies(model)))
    saved = {k: v.numpy() for k, v in found.items()}
    number = DeletionGap().reduce(saved, 12)
    assert number["value"] == pytest.approx(float(found[NAME].mean()), rel=1e-5)
    assert set(number["controls"]) == {"white_noise", "deviation", "untrained"}
    assert number["zero_gradients"] == 0
    curves = DeletionGap().curves(1.0)
    assert list(curves) == ["deletion.most", "deletion.least"]
    for name, one in curves.items():
        points = one.reduce(saved, 12)["points"]
        means = curve(found, name.split(".")[1]).mean(1)
        assert [p["value"] for p in points] == pytest.approx(means.tolist(), rel=1e-5)


def test_a_model_is_left_as_it_was():
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(D, 3)).train()
    model[2].weight.grad = torch.ones(3, D)
    model[2].bias.requires_grad_(False)
    probe = probe_of(model)
    state, before = torch.get_rng_state(), probe.x.clone()
    columns(probe)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and model[1].training
    assert [p.requires_grad for p in model.parameters()] == [True, False]
    assert torch.equal(model[2].weight.grad, torch.ones(3, D))
    assert torch.equal(probe.x, before)

import pytest
import torch
from torch import nn

from gaussian_data import D, Linear, images, probe_of
from offmanifold.measures import EnsembleAccuracy, RobustAccuracy
from offmanifold.measures.ensemble_accuracy import SIGNS

WEIGHT = torch.randn(2, D, generator=torch.Generator().manual_seed(0))
NAME = "accuracy.ensemble_l2"


def reduced(probe):
    columns = {k: v.numpy() for k, v in EnsembleAccuracy().columns(probe).items()}
    return columns, EnsembleAccuracy().reduce(columns, len(probe.x))


def test_on_a_linear_model_it_is_the_share_beyond_the_radius():
    split = images(60, 2)
    split.source._pixels[:] = 0.45 + 0.1 * split.source._pixels  # type: ignore[attr-defined]
    w = WEIGHT[1] - WEIGHT[0]
    offset = (split.read(split.rows).x.flatten(1) @ w).median()
    model = Linear(WEIGHT, torch.stack([offset, torch.tensor(0.0)]))
    probe = probe_of(model, split=split, eps=0.02)
    f = probe.logits.double()
    distance = (2 * probe.y - 1) * (f[:, 1] - f[:, 0]) / w.norm()
    columns, number = reduced(probe)
    clear = (distance / 0.02 - 1).abs() > 0.02
    found = torch.tensor(columns[NAME]).bool()
    assert found[clear].equal((distance > 0.02)[clear])
    assert 0.05 < number["value"] < 0.95
    assert number["low"] < number["value"] < number["high"]
    assert list(number["attacks"]) == ["apgd_cross_entropy", "apgd_margin", "square"]
    assert number["attacks"]["square"] == pytest.approx(number["value"])
    assert number["signs"].keys() == set(SIGNS)
    assert number["masked"] == []
    weaker = RobustAccuracy().columns(probe)["accuracy.pgd_l2"].numpy()
    assert (columns[NAME] <= weaker).all()


def test_rounded_logits_are_called_masked():
    class Rounded(nn.Module):
        def forward(self, x):
            mean = ((x.flatten(1).mean(1) - 0.5) * 40).round() / 40
            return torch.stack([-mean, mean], 1)

    split = images(30, 2)
    probe = probe_of(Rounded(), split=split, eps=0.6)
    probe = probe.__class__(probe.scene, probe.model, labels=probe.logits.argmax(1))
    _, number = reduced(probe)
    assert "black_box" in number["masked"]
    assert number["attacks"]["apgd_margin"] > number["value"]

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.objectives import PGD


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("norm", "eps"), [("l2", 0.3), ("linf", 0.1)])
def test_the_worst_case_of_a_linear_classifier(norm: str, eps: float):
    """Away from the box it is log(1 + exp(−(m − eps·‖w‖*))), m the margin, ‖·‖* the dual norm."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).double()
    x = 0.4 + 0.2 * torch.rand(8, 1, 2, 3).double()
    y = torch.arange(8) % 2
    w = model[1].weight[1] - model[1].weight[0]
    margin = (2 * y - 1) * (model(x)[:, 1] - model(x)[:, 0])
    worst = F.softplus(-(margin - eps * (w.norm() if norm == "l2" else w.abs().sum())))
    loss = PGD(eps=eps, norm=norm, steps=10)(model, x, y, generator=seeded()).per_sample
    assert (loss <= worst + 1e-12).all()
    torch.testing.assert_close(loss, worst, rtol=0, atol=0.01)
    assert (worst - F.cross_entropy(model(x), y, reduction="none")).min() > 0.02


def test_the_attack_leaves_batch_statistics_and_only_the_training_pass_moves_them():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.SiLU(), nn.Flatten(), nn.Linear(8, 2)
    model = nn.Sequential(*layers)
    x, y = torch.rand(6, 1, 4, 4), torch.arange(6) % 2
    for steps in (1, 7):
        model[1].reset_running_stats()
        PGD(eps=0.5, steps=steps)(model, x, y, generator=seeded())
        assert model[1].num_batches_tracked == 1
    assert all(m.training for m in model.modules())


def test_a_larger_ball_is_worse_and_a_tiny_one_is_the_clean_loss():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.SiLU(), nn.Linear(8, 3))
    x, y = torch.rand(9, 1, 2, 3), torch.arange(9) % 3
    clean = F.cross_entropy(model(x), y)
    tiny, small, large = (
        PGD(eps=e)(model, x, y, generator=seeded()).per_sample.mean() for e in (1e-6, 0.3, 1.0)
    )
    torch.testing.assert_close(tiny, clean, rtol=0, atol=1e-4)
    assert clean < small < large


@pytest.mark.parametrize("settings", [{"eps": 0.0}, {"eps": -1.0}, {"steps": 0}])
def test_settings_that_make_no_attack(settings: dict):
    with pytest.raises(InputError, match="pgd"):
        PGD(**settings)


def test_an_unknown_norm():
    with pytest.raises(InputError, match='unknown norm "l0"'):
        PGD(norm="l0")

import torch
from torch import nn
from torch.nn import functional as F

from offmanifold.attacks import APGD, PGD, misclassified
from offmanifold.attacks.apgd import _checkpoints


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Ridge(nn.Module):
    """Two logits whose margin is a narrow curved ridge, on which a fixed step goes astray."""

    def forward(self, x):
        u, v = x.flatten(1)[:, 0] - 0.5, x.flatten(1)[:, 1] - 0.5
        height = 0.5 * u - 20 * (v - u.square()).square() - 10
        return torch.stack([torch.zeros_like(height), height], 1)


def test_checkpoints_of_the_paper():
    assert sorted(_checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_the_step_adapts_to_a_narrow_ridge():
    x, y = torch.full((20, 1, 1, 2), 0.5), torch.zeros(20, dtype=torch.long)

    def height(attack) -> torch.Tensor:
        logits = Ridge()(attack(Ridge(), x, y, generator=seeded()))
        return logits[:, 1] - logits[:, 0]

    # the highest point of the ball of .4: u = .374, v = .14, by a fine grid
    grid = torch.cartesian_prod(torch.linspace(-0.4, 0.4, 801), torch.linspace(-0.4, 0.4, 801))
    grid = grid[grid.norm(dim=1) <= 0.4]
    highest = Ridge()(0.5 + grid[:, None, None])[:, 1].max()
    adaptive = height(APGD(0.4, steps=100, loss="margin"))
    fixed = height(PGD(0.4, steps=100, step_size=0.2, keep_best=False))
    assert (highest - adaptive).abs().max() < 0.01
    assert (fixed < adaptive - 0.01).all()


def test_an_image_of_radius_of_its_own():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).double()
    x = torch.rand(5, 3, 2, 2, dtype=torch.double, generator=seeded())
    y = model(x).argmax(1)
    eps = torch.linspace(1e-3, 3, 5, dtype=torch.double).view(5, 1, 1, 1)
    attack = APGD(1.0, loss="margin", box=False)
    moved = attack.within(model, x, y, eps, generator=seeded())
    norms = (moved - x).flatten(1).norm(dim=1)
    assert (norms <= eps.flatten() * (1 + 1e-9)).all()
    w = (model[1].weight[0] - model[1].weight[1]).detach()
    logits = model(x).detach()
    distance = (logits[:, 0] - logits[:, 1]).abs() / w.norm()
    reachable = distance < 0.99 * eps.flatten()
    assert misclassified(model, moved, y).equal(reachable)
    assert reachable.any()
    assert not reachable.all()


def test_what_is_misclassified_costs_no_more_passes():
    calls = []

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(12, 3)

        def forward(self, x):
            calls.append(len(x))
            return self.linear(x.flatten(1))

    torch.manual_seed(0)
    model, x = Counting(), torch.rand(8, 3, 2, 2)
    with torch.no_grad():
        y = model(x).argmin(1)  # wrong from the start
    calls.clear()
    APGD(0.1, steps=50)(model, x, y, generator=seeded())
    assert sum(calls) <= 3 * len(x)


def test_the_highest_loss_is_kept_where_nothing_is_broken():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    x = torch.rand(8, 3, 2, 2)
    y = model(x).argmax(1)
    loss = [
        F.cross_entropy(model(v), y, reduction="none")
        for v in (
            APGD(1e-3, restarts=1)(model, x, y, generator=seeded()),
            PGD(1e-3, steps=50)(model, x, y, generator=seeded()),
            x,
        )
    ]
    torch.testing.assert_close(loss[0], loss[1], rtol=0, atol=1e-4)
    assert (loss[0] > loss[2]).all()

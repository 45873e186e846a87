import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise
from offmanifold.attacks import PGD

SHAPE, D = (2, 4, 3), 24


def linear(classes: int = 2) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(D, classes)).double()


def smooth() -> nn.Sequential:
    """A network with batch normalisation and dropout, in train mode."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(48, 3),
    )


def images(n: int, dtype=torch.float32, classes: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, *SHAPE, generator=generator, dtype=dtype)
    return x, torch.arange(n) % classes


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def norms(moved: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return (moved.double() - x.double()).flatten(1).norm(dim=1)


def losses(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(x), y, reduction="none").detach()


@pytest.mark.parametrize("keep_best", [True, False])
@pytest.mark.parametrize("eps", [0.01, 0.5, 3.0])
def test_the_optimum_for_a_linear_classifier(eps: float, keep_best: bool):
    model, (x, y) = linear(), images(6, torch.double)
    w = model[1].weight.detach()
    away = w[1 - y] - w[y]
    optimum = x + eps * (away / away.norm(dim=1, keepdim=True)).view_as(x)
    attack = PGD(eps=eps, steps=20, step_size=eps, keep_best=keep_best, box=False)
    moved = attack(model, x, y, generator=seeded())
    torch.testing.assert_close(moved, optimum, rtol=0, atol=1e-4 * eps)
    best = losses(model, optimum, y)
    assert (losses(model, moved, y) <= best + 1e-12).all()
    torch.testing.assert_close(losses(model, moved, y), best, rtol=0, atol=1e-4)


def test_the_default_steps_come_near_the_optimum():
    model, (x, y) = linear(), images(64, torch.double)
    away = model[1].weight.detach()[1 - y] - model[1].weight.detach()[y]
    moved = PGD(eps=1.0, box=False)(model, x, y, generator=seeded())
    reached = ((moved - x).flatten(1) * away).sum(1) / away.norm(dim=1)  # at most eps
    assert reached.min() > 0.95
    assert reached.max() < 1 + 1e-9


class Scaled(nn.Module):
    """Linear logits whose steepness differs between images a millionfold."""

    def __init__(self):
        super().__init__()
        self.model = linear()

    def forward(self, x):
        scale = torch.logspace(-4, 2, len(x), dtype=x.dtype)[:, None]
        return scale * self.model(x)


def test_every_image_has_its_own_ball_not_the_batch_one():
    """One norm over the batch would give each of 8 images eps/√8, or one of them all of it."""
    x, y = images(8, torch.double)
    moved = PGD(eps=0.7, keep_best=False, box=False)(Scaled(), x, y, generator=seeded())
    torch.testing.assert_close(norms(moved, x), torch.full((8,), 0.7, dtype=torch.double))
    w = linear()[1].weight.detach()
    away = w[1 - y] - w[y]
    towards = ((moved - x).flatten(1) * away).sum(1) / away.norm(dim=1)
    assert towards.min() > 0.9 * 0.7


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    eps=st.floats(1e-3, 20),
    steps=st.integers(1, 4),
    step_size=st.one_of(st.none(), st.floats(1e-4, 100)),
    keep_best=st.booleans(),
    bf16=st.booleans(),
)
def test_every_image_stays_in_its_ball_and_in_the_box(
    seed: int, eps: float, steps: int, step_size: float | None, keep_best: bool, bf16: bool
):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(D, 16), nn.SiLU(), nn.Linear(16, 3))
    x = torch.rand(6, *SHAPE, generator=seeded(seed))
    x[0], x[1], x[2] = 0, 1, x[2].round()
    attack = PGD(eps=eps, steps=steps, step_size=step_size, keep_best=keep_best)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        moved = attack(model, x, torch.arange(6) % 3, generator=seeded(seed))
    assert moved.dtype == torch.float32
    assert (norms(moved, x) <= eps * (1 + 1e-6)).all(), norms(moved, x)
    assert 0 <= moved.min() <= moved.max() <= 1


def test_a_model_without_any_gradient_gives_a_finite_answer():
    model = nn.Sequential(nn.Flatten(), nn.Linear(D, 3))
    nn.init.zeros_(model[1].weight)
    x, y = images(4)
    moved = PGD(eps=0.5)(model, x, y, generator=seeded())
    assert moved.isfinite().all()
    assert (norms(moved, x) <= 0.5 * (1 + 1e-6)).all()


def test_a_batch_of_one_equals_a_batch_of_many():
    model, (x, y) = smooth().eval(), images(5, classes=3)
    index = torch.tensor([12, 3, 7, 40, 1])

    def attacked(rows: list[int]) -> torch.Tensor:
        generator = ImageNoise(index[rows], seed=0, name="attack")
        return PGD(eps=0.5, restarts=2)(model, x[rows], y[rows], generator=generator)

    whole = attacked([0, 1, 2, 3, 4])
    order = [3, 0, 4, 1, 2]
    torch.testing.assert_close(attacked(order), whole[order], rtol=0, atol=1e-4)
    for i in range(5):
        torch.testing.assert_close(attacked([i])[0], whole[i], rtol=0, atol=1e-4)


def test_nothing_is_left_behind():
    model, (x, y) = smooth(), images(6, classes=3)
    model[1].eval()
    model[0].bias.requires_grad_(False)
    model[5].weight.grad = torch.full((3, 48), 7.0)
    modes = [m.training for m in model.modules()]
    needs = [p.requires_grad for p in model.parameters()]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    rng, before = torch.get_rng_state(), x.clone()
    moved = PGD(eps=0.5, restarts=2)(model, x, y, generator=seeded())
    assert not moved.requires_grad
    assert x.equal(before)
    assert torch.get_rng_state().equal(rng)
    assert [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == needs
    assert (model[5].weight.grad == 7).all()
    assert all(p.grad is None for n, p in model.named_parameters() if n != "5.weight")
    assert all(v.equal(state[k]) for k, v in model.state_dict().items())


def test_it_works_where_gradients_are_off_and_detaches_what_it_returns():
    model, (x, y) = smooth(), images(4, classes=3)
    expected = PGD(eps=0.5, keep_best=False)(model, x, y, generator=seeded())
    with torch.no_grad():
        assert PGD(eps=0.5, keep_best=False)(model, x, y, generator=seeded()).equal(expected)
    with_graph = x.clone().requires_grad_()
    moved = PGD(eps=0.5, keep_best=False)(model, with_graph, y, generator=seeded())
    assert moved.equal(expected)
    assert not moved.requires_grad


class Bumpy(nn.Module):
    """Two logits that wave so fast that ascent overshoots."""

    def forward(self, x):
        s = x.flatten(1).sum(1)
        return torch.stack([torch.sin(40 * s), torch.cos(25 * s)], 1)


def test_more_restarts_and_the_best_iterate_are_never_worse():
    x, y = images(30)
    loss = {}
    for restarts, keep_best in [(1, False), (1, True), (4, False), (4, True)]:
        attack = PGD(eps=0.5, restarts=restarts, keep_best=keep_best)
        loss[restarts, keep_best] = losses(Bumpy(), attack(Bumpy(), x, y, generator=seeded()), y)
    for worse, better in [
        ((1, False), (1, True)),
        ((1, False), (4, False)),
        ((1, True), (4, True)),
    ]:
        assert (loss[better] >= loss[worse]).all()
        assert (loss[better] > loss[worse] + 0.1).any()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"eps": 0.0}, "eps > 0"),
        ({"eps": math.nan}, "eps > 0"),
        ({"eps": math.inf}, "eps > 0"),
        ({"norm": "l1"}, 'unknown norm "l1".*known: l2, linf'),
        ({"steps": 0}, "at least one step"),
        ({"restarts": 0}, "one restart"),
        ({"step_size": -1.0}, "step_size > 0"),
    ],
)
def test_settings_that_make_no_attack(settings: dict, said: str):
    with pytest.raises(InputError, match=said):
        PGD(**settings)

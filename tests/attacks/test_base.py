"""What every attack promises, whatever its method."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise
from offmanifold.attacks import APGD, PGD, Square, attacks, ball_of, misclassified

SHAPE = (2, 5, 4)


def net(classes: int = 3) -> nn.Sequential:
    """A network with batch normalisation and dropout, in train mode."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.SiLU(),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(80, classes),
    )


def batch(model: nn.Module, n: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and the labels that the model gives them."""
    x = torch.rand(n, *SHAPE, generator=seeded(1))
    return x, model.eval()(x).argmax(1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


VARIANTS = {
    "pgd": {"steps": 4, "restarts": 2},
    "apgd": {"steps": 8, "restarts": 2},
    "apgd to targets": {"steps": 6, "targets": 9},
    "apgd dlr": {"steps": 6, "loss": "dlr"},
    "square": {"queries": 12},
}
CASES = [(name, norm) for name in VARIANTS for norm in ("l2", "linf")]


def made(name: str, eps: float = 0.3, norm: str = "l2"):
    return attacks[name.split()[0]](eps=eps, norm=norm, **VARIANTS[name])


def test_the_vocabulary():
    assert set(attacks) == {"apgd", "pgd", "square"}
    assert {name.split()[0] for name in VARIANTS} == set(attacks)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CASES), st.integers(0, 999), st.floats(1e-3, 8), st.booleans())
def test_every_image_stays_in_its_ball_and_in_the_box(case, seed: int, eps: float, bf16: bool):
    name, norm = case
    model, x = net().eval(), torch.rand(6, *SHAPE, generator=seeded(seed))
    x[0], x[1], x[2] = 0, 1, x[2].round()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        moved = made(name, eps, norm)(model, x, torch.arange(6) % 3, generator=seeded(seed))
    assert moved.dtype == torch.float32
    assert (ball_of(norm).norms(moved.double() - x.double()) <= eps * (1 + 1e-6)).all()
    assert 0 <= moved.min() <= moved.max() <= 1


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_a_batch_of_one_equals_a_batch_of_many(name: str, norm: str):
    model = net().eval()
    x, y = batch(model)
    index = torch.tensor([12, 3, 7, 40, 1, 5])

    def attacked(rows: list[int]) -> torch.Tensor:
        generator = ImageNoise(index[rows], seed=0, name="attack")
        return made(name, norm=norm)(model.double(), x[rows].double(), y[rows], generator=generator)

    whole = attacked([0, 1, 2, 3, 4, 5])
    order = [3, 0, 4, 5, 1, 2]
    torch.testing.assert_close(attacked(order), whole[order], rtol=0, atol=1e-6)
    for i in range(6):
        torch.testing.assert_close(attacked([i])[0], whole[i], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_nothing_is_left_behind(name: str, norm: str):
    model = net()
    x, y = batch(model)
    model.train()
    model[1].eval()
    model[0].bias.requires_grad_(False)
    model[5].weight.grad = torch.full((3, 80), 7.0)
    modes = [m.training for m in model.modules()]
    needs = [p.requires_grad for p in model.parameters()]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    rng, before = torch.get_rng_state(), x.clone()
    with torch.no_grad():  # gradients are needed inside all the same
        moved = made(name, norm=norm)(model, x.requires_grad_(), y, generator=seeded())
    assert not moved.requires_grad
    assert not moved.equal(before)
    assert x.equal(before)
    assert torch.get_rng_state().equal(rng)
    assert [m.training for m in model.modules()] == modes
    assert [p.requires_grad for p in model.parameters()] == needs
    assert (model[5].weight.grad == 7).all()
    assert all(v.equal(state[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("name", [n for n in VARIANTS if n != "apgd dlr"])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_two_classes_and_a_linear_classifier_whose_distance_is_known(name: str, norm: str):
    """An image is broken where the ball reaches the hyperplane, and never where it does not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(40, 2)).double()
    x = torch.rand(200, *SHAPE, generator=seeded(2), dtype=torch.double)
    logits = model(x).detach()
    y = logits.argmax(1)
    w = model[1].weight.detach()[0] - model[1].weight.detach()[1]
    dual = w.norm() if norm == "l2" else w.abs().sum()
    distance = (logits[:, 0] - logits[:, 1]).abs() / dual
    eps = float(distance.median())
    options = {**VARIANTS[name], "box": False}
    if "steps" in options:
        options["steps"] = 30
    if name == "square":
        options["queries"] = 600
    attack = attacks[name.split()[0]](eps=eps, norm=norm, **options)
    broken = misclassified(model, attack(model, x, y, generator=seeded()), y)
    assert not broken[distance > eps * (1 + 1e-6)].any()
    reach = 0.6 if name == "square" else 0.97  # of eps; random squares see no gradient
    assert broken[distance < reach * eps].all()
    assert broken.any()


@pytest.mark.parametrize("name", VARIANTS)
def test_a_model_without_any_gradient_gives_a_finite_answer(name: str):
    model = nn.Sequential(nn.Flatten(), nn.Linear(40, 3))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    x = torch.rand(4, *SHAPE)
    moved = made(name)(model, x, torch.tensor([0, 0, 0, 0]), generator=seeded())
    assert moved.isfinite().all()


def test_not_a_number_is_misclassified():
    class Broken(nn.Module):
        def forward(self, x):
            return torch.full((len(x), 2), torch.nan)

    assert misclassified(Broken(), torch.rand(2, *SHAPE), torch.tensor([0, 1])).all()


@pytest.mark.parametrize("name", VARIANTS)
def test_labels_and_classes_that_do_not_fit(name: str):
    x = torch.rand(2, *SHAPE)
    with pytest.raises(InputError, match=r"labels from 0 to 7 do not fit a classifier of 3"):
        made(name)(net().eval(), x, torch.tensor([0, 7]), generator=seeded())
    with pytest.raises(InputError, match="at least 2 classes, and this has 1"):
        made(name)(net(1).eval(), x, torch.tensor([0, 0]), generator=seeded())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PGD(norm="l1"), 'unknown norm "l1".*known: l2, linf'),
        (lambda: APGD(norm="l1"), "unknown norm"),
        (lambda: Square(norm="l1"), "unknown norm"),
        (lambda: APGD(eps=0), "apgd needs a finite eps > 0"),
        (lambda: Square(eps=-1), "square needs a finite eps > 0"),
        (lambda: APGD(loss="hinge"), "unknown attack loss"),
        (lambda: APGD(steps=0), "at least one step"),
        (lambda: APGD(restarts=0), "one restart"),
        (lambda: APGD(targets=-1), "0 targets or more"),
        (lambda: Square(queries=0), "at least one query"),
        (lambda: Square(area=1.5), "a share above 0"),
    ],
)
def test_settings_that_make_no_attack(make, said: str):
    with pytest.raises(InputError, match=said):
        make()

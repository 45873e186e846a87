import math

import pytest
import torch
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold.attacks.losses import (
    LOSSES,
    check_labels,
    dlr,
    log_odds_against,
    loss_of,
    margin,
    targeted,
)

LOGITS = torch.tensor([[4.0, 1.0, 3.0, 0.0], [0.0, 2.0, 2.5, -1.0]])
Y = torch.tensor([0, 1])


def test_by_hand():
    torch.testing.assert_close(margin(LOGITS, Y), torch.tensor([-1.0, 0.5]))
    torch.testing.assert_close(dlr(LOGITS, Y), torch.tensor([-1 / 3, 0.5 / 2.5]))
    target = torch.tensor([2, 0])
    expected = torch.tensor([-1 / (4 - (1 + 0) / 2), -2 / (2.5 - (0 - 1) / 2)])
    torch.testing.assert_close(targeted(LOGITS, Y, target), expected)
    torch.testing.assert_close(targeted(LOGITS[:, :3], Y, target), torch.tensor([-1.0, -2.0]))
    one = -math.log(math.exp(4) / sum(math.exp(z) for z in (4, 1, 3, 0)))
    assert float(F.softplus(log_odds_against(LOGITS, Y)[0])) == pytest.approx(one, rel=1e-5)


def test_two_classes():
    two, y = torch.tensor([[1.0, 3.0]]), torch.tensor([0])
    assert margin(two, y).tolist() == [2.0]
    assert targeted(two, y, 1 - y).tolist() == [2.0]
    with pytest.raises(InputError, match="at least 3 classes; use margin"):
        dlr(two, y)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_size_of_the_logits_is_taken_out_of_dlr(scale: float):
    torch.testing.assert_close(dlr(scale * LOGITS + 7, Y), dlr(LOGITS, Y), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_says_by_its_order_what_is_misclassified(name: str):
    """For one image, lowering the label's logit raises every loss."""
    lower = LOGITS - 0.1 * F.one_hot(Y, 4)
    assert (loss_of(name)(lower, Y) > loss_of(name)(LOGITS, Y)).all()


def test_what_cannot_be():
    with pytest.raises(InputError, match='unknown attack loss "hinge"; known: cross_entropy'):
        loss_of("hinge")
    with pytest.raises(InputError, match="at least 2 classes, and this has 1"):
        check_labels(torch.zeros(3, 1), torch.zeros(3, dtype=torch.long))
    for bad in (4, -1):
        with pytest.raises(InputError, match=r"do not fit a classifier of 4 classes \(0 to 3\)"):
            check_labels(LOGITS, torch.tensor([0, bad]))


@pytest.mark.parametrize("absent", [1, 2])
@pytest.mark.parametrize(
    "loss", [dlr, lambda z, y: targeted(z, y, torch.tensor([2, 0]))], ids=["dlr", "targeted"]
)
def test_classes_that_are_never_answered_leave_a_direction(loss, absent):
    """A size that reaches to −∞ would divide the loss to 0, and the attack would not move."""
    z = torch.cat([LOGITS[:, :3], torch.full((2, absent), -torch.inf)], 1).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(z, Y).sum(), z)
    assert gradient.isfinite().all()
    assert (gradient != 0).any(1).all()

import math

import pytest
import torch

from offmanifold.theorems.base import Claim, Draws, share_off


@pytest.mark.parametrize(
    ("measured", "must", "holds"),
    [
        (1.0, "be at most", True),
        (1.1, "be at most", False),
        (1.0, "be at least", True),
        (0.9, "be at least", False),
        (math.nan, "be at most", False),
        (math.nan, "be at least", False),
        (math.inf, "be at most", False),
        (math.inf, "be at least", False),
    ],
)
def test_a_claim_holds_or_not(measured: float, must, holds: bool):
    claim = Claim("T", "said", measured, 1.0, must)
    assert claim.holds is holds
    assert claim.json()["holds"] is holds
    assert claim.json()["measured"] == (measured if math.isfinite(measured) else None)


def test_the_share_outside_by_hand():
    frame = torch.eye(3, dtype=torch.float64)[:, :2]
    v = torch.tensor([[3.0, 0.0, 4.0], [1.0, 1.0, 0.0]], dtype=torch.float64)
    assert share_off(v, frame).tolist() == pytest.approx([16 / 25, 0])
    each = torch.stack([frame, torch.eye(3, dtype=torch.float64)[:, 1:]])
    assert share_off(v, each).tolist() == pytest.approx([16 / 25, 0.5])


def test_draws_are_of_the_seed_alone():
    assert torch.equal(Draws(3).frame(5, 2), Draws(3).frame(5, 2))
    assert not torch.equal(Draws(3).normal(4), Draws(4).normal(4))

import pytest
import torch

from offmanifold.theorems import check_t1
from offmanifold.theorems.base import Draws
from offmanifold.theorems.t1 import OUTPUTS, D, K, affine, relu_error, slope


@pytest.mark.parametrize("seed", [0, 1, 141])
def test_every_claim_holds(seed: int):
    claims = check_t1(seed)
    assert len(claims) == 4
    assert [c.claim for c in claims if not c.holds] == []


def test_a_wrong_projector_is_seen():
    half = Draws(0).frame(D, K // 2)  # of half the dimension, so that the ratio is far off
    assert affine(0, projector=half @ half.T) > 10


def test_the_exact_ratio_by_singular_values():
    """‖AP‖² is the energy of A on an orthonormal basis, whatever the basis."""
    g = Draws(0)
    a, frame = g.normal(OUTPUTS, D), g.frame(D, K)
    whole = torch.linalg.svdvals(a).square().sum()
    on = (a @ frame).square().sum()
    p = frame @ frame.T
    torch.testing.assert_close((a @ p).square().sum(), on)
    torch.testing.assert_close((a - a @ p).square().sum(), whole - on)


def test_without_pairs_the_error_is_of_first_order():
    assert slope(0, paired=False) < 1.5


def test_draws_that_cross_kinks_break_it():
    assert relu_error(0, sigma=10.0) == float("inf")  # none is left to be compared

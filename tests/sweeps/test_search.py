"""The search finds the best acceptable strength of known curves in three runs."""

import math
from itertools import pairwise

import pytest

from offmanifold.measures import Number
from offmanifold.sweeps.search import Tried, Wanted, acceptable, choose, next_strength, vertex


def number(value: float) -> Number:
    return Number(value, value - 0.01, value + 0.01, 200)


def search(value, loss, start: float, wanted: Wanted, most: int = 3) -> list[Tried]:
    """Run the search against functions of the strength."""
    tried: list[Tried] = []
    while len(tried) < most:
        s = next_strength(tried, start, wanted)
        if s is None:
            break
        tried.append(Tried(s, number(value(s)), number(loss(s)), number(min(1.0, s / 4))))
    return tried


def peaked(peak: float):
    """A parabola in the logarithm of the strength, .1 for the standard model."""
    return lambda s: 0.1 if s == 0 else 0.1 + 0.3 * math.exp(-((math.log(s / peak) / 2.5) ** 2))


@pytest.mark.parametrize("peak", [0.1, 0.3, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("limit", [0.2, 1.0, 5.0, 100.0])
def test_the_choice_is_nearly_the_best_acceptable(peak: float, limit: float):
    wanted, value = Wanted(accuracy_loss=0.02), peaked(peak)

    def loss(s: float) -> float:
        return 0.02 * (s / limit) ** 1.5

    best = choose(search(value, loss, 1.0, wanted), wanted)
    assert best is not None
    grid = [10 ** (k / 20) for k in range(-60, 61)]
    ideal = max(value(s) for s in grid if loss(s) <= 0.02)
    assert ideal - value(best.strength) <= 0.35 * (ideal - 0.1)
    assert loss(best.strength) <= 0.02


def test_no_strength_is_tried_twice():
    tried = search(peaked(1.0), lambda s: 0.0, 1.0, Wanted(), most=6)
    strengths = sorted(t.strength for t in tried)
    assert all(b / a >= 1.14 for a, b in pairwise(strengths))


def test_collapse_is_walked_away_from():
    gone = Tried(4.0, None, None)
    assert not acceptable(gone, Wanted())
    assert next_strength([gone], 4.0, Wanted()) == 1.0
    good = Tried(1.0, number(0.2), number(0.0))
    assert next_strength([good, gone], 4.0, Wanted()) == 2.0


def test_robustness_asked_for_drives_the_strength_up():
    wanted = Wanted(robust_accuracy=0.9)
    weak = Tried(1.0, number(0.3), number(0.0), number(0.2))
    assert not acceptable(weak, wanted)
    assert next_strength([weak], 1.0, wanted) == 4.0
    strong = Tried(4.0, number(0.2), number(0.0), number(0.95))
    assert choose([weak, strong], wanted) is strong


def test_nothing_acceptable_is_said():
    assert choose([Tried(1.0, number(0.3), number(0.5))], Wanted()) is None


def test_a_strength_shown_to_be_better_goes_before_a_higher_value_that_is_not():
    vague = Tried(1.0, number(0.3), number(0.0), gain=Number(0.02, -0.01, 0.05, 200))
    clear = Tried(2.0, number(0.29), number(0.0), gain=Number(0.01, 0.005, 0.015, 200))
    assert choose([vague, clear], Wanted()) is clear
    assert choose([vague], Wanted()) is vague
    assert not vague.better


def test_vertex_of_a_parabola_is_exact():
    def f(x: float) -> float:
        return 3 - 2 * (x - 0.7) ** 2

    assert vertex([(x, f(x)) for x in (-1.0, 0.5, 4.0)]) == pytest.approx(0.7)
    assert vertex([(0.0, 0.0), (1.0, 1.0), (2.0, 3.0)]) == 1.5  # none: the middle of the highest

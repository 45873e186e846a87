import pytest
import torch
from sklearn.linear_model import Ridge

from offmanifold.theorems import check_t3, thick_subspace
from offmanifold.theorems.base import Draws
from offmanifold.theorems.t3 import (
    NOISE,
    PUBLISHED,
    THICKNESS,
    D,
    K,
    N,
    Point,
    deviation,
    exact_subspace,
    unregularised,
)


def test_every_claim_holds():
    claims = check_t3(1)
    assert len(claims) == 7
    assert [c.claim for c in claims if not c.holds] == []


@pytest.mark.parametrize("strength", [1e-2, 5.0, 1e4])
def test_against_a_plain_ridge_solver(strength: float):
    g = Draws(0)
    deviations = torch.full((D,), THICKNESS, dtype=torch.float64)
    deviations[:K] = 1
    truth = torch.zeros(D, dtype=torch.float64)
    truth[:K] = K**-0.5
    x = g.normal(3, N, D) * deviations
    y = x @ truth + NOISE * g.normal(3, N)
    rho, risk = [], []
    for a, b in zip(x.numpy(), y.numpy(), strict=True):
        w = torch.from_numpy(Ridge(alpha=strength, fit_intercept=False, tol=1e-12).fit(a, b).coef_)
        rho.append(float(w[K:].square().sum() / w[:K].square().sum()))
        risk.append(float(((w - truth) * deviations).square().sum()))
    (point,) = thick_subspace([strength], 0, draws=3)
    assert point.rho == pytest.approx(sum(rho) / 3, rel=1e-6)
    assert point.risk == pytest.approx(sum(risk) / 3, rel=1e-6)


def test_regimes_come_in_order():
    points = thick_subspace([1e-6, 1.0, 5.0, 10.0, 100.0, 1e6], 0, draws=50)
    found = [p.regime for p in points]
    assert found == ["weak", "weak", "bayes-aligned", "bayes-aligned", "excessive", "excessive"]


def test_other_numbers_are_seen():
    (rho, _), (risk, _) = PUBLISHED[5.0]
    assert deviation([Point(5.0, rho, 1e-3, risk, 1e-4)]) <= 0
    assert deviation([Point(5.0, 2 * rho, 1e-3, risk, 1e-4)]) > 4
    assert deviation([Point(5.0, rho, 1e-3, 2 * risk, 1e-4)]) > 4


def test_descent_keeps_what_it_started_with_off_the_subspace():
    assert unregularised(0, steps=10) == pytest.approx(unregularised(0, steps=1000), rel=0.05)
    assert exact_subspace(0, 1e-2) < 1e-10

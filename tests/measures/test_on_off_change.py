import numpy as np
import pytest
import torch
from torch import nn

from gaussian_data import D, Linear, images, probe_of, rotated, subspace_manifold
from offmanifold.measures.on_off_change import (
    MULTIPLES,
    ChangeRatio,
    ChangeRatioL2,
    OnChange,
    changes,
    column,
)

K, STEP = 4, 0.3
V = rotated(D).float()
MANIFOLD = subspace_manifold(K)


def found(model: nn.Module, n: int = 6, **options) -> dict[str, torch.Tensor]:
    options = {"reference_step": STEP, **options}
    return changes(probe_of(model, MANIFOLD, images(n, 2), **options))


def test_a_classifier_of_the_tangent_does_not_change_off_it():
    w = 3 * torch.stack([V[:, 0], -V[:, 1]])
    on_alone, off_alone = found(Linear(w)), found(Linear(3 * V[:, K : K + 2].T))
    for multiple in MULTIPLES:
        assert (on_alone[column("on", multiple)] > 1e-3).all()
        assert (on_alone[column("off", multiple)] < 1e-5).all()
        assert (off_alone[column("off", multiple)] > 1e-3).all()
        assert (off_alone[column("on", multiple)] < 1e-5).all()
    assert (
        on_alone[column("off", norm="_l2")].max() < 1e-5 < on_alone[column("on", norm="_l2")].min()
    )


class Recorded(Linear):
    def forward(self, x):
        self.seen.append(x.flatten(1))
        return super().forward(x)


def test_steps_have_their_length_lie_on_their_side_and_are_not_clipped():
    model = Recorded(torch.randn(2, D))
    model.seen = []
    probe = probe_of(model, MANIFOLD, images(6, 2), reference_step=STEP)
    assert probe.probabilities.shape == (6, 2)
    changes(probe)
    x, *moved = model.seen
    assert len(moved) == 2 * 2 * len(MULTIPLES)
    for i, seen in enumerate(moved):
        step = seen - x
        length = MULTIPLES[i // 2 % len(MULTIPLES)] * STEP
        torch.testing.assert_close(step.norm(dim=1), torch.full((6,), length), rtol=1e-4, atol=0)
        across = V[:, K:] if i < 2 * len(MULTIPLES) else V[:, :K]
        assert (step @ across).abs().max() < 1e-5
    assert min(float(m.min()) for m in moved) < 0


def test_sizes_are_l1_and_l2_of_softmax_at_the_temperature():
    split, w = images(6, 2), torch.randn(2, D, generator=torch.Generator().manual_seed(0))
    for temperature in (1.0, 4.0):
        probe = probe_of(Linear(w), MANIFOLD, split, temperature=temperature, reference_step=STEP)
        x, expected = probe.x.flatten(1), []
        for draw in range(2):
            step = probe.scene.split_noise(draw)[0].flatten(1)
            step = STEP * step / step.norm(dim=1, keepdim=True)
            p = [(a @ w.T / temperature).softmax(1) for a in (x + step, x)]
            expected.append(p[0] - p[1])
        delta = torch.stack(expected)
        torch.testing.assert_close(changes(probe)[column("on")], delta.abs().sum(2).mean(0))
        torch.testing.assert_close(
            changes(probe)[column("on", norm="_l2")], delta.norm(dim=2).mean(0)
        )


def test_the_ratio_is_of_means_and_null_where_off_hardly_changes():
    measure = ChangeRatio()
    columns = {column("on"): np.array([1.0, 3.0]), column("off"): np.array([1.0, 0.0])}
    assert measure.reduce(columns, 2)["value"] == pytest.approx(4)
    columns[column("off")] = np.array([1e-6, 1e-6])
    assert measure.reduce(columns, 2)["value"] is None
    l2 = {column("on", norm="_l2"): np.ones(2), column("off", norm="_l2"): np.full(2, 2.0)}
    assert ChangeRatioL2().reduce(l2, 2)["value"] == pytest.approx(0.5)


def test_small_steps_obey_the_formula_of_their_ratio():
    """For ε → 0, mean‖Δ_off‖² ÷ mean‖Δ_on‖² = ρ_rel · k / (d − k)."""
    w = V[:, 0] + 0.5 * V[:, K]
    probe = probe_of(
        Linear(torch.stack([w, -w])), MANIFOLD, images(300, 2), reference_step=1e-2, directions=1
    )
    l2 = changes(probe)
    ratio = float(
        l2[column("off", norm="_l2")].square().mean() / l2[column("on", norm="_l2")].square().mean()
    )
    assert ratio == pytest.approx(0.25 * K / (D - K), rel=0.25)


def test_the_curve_is_over_lengths():
    curve = OnChange().curves(2.64)["robustness.on"]
    assert curve.x == tuple(2.64 * m for m in (0.25, 0.5, 1, 2, 4))
    assert curve.columns[2] == "robustness.on_change"

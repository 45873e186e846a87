"""Certificates against what is known exactly, and what they leave behind: nothing."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import offmanifold.attacks.certification as module
from gaussian_data import SHAPE, D, Linear
from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise, PartNoise, Randomness
from offmanifold.attacks.certification import certify, lower_bound, predict, radius_cap

SIGMA, NARROW = 0.5, 0.1


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(index: list[int]) -> ImageNoise:
    return ImageNoise(torch.tensor(index), seed=3, name="certify")


class Answers(nn.Module):
    """Logits by a function of the flat images; notes the images seen."""

    def __init__(self, logits):
        super().__init__()
        self.logits, self.seen = logits, []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return self.logits(x.flatten(1))


def half_plane() -> tuple[Linear, Tensor]:
    """Return the classifier of 3u + 4v > 3.5 and its unit normal."""
    weight, bias = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([0.0, -3.5])
    return Linear(weight, bias), torch.tensor([0.6, 0.8])


def at_distances(signed: Tensor) -> Tensor:
    """Return images (m, 1, 1, 2) at these distances from the line 3u + 4v = 3.5."""
    _, normal = half_plane()
    return (0.5 + signed[:, None] * normal).view(-1, 1, 1, 2)


def test_on_a_half_space_the_radius_is_below_the_distance_and_close_to_it():
    n = 100_000
    near = torch.linspace(0.5 * NARROW, 0.8 * radius_cap(NARROW, n), 12)
    signed = torch.cat([near, -near, torch.tensor([0.004, -0.6])])
    found = certify(half_plane()[0], at_distances(signed), NARROW, n=n, generator=seeded())
    certain = found.prediction >= 0
    assert torch.equal(found.prediction[certain], (signed[certain] > 0).long())
    assert certain[:-2].all()
    assert (found.radius <= signed.abs()).all()
    assert (1 - found.radius[:24] / signed.abs()[:24]).mean() < 0.02
    assert float(found.radius[-1]) == pytest.approx(radius_cap(NARROW, n))


def test_on_the_boundary_it_abstains():
    found = certify(half_plane()[0], at_distances(torch.zeros(20)), SIGMA, generator=seeded())
    assert (found.prediction == -1).all()
    assert (found.radius == 0).all()
    assert (found.p_lower <= 0.5).all()


def test_on_the_boundary_it_answers_about_as_often_as_alpha_allows():
    """There a certificate of either class is wrong: the largest share of them that can be."""
    x, n = at_distances(torch.zeros(4000)), 101
    found = certify(half_plane()[0], x, SIGMA, n0=11, n=n, alpha=0.1, generator=seeded())
    at_least = next(c for c in range(n + 1) if lower_bound(np.array(c), n, 0.1) > 0.5)
    exact = sum(math.comb(n, c) for c in range(at_least, n + 1)) / 2**n
    assert exact <= 0.1
    wrong = float((found.prediction >= 0).double().mean())
    assert wrong == pytest.approx(exact, abs=3 * (exact * (1 - exact) / 4000) ** 0.5)


def test_a_prediction_is_the_side_or_an_abstention_at_its_rate():
    sides = 0.2 * torch.cat([torch.ones(5), -torch.ones(5)])
    found = predict(half_plane()[0], at_distances(sides), NARROW, generator=seeded())
    assert found.tolist() == [1] * 5 + [0] * 5
    assert found.dtype == torch.int64
    x, n = at_distances(torch.zeros(4000)), 99
    tails = [sum(math.comb(n, c) for c in range(m, n + 1)) / 2**n for m in range(50, n + 1)]
    exact = max(2 * tail for tail in tails if 2 * tail <= 0.2)  # either class, two-sided
    found = predict(half_plane()[0], x, SIGMA, n=n, alpha=0.2, generator=seeded())
    answered = float((found >= 0).double().mean())
    assert answered == pytest.approx(exact, abs=3 * (exact * (1 - exact) / 4000) ** 0.5)


def test_three_classes_in_a_row():
    """Classes u < .3, .3 < u < .7 and .7 < u: each has a known probability under noise."""
    model = Answers(lambda u: -(u - torch.tensor([[0.1, 0.5, 0.9]])).abs())
    places = torch.tensor([0.16, 0.5, 0.56, 1.0])
    found = certify(model, places.view(-1, 1, 1, 1), NARROW, n=20_000, generator=seeded())
    assert found.prediction.tolist() == [0, 1, 1, 2]
    few = predict(model, places.view(-1, 1, 1, 1), NARROW, generator=seeded())
    assert few.tolist() == [0, 1, 1, 2]
    normal = torch.distributions.Normal(0.0, NARROW)
    below = normal.cdf(torch.tensor([[0.3], [0.7]]) - places)
    exact = torch.stack([below[0, 0], *(below[1] - below[0])[1:3], 1 - below[1, 3]]).double()
    assert (found.p_lower <= exact).all()
    torch.testing.assert_close(found.p_lower, exact, atol=0.01, rtol=0)
    standard = torch.distributions.Normal(0.0, 1.0)
    expected = NARROW * standard.icdf(found.p_lower)
    torch.testing.assert_close(found.radius, expected, rtol=1e-5, atol=0)


def bisected(count: int, n: int, alpha: float) -> float:
    """Return p at which `count` or more of n have the chance alpha, by the sum of the binomial."""
    low, high = 0.0, 1.0
    for _ in range(60):
        p = (low + high) / 2
        tail = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(count, n + 1))
        low, high = (low, p) if tail > alpha else (p, high)
    return low


@pytest.mark.parametrize("n", [1, 7, 40])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
def test_the_bound_is_where_the_binomial_tail_is_alpha(n, alpha):
    counts = np.arange(n + 1)
    expected = [0.0, *(bisected(int(c), n, alpha) for c in counts[1:])]
    np.testing.assert_allclose(lower_bound(counts, n, alpha), expected, rtol=1e-9)


def test_a_sure_classifier_reaches_the_cap_and_its_value_is_known():
    sure = Answers(lambda x: torch.tensor([0.0, 1.0, 0.0]).expand(len(x), 3))
    found = certify(sure, torch.rand(2, *SHAPE), SIGMA, n0=1, generator=seeded())
    assert found.prediction.tolist() == [1, 1]
    cap = radius_cap(SIGMA)
    assert found.radius.tolist() == pytest.approx([cap, cap], rel=1e-9)
    assert radius_cap(1.0) == pytest.approx(2.4633, abs=1e-4)  # Φ⁻¹(0.001^0.001)
    assert radius_cap(1.0, n=5, alpha=0.001) == 0  # so few draws certify nothing


def test_what_is_not_finite_is_no_vote():
    broken = Answers(lambda x: torch.full((len(x), 2), math.nan))
    found = certify(broken, torch.rand(2, *SHAPE), SIGMA, generator=seeded())
    assert found.prediction.tolist() == [-1, -1]
    assert found.p_lower.tolist() == [0, 0]
    assert predict(broken, torch.rand(2, *SHAPE), SIGMA, generator=seeded()).tolist() == [-1, -1]


def small_model() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(D, 16), nn.ReLU(), nn.Linear(16, 3))


def some_images(m: int = 6) -> Tensor:
    return torch.rand(m, *SHAPE, generator=seeded())


def equal(one: module.Certificates, other: module.Certificates, rows: list[int]) -> bool:
    names = ("prediction", "radius", "p_lower")
    return all(torch.equal(getattr(one, name), getattr(other, name)[rows]) for name in names)


def test_an_image_has_one_certificate_in_any_batch_and_order():
    x, model = some_images(), small_model()
    whole = certify(model, x, SIGMA, generator=noise([0, 1, 2, 3, 4, 5]))
    assert (whole.radius > 0).any()
    assert len(set(whole.p_lower.tolist())) > 3
    for rows in ([4], [5, 0, 3], [0, 1, 2, 3, 4, 5]):
        for batch in (None, 7, 100_000):
            part = certify(model, x[rows], SIGMA, generator=noise(rows), batch=batch)
            assert equal(part, whole, rows)


def test_copies_of_one_large_image_are_classified_together():
    """So large an image has a noise call a draw."""
    seen = []
    for batch in (None, 4):
        model = Answers(lambda x: x[:, :2])
        x = torch.zeros(1, 1, 128, 129)
        found = certify(model, x, SIGMA, n0=4, n=35, generator=noise([0]), batch=batch)
        seen.append(([len(s) for s in model.seen], found.p_lower))
    (sizes, one), (smaller, other) = seen
    assert sizes == [4, 16, 16, 3]
    assert smaller == [4, *[4] * 8, 3]
    assert torch.equal(one, other)


def test_one_of_several_processes_finds_its_rows():
    x, model, rows = some_images(), small_model(), [1, 4]
    whole = certify(model, x, SIGMA, generator=seeded())
    part = PartNoise(seeded(), torch.tensor(rows), len(x))
    assert equal(certify(model, x[rows], SIGMA, generator=part), whole, rows)


def test_noise_has_its_size_is_not_clipped_and_is_drawn_afresh():
    model = Answers(lambda x: x[:, :2])
    x = some_images(1)
    certify(model, x, SIGMA, n0=50, n=2000, generator=noise([0]))
    seen = torch.cat(model.seen) - x
    assert len(seen) == 2050
    assert float(seen.std()) == pytest.approx(SIGMA, rel=0.02)
    assert float((seen + x).min()) < -0.5
    assert len(seen.flatten(1).unique(dim=0)) == 2050


def test_memory_does_not_grow_with_the_draws():
    most = []
    for n in (3_000, 30_000):
        model = Answers(lambda x: x[:, :2])
        certify(model, some_images(20), SIGMA, n=n, generator=seeded())
        most.append(max(len(x) for x in model.seen))
    assert most[0] == most[1] <= max(module.FORWARD_IMAGES, module.FORWARD_VALUES // D)


@pytest.mark.parametrize("generator", [seeded(), noise([0, 1, 2, 3, 4, 5])], ids=["plain", "image"])
def test_it_leaves_nothing_on_the_model_and_runs_in_float32(generator: Randomness):
    kept: list[Any] = []
    model = nn.Sequential(small_model(), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    model.register_forward_hook(lambda _, __, out: kept.append(out))
    next(model.parameters()).requires_grad_(False)
    flags = [p.requires_grad for p in model.parameters()]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state, x = torch.random.get_rng_state(), some_images().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        certify(model, x, SIGMA, n=50, generator=generator)
    assert {(out.dtype, out.requires_grad) for out in kept} == {(torch.float32, False)}
    assert all(m.training for m in model.modules())
    assert flags == [p.requires_grad for p in model.parameters()]
    assert all(p.grad is None for p in (*model.parameters(), x))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("sigma", "options", "word"),
    [
        (0.0, {}, "sigma"),
        (-1.0, {}, "sigma"),
        (math.nan, {}, "sigma"),
        (math.inf, {}, "sigma"),
        (SIGMA, {"n": 0}, "n must"),
        (SIGMA, {"n0": 0}, "n0 must"),
        (SIGMA, {"batch": 0}, "batch"),
        (SIGMA, {"alpha": 0.0}, "alpha"),
        (SIGMA, {"alpha": 1.0}, "alpha"),
        (SIGMA, {"alpha": math.nan}, "alpha"),
    ],
)
def test_numbers_out_of_range_are_refused(sigma, options, word):
    with pytest.raises(InputError, match=word):
        certify(small_model(), some_images(), sigma, generator=seeded(), **options)
    if not {"n0", "batch"} & options.keys():
        with pytest.raises(InputError, match=word):
            radius_cap(sigma, **options)
    if "n0" not in options:
        with pytest.raises(InputError, match=word):
            predict(small_model(), some_images(), sigma, generator=seeded(), **options)


def test_one_class_is_refused():
    with pytest.raises(InputError, match="at least 2 classes"):
        certify(Linear(torch.ones(1, D)), some_images(), SIGMA, generator=seeded())

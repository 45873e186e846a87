import json

import numpy as np
import pytest
from scipy import stats

from offmanifold._core.statistics import (
    Number,
    difference,
    estimate,
    estimate_over_seeds,
    interval_of,
    mean_by_student,
    mean_of,
    over_seeds,
    over_seeds_too,
    paired,
    proportion,
    proportion_gap,
    ratio_of,
    resamples,
    unpaired,
)

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (7, 7), (3, 11), (480, 500), (1, 1)])
def test_wilson_is_that_of_scipy(successes, n):
    number = proportion(successes, n)
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert number.value == pytest.approx(successes / n)
    assert number.low == pytest.approx(expected.low, abs=1e-12)
    assert number.high == pytest.approx(expected.high, abs=1e-12)
    assert (number.method, number.n) == ("wilson", n)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_the_interval_of_a_few_values_holds_the_mean_19_times_in_20(n):
    draws = np.random.default_rng(0).normal(0.3, 0.1, (2000, n))
    held = [(m := mean_by_student(d)).low < 0.3 < m.high for d in draws]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def gaps_of(up: int, down: int, n: int) -> np.ndarray:
    return np.repeat([1.0, -1.0, 0.0], [up, down, n - up - down])


def score_interval(up: int, down: int, n: int) -> tuple[float, float]:
    """Differences not rejected by the score, the nuisance share by maximum likelihood."""
    kept = []
    for delta in np.linspace(-1, 1, 2001)[1:-1]:
        low, high = max(0.0, -delta), (1 - delta) / 2
        shares = np.linspace(low, high, 2001)[1:-1]
        likelihood = (
            up * np.log(shares + delta)
            + down * np.log(shares)
            + (n - up - down) * np.log(1 - 2 * shares - delta)
        )
        q = shares[np.argmax(likelihood)]
        if abs(up - down - n * delta) <= 1.96 * np.sqrt(n * (2 * q + delta - delta**2)):
            kept.append(delta)
    return kept[0], kept[-1]


@pytest.mark.parametrize(
    ("up", "down", "n"), [(12, 2, 50), (2, 12, 50), (0, 0, 10), (5, 5, 10), (1, 0, 60), (10, 0, 10)]
)
def test_the_interval_of_paired_shares_inverts_the_score_test(up, down, n):
    number = proportion_gap(gaps_of(up, down, n))
    low, high = score_interval(up, down, n)
    assert number.value == pytest.approx((up - down) / n)
    assert number.low == pytest.approx(low, abs=0.003)
    assert number.high == pytest.approx(high, abs=0.003)


def test_coverage_of_the_interval_of_paired_shares():
    random = np.random.default_rng(2)
    found = [
        proportion_gap(random.choice([1.0, -1.0, 0.0], 40, p=[0.08, 0.02, 0.9])) for _ in range(400)
    ]
    held = sum(number.low <= 0.06 <= number.high for number in found)  # type: ignore[operator]
    assert 0.92 <= held / 400 <= 0.99


def test_an_interval_over_seeds_that_agree_is_that_of_the_images():
    right = {"a": np.ones(20)}
    number = over_seeds_too(proportion(20, 20), mean_of("a"), [right, right, right])
    assert (number.low, number.high) == (proportion(20, 20).low, proportion(20, 20).high)
    half = {"a": np.repeat([0.0, 1.0], 10)}
    wide = over_seeds_too(proportion(15, 20), mean_of("a"), [right, half])
    assert wide.low < proportion(15, 20).low  # type: ignore[operator]
    assert wide.over == "2 seeds and images"


def test_interval_of_a_mean_is_student_s_for_many_images():
    values = RANDOM.normal(3, 2, 1500)
    number = estimate(mean_of("a"), {"a": values}, len(values))
    low, high = stats.t.interval(0.95, 1499, values.mean(), stats.sem(values))
    assert number.value == pytest.approx(values.mean())
    width = high - low
    assert number.low == pytest.approx(low, abs=0.05 * width)
    assert number.high == pytest.approx(high, abs=0.05 * width)


def test_coverage_of_the_interval():
    n, trials = 60, 300
    random = np.random.default_rng(1)
    held = 0
    for _ in range(trials):
        number = estimate(mean_of("a"), {"a": random.exponential(1, n)}, n)
        held += number.low <= 1 <= number.high  # type: ignore[operator]
    assert 0.89 <= held / trials <= 0.98


def test_ratio_is_of_means_not_a_mean_of_ratios():
    columns = {"a": np.array([1.0, 3.0]), "b": np.array([1.0, 1.0])}
    assert estimate(ratio_of("a", "b"), columns, 2).value == pytest.approx(2)
    assert estimate(ratio_of("a", "b", part_of_sum=True), columns, 2).value == pytest.approx(2 / 3)


def test_interval_of_a_ratio_against_the_delta_method():
    a, b = RANDOM.normal(4, 1, 800), RANDOM.normal(2, 0.5, 800)
    number = estimate(ratio_of("a", "b"), {"a": a, "b": b}, 800)
    error = np.std(a - a.mean() / b.mean() * b, ddof=1) / b.mean() / np.sqrt(800)
    assert number.value == pytest.approx(a.mean() / b.mean())
    assert (number.high - number.low) / (2 * 1.96) == pytest.approx(error, rel=0.06)


def test_a_denominator_at_its_least_is_unknown():
    columns = {"a": np.ones(4), "b": np.full(4, 1e-6)}
    assert estimate(ratio_of("a", "b", least=1e-6), columns, 4).value is None
    columns["b"] = np.full(4, 2e-6)
    assert estimate(ratio_of("a", "b", least=1e-6), columns, 4).value == pytest.approx(5e5)
    assert estimate(ratio_of("a", "b"), {"a": np.ones(4), "b": np.zeros(4)}, 4).value is None


def test_an_interval_needs_nearly_all_resamples():
    columns = {"a": np.ones(3), "b": np.array([0.0, 0.0, 1.0])}  # 30 % draw no image with b
    number = estimate(ratio_of("a", "b"), columns, 3)
    assert number.value == pytest.approx(3)
    assert number.low is None
    assert number.high is None


def test_numbers_hold_no_nan():
    for number in (
        estimate(mean_of("a"), {"a": np.array([np.nan, 1])}, 2),
        estimate(mean_of("a"), {"a": np.array([np.inf, 1])}, 2),
        estimate(mean_of("a"), {"a": np.array([])}, 0),
        proportion(0, 0),
        proportion_gap(np.array([])),
        proportion_gap(np.array([np.nan, 1])),
    ):
        assert number.value is None
        json.dumps(number.json(), allow_nan=False)


def test_resamples_are_the_same_each_time_and_draw_n_images():
    first = resamples(9).copy()
    resamples.cache_clear()
    assert np.array_equal(resamples(9), first)
    assert (first.sum(1) == 9).all()
    assert len(np.unique(first, axis=0)) > 1000
    with pytest.raises(ValueError, match="read-only"):
        resamples(9)[0, 0] = 1


def test_a_difference_to_itself_is_exactly_zero():
    columns = {"a": RANDOM.random(50), "b": RANDOM.random(50)}
    for statistic in (mean_of("a"), ratio_of("a", "b")):
        number = difference(statistic, columns, columns, 50)
        assert (number.value, number.low, number.high) == (0, 0, 0)


def test_pairing_takes_out_what_images_share():
    shared = RANDOM.normal(0, 10, 200)
    one, other = {"a": shared + 0.5 + RANDOM.normal(0, 0.1, 200)}, {"a": shared}
    number = difference(mean_of("a"), one, other, 200)
    assert number.value == pytest.approx(0.5, abs=0.05)
    assert number.high - number.low < 0.1  # type: ignore[operator]
    assert number.above(0.4)
    assert number.below(0.6)


def test_z_and_effect():
    values = RANDOM.normal(1, 2, 900)
    number, z, effect = paired(values, np.zeros(900))
    assert number.value == pytest.approx(values.mean())
    assert effect == pytest.approx(values.mean() / values.std(ddof=1))
    assert z == pytest.approx(stats.ttest_1samp(values, 0).statistic, rel=0.05)


def test_no_z_without_variance():
    for n in (1, 5):
        number, z, effect = paired(np.full(n, 0.3), np.full(n, 0.1))
        assert number.value == pytest.approx(0.2)
        assert z is None
        assert effect is None


def test_above_and_below_are_strict_and_false_where_unknown():
    number = Number(0.5, 0.4, 0.6, 10)
    assert number.above(0.39)
    assert not number.above(0.4)
    assert number.below(0.61)
    assert not number.below(0.6)
    unknown = Number(0.5, None, None, 10)
    assert not unknown.above(-9)
    assert not unknown.below(9)


def test_a_number_is_read_back():
    number = Number(0.5, 0.4, 0.6, 10, unit="share")
    assert Number.read({**number.json(), "title": "ignored"}) == number


def test_over_seeds_is_the_mean_of_runs_and_of_their_resamples():
    random = np.random.default_rng(0)
    runs = [{"a": random.normal(i, 1, 50)} for i in range(3)]
    value, *samples = over_seeds(mean_of("a"), runs, 50)
    assert value == pytest.approx(np.mean([r["a"].mean() for r in runs]), abs=1e-6)
    spread = np.std(samples)
    assert spread == pytest.approx(np.sqrt(2 / 3 / 3 + 1 / 50 / 3), rel=0.3)
    alone = estimate_over_seeds(mean_of("a"), runs[:1], 50)
    assert alone.over == "images"
    assert estimate_over_seeds(mean_of("a"), runs, 50).over == "3 seeds and images"


def test_numbers_that_cannot_be_paired_differ_by_the_widest_interval():
    gap = unpaired(Number(0.5, 0.4, 0.7, 10), Number(0.25, 0.25, 0.5, 10))
    assert gap.ends() == pytest.approx({"value": 0.25, "low": -0.1, "high": 0.45})
    assert unpaired(Number(0.5, None, None, 10), Number(0.2, 0.1, 0.3, 10)).value is None


ODD = {
    "one value throughout": np.full(200, 0.1, np.float32),
    "one value throughout, rounded": np.full(7, 1 / 3, np.float32),
    "one image unlike the others": np.r_[np.zeros(999), 1e6].astype(np.float32),
    "heavy tails": RANDOM.standard_cauchy(50).astype(np.float32),
    "two images": np.array([0.2, 0.9], np.float32),
}


@pytest.mark.parametrize("column", ODD.values(), ids=ODD)
def test_a_value_lies_within_its_own_interval(column):
    columns, n = {"a": column, "b": np.abs(column[::-1]) + np.float32(1e-3)}, len(column)
    for statistic in (mean_of("a"), ratio_of("a", "b"), ratio_of("b", "a", part_of_sum=True)):
        for number in (
            estimate(statistic, columns, n),
            estimate_over_seeds(statistic, [columns, columns], n),
            difference(statistic, columns, {"a": columns["b"], "b": columns["b"]}, n),
        ):
            if number.low is not None:
                assert number.low <= number.value <= number.high


def test_a_biased_statistic_lies_within_its_own_interval():
    columns = {"a": RANDOM.normal(size=(100, 20))}
    number = estimate(lambda c, w: (w @ c["a"] / w.sum(1)[:, None]).max(1), columns, 100)
    assert number.low <= number.value <= number.high
    distinct = {"a": np.arange(50.0)}
    count = estimate(lambda c, w: (w > 0).sum(1).astype(float), distinct, 50)
    assert (count.value, count.high) == (50, 50)


def test_the_resamples_of_a_place_may_all_lie_beyond_it():
    number = interval_of(0.0, np.r_[np.linspace(1, 2, 1990), np.full(10, np.inf)], 9)
    assert (number.low, number.value) == (0, 0)
    assert number.high > 1.9

"""Means, ratios of means, intervals and z: the one place of statistics.

A statistic is a function (columns, weights (b, n)) → (b,), so that one resampling of images serves
value, interval and paired difference alike, whatever the statistic.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

RESAMPLES, LEVEL = 2000, 0.95
QUANTILES = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]

Columns = Mapping[str, np.ndarray]
Statistic = Callable[[Columns, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Number:
    """A value with its 95 % interval; None where it is not known."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str = "bootstrap"
    over: str = "images"
    unit: str = ""

    def json(self) -> dict[str, Any]:
        """Return plain JSON values, without what a subclass adds."""
        return {name: getattr(self, name) for name in Number.__dataclass_fields__}

    def ends(self) -> dict[str, float | None]:
        """Return the value and the ends of the interval."""
        return {"value": self.value, "low": self.low, "high": self.high}

    def above(self, threshold: float) -> bool:
        """Whether the whole interval lies above a threshold."""
        return self.low is not None and self.low > threshold

    def below(self, threshold: float) -> bool:
        """Whether the whole interval lies below a threshold."""
        return self.high is not None and self.high < threshold

    @classmethod
    def read(cls, saved: Mapping[str, Any]) -> "Number":
        """Return the number that `json` wrote, without what was added to it."""
        return cls(**{f: saved[f] for f in cls.__dataclass_fields__ if f in saved})


@functools.lru_cache(maxsize=8)
def resamples(n: int) -> np.ndarray:
    """Return bootstrap weights (RESAMPLES, n): how often each image was drawn; the same each time.

    The same resampling for every measure and model of n images is what makes differences paired.
    """
    generator = np.random.default_rng(20230530)
    draws = generator.integers(0, n, (RESAMPLES, n))
    counts = np.zeros((RESAMPLES, n), dtype=np.float32)
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], draws), 1)
    counts.setflags(write=False)
    return counts


def mean_of(column: str) -> Statistic:
    """Return the statistic: the mean of a column."""
    return lambda columns, weights: weights @ columns[column] / weights.sum(1)


def ratio_of(over: str, under: str, *, part_of_sum: bool = False, least: float = 0.0) -> Statistic:
    """Return the statistic: mean of one column ÷ mean of another (÷ their sum if `part_of_sum`).

    NaN, which is saved as null, where the denominator is not above `least`.
    """

    def statistic(columns: Columns, weights: np.ndarray) -> np.ndarray:
        total = weights.sum(1)
        top, bottom = weights @ columns[over] / total, weights @ columns[under] / total
        bottom = top + bottom if part_of_sum else bottom
        return np.where(bottom > least, top / np.where(bottom > least, bottom, 1), np.nan)

    return statistic


def estimate(statistic: Statistic, columns: Columns, n: int, *, unit: str = "") -> Number:
    """Return a statistic of n images with its bootstrap percentile interval."""
    if n == 0:
        return Number(None, None, None, 0, unit=unit)
    with np.errstate(invalid="ignore"):  # what is not finite becomes null
        value = statistic(columns, np.ones((1, n), dtype=np.float32))[0]
        samples = statistic(columns, resamples(n))
    return number_of(value, samples, n, unit)


def difference(
    statistic: Statistic, columns: Columns, other: Columns, n: int, *, unit: str = ""
) -> Number:
    """Return the statistic of `columns` − that of `other`, on the same n images in one order."""
    return estimate(
        lambda _, weights: statistic(columns, weights) - statistic(other, weights),
        columns,
        n,
        unit=unit,
    )


def unpaired(one: Number, other: Number) -> Number:
    """Return one − other, of numbers that cannot be paired; the interval is the widest there is."""
    ends = (one.value, other.value, one.low, one.high, other.low, other.high)
    if None in ends:
        return Number(None, None, None, one.n, unit=one.unit)
    a, b, a_low, a_high, b_low, b_high = map(float, ends)  # type: ignore[arg-type]
    return Number(a - b, a_low - b_high, a_high - b_low, one.n, "unpaired", unit=one.unit)


def over_seeds(statistic: Statistic, runs: Sequence[Columns], n: int) -> np.ndarray:
    """Return the mean over runs of a statistic, and its resamples, (1 + RESAMPLES,).

    runs: columns of the same n images in one order, a run a seed. Each resample draws seeds and
    images, the images alike for all runs; of one run, images alone.
    """
    ones = np.ones((1, n), dtype=np.float32)
    with np.errstate(invalid="ignore"):
        table = np.stack(
            [np.concatenate([statistic(c, ones), statistic(c, resamples(n))]) for c in runs]
        )
    drawn = np.random.default_rng(20230530).integers(0, len(runs), (RESAMPLES, len(runs)))
    samples = table[drawn, 1 + np.arange(RESAMPLES)[:, None]].mean(1)
    return np.concatenate([table[:, :1].mean(0), samples])


def estimate_over_seeds(
    statistic: Statistic, runs: Sequence[Columns], n: int, *, unit: str = ""
) -> Number:
    """Return the mean over runs of a statistic, its interval over seeds and images.

    Two or three seeds say little of how seeds vary: such an interval is rather too narrow.
    """
    if n == 0 or not runs:
        return Number(None, None, None, 0, unit=unit)
    value, *samples = over_seeds(statistic, runs, n)
    over = "images" if len(runs) == 1 else f"{len(runs)} seeds and images"
    return replace(number_of(value, np.array(samples), n, unit), over=over)


def mean_by_student(values: np.ndarray) -> Number:
    """Return the mean of values (n,) with Student's interval; of one value, without.

    Of a few values, whose bootstrap is too narrow.
    """
    n, mean = len(values), float(values.mean())
    if n < 2:
        return Number(mean, None, None, n, "t")
    half = float(student.ppf(0.5 + LEVEL / 2, n - 1) * values.std(ddof=1) / n**0.5)
    return Number(mean, mean - half, mean + half, n, "t")


def proportion(successes: float, n: int, *, unit: str = "") -> Number:
    """Return a share with its Wilson score interval."""
    if n == 0:
        return Number(None, None, None, 0, "wilson", unit=unit)
    z = norm.ppf(0.5 + LEVEL / 2)
    p = successes / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))
    return Number(float(p), float(low), float(high), n, "wilson", unit=unit)


def proportion_gap(gaps: np.ndarray, *, unit: str = "") -> Number:
    """Return a mean difference of paired shares with its score interval (Tango 1998).

    gaps: (n,) in [−1, 1], 1 less 0 as images are right or wrong. A bootstrap of images that all
    agree has an interval without width; by this one, n such images leave ± z² ÷ (n + z²).
    Fractions, as of a mean over seeds, make it rather too wide.
    """
    n = len(gaps)
    if n == 0 or not np.isfinite(gaps).all():
        return Number(None, None, None, n, "tango", unit=unit)
    z = norm.ppf(0.5 + LEVEL / 2)
    up, down = float(gaps.clip(0).sum()), float((-gaps).clip(0).sum())
    value = (up - down) / n

    def excess(delta: float, side: int) -> float:
        """How far within ± z the score of a difference delta lies; below 0 beyond it."""
        b = (2 * n - up + down) * delta - up - down
        root = np.sqrt(max(b**2 + 8 * n * down * delta * (1 - delta), 0.0))
        spread = np.sqrt(max(n * ((root - b) / (2 * n) + delta * (1 - delta)), 0.0))
        return z * spread - side * n * (delta - value)

    def end(side: int) -> float:
        first, last = value + side * 1e-9, side * (1 - 1e-9)
        if side * (last - first) <= 0 or excess(last, side) >= 0:
            return float(side)
        return float(brentq(excess, first, last, args=(side,)))  # type: ignore[arg-type]

    return Number(value, end(-1), end(1), n, "tango", unit=unit)


def largest_deviation(values: np.ndarray, *, unit: str = "") -> Number:
    """Return the largest over columns (n, k) of the standard deviation over images, in an interval.

    A resampled maximum lies above the maximum, so that percentiles leave it out. Here each column
    has an interval of its own, of the logarithm, with the standard error ½ √((κ − 1) ÷ n) of its
    kurtosis κ; the largest lies between the largest lower end of all at once (Bonferroni) and the
    largest upper end. A column is chosen for being large, which makes its own κ too small: the
    lower ends take that of all columns together where it is larger. n below 2: no interval.
    """
    n = len(values)
    if n == 0 or not np.isfinite(values).all():
        return Number(None, None, None, n, "log-deviation", unit=unit)
    apart = values.astype(np.float64) - values.mean(0, dtype=np.float64)
    variance, fourth = (apart**2).mean(0), (apart**4).mean(0)
    largest = float(np.sqrt(variance.max()))
    if n < 2:
        return Number(largest, None, None, n, "log-deviation", unit=unit)
    varying = variance > 0
    if not varying.any():
        return Number(largest, largest, largest, n, "log-deviation", unit=unit)
    variance, fourth = variance[varying], fourth[varying]

    def error(kurtosis: np.ndarray) -> np.ndarray:
        return np.sqrt((kurtosis - 1).clip(0) / n) / 2

    own, together = error(fourth / variance**2), error(fourth.sum() / (variance**2).sum())
    above = float(student.ppf(0.5 + LEVEL / 2, n - 1))
    below = float(student.isf((1 - LEVEL) / 2 / len(variance), n - 1))
    low = np.sqrt(variance) * np.exp(-below * np.maximum(own, together))
    high = np.sqrt(variance) * np.exp(above * own)
    return Number(largest, float(low.max()), float(high.max()), n, "log-deviation", unit=unit)


def over_seeds_too(number: Number, statistic: Statistic, runs: Sequence[Columns]) -> Number:
    """Return a number of the mean over runs, its interval widened to that over seeds and images.

    runs: a run a seed; of one run, the number itself.
    """
    if len(runs) < 2:
        return number
    other = estimate_over_seeds(statistic, runs, number.n)
    lows = [end for end in (number.low, other.low) if end is not None]
    highs = [end for end in (number.high, other.high) if end is not None]
    return replace(
        number, low=min(lows, default=None), high=max(highs, default=None), over=other.over
    )


def paired(values: np.ndarray, others: np.ndarray) -> tuple[Number, float | None, float | None]:
    """Return the mean difference, its z (÷ bootstrap standard error) and effect (÷ sd of images).

    z and effect are None where no image differs from another.
    """
    return paired_over_seeds([np.asarray(values, np.float64) - np.asarray(others, np.float64)])


def paired_over_seeds(gaps: Sequence[np.ndarray]) -> tuple[Number, float | None, float | None]:
    """Return what `paired` does, of the differences (n,) of each seed: their mean over seeds.

    The standard error is over seeds and images, the sd that of the images' means over seeds.
    """
    n, statistic = len(gaps[0]), mean_of("difference")
    runs = [{"difference": gap} for gap in gaps]
    number = estimate_over_seeds(statistic, runs, n)
    if n < 2:
        return number, None, None
    error = float(np.std(over_seeds(statistic, runs, n)[1:], ddof=1))
    deviation = float(np.std(np.mean(gaps, axis=0), ddof=1))
    if error < 1e-12 or deviation < 1e-12 or number.value is None:
        return number, None, None
    return number, number.value / error, number.value / deviation


def interval_of(value: float, samples: np.ndarray, n: int, *, unit: str = "") -> Number:
    """Return a value among whose resamples some may be −inf or inf: an end there is None."""
    if not np.isfinite(value):
        return Number(None, None, None, n, unit=unit)
    ends = _around(value, np.quantile(samples, QUANTILES, method="nearest"))
    low, high = (e if np.isfinite(e) else None for e in ends)
    return Number(float(value), low, high, n, unit=unit)


def number_of(value: float, samples: np.ndarray, n: int, unit: str = "") -> Number:
    """A value with the percentiles of its resamples; null unless nearly all of them are finite."""
    if not np.isfinite(value):
        return Number(None, None, None, n, unit=unit)
    finite = samples[np.isfinite(samples)]
    if len(finite) < 0.95 * len(samples):
        return Number(float(value), None, None, n, unit=unit)
    low, high = _around(value, np.quantile(finite, QUANTILES))
    return Number(float(value), low, high, n, unit=unit)


def _around(value: float, ends: np.ndarray) -> tuple[float, float]:
    """Return the ends of an interval, a value that rounding or bias left outside taken in."""
    return min(float(value), float(ends[0])), max(float(value), float(ends[1]))

"""Who is credited, where all is known; and numbers against those of one column of differences."""

import numpy as np
import pytest

from offmanifold._core.statistics import paired
from offmanifold.audits.credit import credit, fakes

FRACTION = "alignment.on_manifold_fraction"
LOW, PCA = "alignment.fraction_low_pass", "alignment.fraction_global_pca"
N = 200


def flat(fraction: float, low: float, pca: float, n: int = N) -> dict[str, np.ndarray]:
    """Return columns of which all images have the same value."""
    return {name: np.full(n, v) for name, v in ((FRACTION, fraction), (LOW, low), (PCA, pca))}


def scattered(seed: int, *means: float, sd: float = 0.05) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {k: random.normal(m, sd, N) for k, m in zip((FRACTION, LOW, PCA), means, strict=True)}


def shared(found) -> dict[str, bool]:
    return {name: fake["shares"] for name, fake in found["fakes"].items()}


def test_both_fakes_are_held_beside_the_fraction():
    assert fakes() == {"low_pass": LOW, "global_pca": PCA}


def test_a_fake_that_moves_as_far_shares_and_one_that_stays_does_not():
    found = credit(flat(0.6, 0.2, 0.5), flat(0.3, 0.2, 0.2))
    assert found is not None
    assert found["difference"]["value"] == pytest.approx(0.3)
    assert found["fakes"]["low_pass"]["difference"]["value"] == 0
    assert found["fakes"]["low_pass"]["beyond"]["value"] == pytest.approx(0.3)
    assert found["fakes"]["global_pca"]["beyond"]["value"] == pytest.approx(0, abs=1e-12)
    assert shared(found) == {"low_pass": False, "global_pca": True}
    assert found["credited"] is False


@pytest.mark.parametrize(
    ("moved", "credited"),
    [(-0.4, True), (0.0, True), (0.29, True), (0.3, False), (0.31, False), (0.9, False)],
)
def test_the_manifold_must_show_more_than_the_fake(moved: float, credited: bool):
    for sign in (1, -1):
        found = credit(flat(0.5 + sign * 0.3, 0.5 + sign * moved, 0.5), flat(0.5, 0.5, 0.5))
        assert found is not None
        assert found["credited"] is credited


def test_what_cannot_be_told_is_not_credited():
    """The fake hardly differs, but so scattered that the manifold's part beyond it is not clear."""
    one, other = flat(0.32, 0.3, 0.1), flat(0.3, 0.3, 0.1)
    wide = np.where(np.arange(N) % 2, 0.9, -0.9)
    found = credit({**one, LOW: one[LOW] + wide}, other)
    assert found is not None
    assert found["fakes"]["low_pass"]["difference"]["value"] == pytest.approx(0)
    assert shared(found) == {"low_pass": True, "global_pca": False}


def test_rounding_is_no_difference_but_a_small_one_is():
    """F and the fake differ by the same everywhere, but for the last bits of float32."""
    found = credit(flat(0.505, 0.3, 0.5), flat(0.5, 0.3, 0.5))
    assert found is not None
    assert found["credited"]
    up = {k: v * (1 + 1e-7) if k == FRACTION else v for k, v in flat(0.8, 0.8, 0.5).items()}
    rounded = credit(up, flat(0.5, 0.5, 0.5))
    assert rounded is not None
    assert shared(rounded) == {"low_pass": True, "global_pca": False}
    assert credit({**flat(0.8, 0.8, 0.5), FRACTION: up[FRACTION]}, flat(0.8, 0.8, 0.5)) is None


def test_nothing_is_said_where_nothing_can_be():
    one, other = flat(0.6, 0.2, 0.2), flat(0.3, 0.2, 0.2)
    assert credit(one, other) is not None
    assert credit(one, one) is None
    assert credit(scattered(0, 0.5, 0.2, 0.2), scattered(1, 0.5, 0.2, 0.9)) is None
    for column in (FRACTION, LOW):
        bare = {k: v for k, v in other.items() if k == column}
        assert credit(one, bare) is None
        assert credit(bare, one) is None
    assert credit({FRACTION: one[FRACTION]}, {FRACTION: other[FRACTION]}) is None
    few = ({k: v[:9] for k, v in columns.items()} for columns in (one, other))
    assert credit(*few) is None


def test_a_fake_that_one_audit_lacks_is_left_out():
    one, other = flat(0.6, 0.6, 0.2), flat(0.3, 0.3, 0.2)
    del other[LOW]
    found = credit(one, other)
    assert found is not None
    assert shared(found) == {"global_pca": False}
    assert found["credited"]


def test_numbers_are_those_of_the_paired_differences_of_images():
    one, other = scattered(2, 0.6, 0.3, 0.5), scattered(3, 0.4, 0.2, 0.2)
    found = credit(one, other)
    assert found is not None
    for name, column in (("low_pass", LOW), ("global_pca", PCA)):
        beyond, _, _ = paired(one[FRACTION] - one[column], other[FRACTION] - other[column])
        told = found["fakes"][name]["beyond"]
        assert [told[k] for k in ("value", "low", "high")] == pytest.approx(
            [beyond.value, beyond.low, beyond.high]
        )
        assert told["unit"] == "share of energy"
    error = np.std(one[FRACTION] - other[FRACTION]) / np.sqrt(N)
    gap = found["difference"]
    assert gap["high"] - gap["low"] == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_models_that_change_places_change_signs_alone():
    one, other = scattered(4, 0.6, 0.3, 0.6), scattered(5, 0.4, 0.3, 0.2)
    found, back = credit(one, other), credit(other, one)
    assert found is not None
    assert back is not None
    assert shared(found) == shared(back) == {"low_pass": False, "global_pca": True}
    assert found["credited"] is back["credited"] is False
    assert back["difference"]["low"] == pytest.approx(-found["difference"]["high"])
    assert back["difference"]["value"] == pytest.approx(-found["difference"]["value"])

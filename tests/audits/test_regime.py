import json
from dataclasses import replace

import numpy as np
import pytest

from offmanifold._core.reasons import ENGLISH
from offmanifold._core.statistics import Number, proportion
from offmanifold.audits.regime import Evidence, choose_reference, gather, regime

ABOVE, BELOW, AROUND = (0.1, 0.05, 0.15), (-0.1, -0.15, -0.05), (0.0, -0.1, 0.1)
GOOD, LOST, NEAR = (0.0, -0.02, 0.02), (-0.3, -0.35, -0.25), (-0.05, -0.08, -0.02)


def number(values: tuple[float, float, float] | None) -> Number | None:
    return None if values is None else Number(*values, 200)


def evidence(fraction, accuracy, *, high=0.99, spread: float | None = 0.3) -> Evidence:
    return Evidence(
        Number(0.95, 0.9, high, 200),
        0.1,
        spread,
        number(fraction),
        number(accuracy),
        "spectrum_noise",
        0.96,
        "standard",
    )


@pytest.mark.parametrize(
    ("fraction", "accuracy", "name"),
    [
        (ABOVE, LOST, "excessive"),
        (BELOW, LOST, "excessive"),
        (AROUND, LOST, "excessive"),
        (None, LOST, "excessive"),
        (BELOW, GOOD, "weak"),
        (BELOW, NEAR, "weak"),
        (ABOVE, GOOD, "bayes-aligned"),
        (ABOVE, NEAR, "uncertain"),
        (AROUND, GOOD, "uncertain"),
        (AROUND, NEAR, "uncertain"),
        (None, GOOD, "uncertain"),
        (None, None, "uncertain"),
        (ABOVE, None, "uncertain"),
        (BELOW, None, "uncertain"),
        (AROUND, None, "uncertain"),
        # boundaries: F ≤ C up to and with 0, F > C above 0; A below and above A_ref − .05 strictly
        ((-0.1, -0.2, 0.0), GOOD, "weak"),
        ((0.0, 0.0, 0.0), GOOD, "weak"),
        ((0.1, 0.0, 0.2), GOOD, "uncertain"),
        ((0.1, 1e-9, 0.2), GOOD, "bayes-aligned"),
        (ABOVE, (-0.1, -0.2, -0.05), "uncertain"),
        (ABOVE, (-0.1, -0.2, -0.0501), "excessive"),
        (ABOVE, (0.0, -0.05, 0.1), "uncertain"),
        (ABOVE, (0.0, -0.0499, 0.1), "bayes-aligned"),
    ],
)
def test_every_branch(fraction, accuracy, name):
    found = regime(evidence(fraction, accuracy))
    assert found.name == name
    json.dumps(found.json(), allow_nan=False)
    assert found.code in ENGLISH
    assert not {"{", "None"} & set(found.reason.split())
    assert found.reference == "standard"


@pytest.mark.parametrize(
    ("fraction", "words"),
    [
        (ABOVE, "still follow"),
        (BELOW, "no longer follow"),
        (AROUND, "cannot be told"),
        (None, "cannot be told"),
    ],
)
def test_the_excessive_reason_states_whether_alignment_is_lost(fraction, words):
    assert words in regime(evidence(fraction, LOST)).reason


@pytest.mark.parametrize(
    ("fraction", "accuracy", "words"),
    [
        (None, GOOD, "fit-manifold"),
        (ABOVE, None, "`reference_accuracy`"),
        (BELOW, None, "`reference_accuracy`"),
        (AROUND, None, "`limit`"),
        (ABOVE, NEAR, "`limit`"),
        (AROUND, GOOD, "`limit`"),
    ],
)
def test_uncertain_says_what_would_decide(fraction, accuracy, words):
    assert words in regime(evidence(fraction, accuracy)).reason


@pytest.mark.parametrize("fraction", [ABOVE, BELOW, AROUND, None])
@pytest.mark.parametrize("accuracy", [LOST, GOOD, NEAR, None])
def test_collapsed_comes_first(fraction, accuracy):
    assert regime(evidence(fraction, accuracy, high=0.15)).name == "collapsed"  # majority + .05
    assert regime(evidence(fraction, accuracy, high=0.151)).name != "collapsed"


def test_hardly_any_spread_is_a_collapse_unless_the_answers_are_clearly_right():
    def found(low: float, spread: float):
        accuracy = Number(0.2, low, 0.3, 200)
        return regime(replace(evidence(ABOVE, GOOD, spread=spread), accuracy=accuracy))

    assert found(0.15, 0.0099).name == "collapsed"  # majority + .05
    assert "nearly the same answer" in found(0.15, 0.0099).reason
    assert found(0.15, 0.01).name == "bayes-aligned"
    assert found(0.151, 0.0099).name == "bayes-aligned"
    flat = replace(evidence(BELOW, LOST, spread=0.001), accuracy=Number(0.6, 0.55, 0.65, 200))
    assert regime(flat).name == "excessive"  # all probabilities near 1/k, and 60 % right


def test_a_variant_of_the_gradient_says_nothing_of_the_alignment_of_a_model():
    for fraction in (ABOVE, BELOW, AROUND):
        found = regime(replace(evidence(fraction, GOOD), variant=True))
        assert (found.name, found.code) == ("uncertain", "regime.variant")
        lost = regime(replace(evidence(fraction, LOST), variant=True))
        assert (lost.name, "cannot be told" in lost.reason) == ("excessive", True)


def test_without_labels_the_spread_alone_tells_a_collapse():
    assert regime(Evidence(None, None, 0.001, None, None)).name == "collapsed"
    assert regime(Evidence(None, None, 0.3, number(ABOVE), None)).name == "uncertain"
    assert regime(Evidence(None, None, None, None, None)).name == "uncertain"


F, N = "alignment.on_manifold_fraction", 100
RANDOM = np.random.default_rng(0)
LABELS = np.arange(N) % 4


def columns(accuracy=0.9, fraction=0.6, spectrum=0.2, wrong=0.3) -> dict[str, np.ndarray]:
    noise = 0.01 * RANDOM.standard_normal((3, N))
    return {
        "accuracy.clean": (np.arange(N) < accuracy * N).astype(np.float32),
        F: fraction + noise[0],
        f"{F}/spectrum_noise": spectrum + noise[1],
        f"{F}/wrong_image": wrong + noise[2],
    }


@pytest.mark.parametrize(
    ("spectrum", "wrong", "control"), [(0.2, 0.3, "wrong_image"), (0.4, 0.3, "spectrum_noise")]
)
def test_the_control_is_the_one_with_the_larger_mean(spectrum, wrong, control):
    found = gather(columns(spectrum=spectrum, wrong=wrong), LABELS, 0.3)
    assert found.control == control
    assert found.fraction_gap is not None
    assert found.fraction_gap.value == pytest.approx(0.6 - max(spectrum, wrong), abs=0.01)


def test_accuracy_is_compared_image_by_image_with_the_reference():
    one, standard = columns(0.9), columns(0.95)
    found = gather(one, LABELS, 0.3, reference=("standard", standard), reference_accuracy=0.1)
    assert found.accuracy == proportion(90, N)
    assert found.accuracy_gap is not None
    assert found.accuracy_gap.value == pytest.approx(-0.05)
    assert found.accuracy_gap.low > -0.12  # type: ignore[operator]
    assert found.reference_accuracy == pytest.approx(0.95)
    assert (found.reference, found.majority) == ("standard", 0.25)


def test_the_standard_model_is_its_own_reference():
    standard = columns(0.9)
    found = gather(standard, LABELS, 0.3, reference=("standard", standard))
    gap = found.accuracy_gap
    assert gap is not None
    assert (gap.value, gap.low, gap.high) == (0, 0, 0)
    assert regime(found).name == "bayes-aligned"


def test_images_that_all_agree_do_not_show_that_the_accuracy_is_kept():
    few = {name: values[:10] for name, values in columns(1.0).items()}
    found = gather(few, LABELS[:10], 0.3, reference=("standard", dict(few)))
    assert found.accuracy_gap is not None
    assert found.accuracy_gap.value == 0
    assert regime(found).name == "uncertain"
    assert "`limit`" in regime(found).reason


def test_a_stated_reference_accuracy_stands_in_for_a_model():
    found = gather(columns(0.9), LABELS, 0.3, reference_accuracy=0.8)
    assert found.accuracy is not None
    assert found.accuracy_gap is not None
    assert found.accuracy_gap.low == pytest.approx(found.accuracy.low - 0.8)  # type: ignore
    assert found.reference is None
    assert found.reference_accuracy == 0.8


def test_what_is_missing_is_none():
    bare = gather({"accuracy.clean": np.ones(N)}, LABELS, None)
    assert bare.fraction_gap is None
    assert bare.accuracy_gap is None
    assert regime(bare).name == "uncertain"
    unlabelled = gather(columns(), None, 0.3, reference_accuracy=0.9)
    assert unlabelled.accuracy is None
    assert unlabelled.accuracy_gap is None
    one_control = columns()
    one_control.pop(f"{F}/wrong_image")
    assert gather(one_control, LABELS, 0.3).fraction_gap is None
    json.dumps(regime(gather({}, None, None)).json(), allow_nan=False)


def test_the_reference_is_the_one_named_or_the_only_standard_run():
    assert choose_reference({"a": "erm", "b": "pgd"}, None) == "a"
    assert choose_reference({"a": "erm", "b": "pgd"}, "b") == "b"
    assert choose_reference({"a": "erm", "b": "erm"}, None) is None
    assert choose_reference({"a": None}, None) is None

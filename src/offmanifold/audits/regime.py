"""In which regime a model stands: weak, Bayes-aligned, excessive, collapsed, or uncertain.

Rule 2: a pure function of measures, on 95 % paired intervals over images, tried in this order.
F is the on-manifold gradient fraction; C that of two controls with the larger mean: noise with the
image's own spectrum, or the gradient under the tangent of another image. A is accuracy, A_ref that
of the standard model of the same comparison, or a number the user states.

1. collapsed: the upper end of A is at most the majority-class rate + .05, or A is not shown to be
   above that and the output hardly depends on the image (`output.spread` < .01; alone, without
   labels).
2. excessive: A < A_ref − .05, whatever F.
3. weak: F ≤ C.   4. bayes-aligned: F > C and A > A_ref − .05.
5. uncertain: the rest, and where A_ref is missing and decides.

Rule 1 took a small spread alone for a collapse; but probabilities that all lie near 1/k may still
be right, far above chance, since the spread depends on the scale of the logits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from offmanifold._core.statistics import (
    Columns,
    Number,
    paired,
    proportion,
    proportion_gap,
)
from offmanifold.audits.schema import Name, Regime

RULE = "2"
ACCURACY_LOSS = 0.05
CHANCE_MARGIN = 0.05  # of accuracy above the share of the commonest class
LEAST_SPREAD = 1e-2
LEAST_IMAGES = 10  # below, the intervals of a bootstrap say nothing
NO_GAP = Number(0.0, 0.0, 0.0, 0, "exact")  # of the standard model against itself
FRACTION, ACCURACY = "alignment.on_manifold_fraction", "accuracy.clean"
CONTROLS = ("spectrum_noise", "wrong_image")


@dataclass(frozen=True)
class Evidence:
    """What the rule reads of one model.

    accuracy: with its interval, None without labels. majority: share of the largest class.
    spread: `output.spread`. fraction_gap: F − C, paired; None without a manifold. accuracy_gap:
    A − A_ref, paired where both saw the same images; None without a reference. variant: whether the
    gradient is a variant of the classifier's own.
    """

    accuracy: Number | None
    majority: float | None
    spread: float | None
    fraction_gap: Number | None
    accuracy_gap: Number | None
    control: str | None = None
    reference_accuracy: float | None = None
    reference: str | None = None
    variant: bool = False


def regime(evidence: Evidence) -> Regime:
    """Return the regime by rule 2."""
    name, code = _decide(evidence)
    return Regime(
        name,
        f"regime.{code}",
        {
            "accuracy": evidence.accuracy.value if evidence.accuracy else None,
            "reference": evidence.reference_accuracy,
        },
        inputs={
            "accuracy": evidence.accuracy.json() if evidence.accuracy else None,
            "majority_rate": evidence.majority,
            "spread": evidence.spread,
            "fraction_minus_control": (
                evidence.fraction_gap.json() if evidence.fraction_gap else None
            ),
            "control": evidence.control,
            "accuracy_minus_reference": (
                evidence.accuracy_gap.json() if evidence.accuracy_gap else None
            ),
            "reference_accuracy": evidence.reference_accuracy,
            "accuracy_loss_allowed": ACCURACY_LOSS,
        },
        reference=evidence.reference,
        rule=RULE,
    )


def without_audit(collapsed: bool, unfinished: bool) -> Regime:
    """Return the regime of a strength of which no run is audited: some collapsed, some not ended.

    >>> without_audit(True, True).name, without_audit(True, False).name
    ('uncertain', 'collapsed')
    """
    code = "not_there" if not collapsed else "pending" if unfinished else "collapsed_diverged"
    name = "collapsed" if code == "collapsed_diverged" else "uncertain"
    return Regime(name, f"regime.{code}", rule=RULE)


def _decide(e: Evidence) -> tuple[Name, str]:
    """Return the regime's name and the code of its reason."""
    seen = [x.n for x in (e.accuracy, e.fraction_gap) if x is not None]
    if seen and max(seen) < LEAST_IMAGES:
        return "uncertain", "too_few"
    if _at_chance(e):
        return "collapsed", "collapsed_chance"
    if e.spread is not None and e.spread < LEAST_SPREAD and not _above_chance(e):
        return "collapsed", "collapsed_constant"
    gap = None if e.variant else e.fraction_gap
    aligned = gap is not None and gap.above(0)
    at_most_control = gap is not None and _at_most(gap)
    if e.accuracy_gap is not None and e.accuracy_gap.below(-ACCURACY_LOSS):
        told = "aligned" if aligned else "lost" if at_most_control else "unknown"
        return "excessive", f"excessive_{told}"
    if e.variant:
        return "uncertain", "variant"
    if e.fraction_gap is None:
        return "uncertain", "no_fraction"
    if e.accuracy_gap is None:
        if aligned:
            return "uncertain", "no_reference_aligned"
        return "uncertain", "no_reference_weak" if at_most_control else "fraction_undecided"
    if at_most_control:
        return "weak", "weak"
    if not e.accuracy_gap.above(-ACCURACY_LOSS):
        return "uncertain", "accuracy_undecided"
    return ("bayes-aligned", "bayes_aligned") if aligned else ("uncertain", "fraction_undecided")


def _at_most(gap: Number) -> bool:
    return gap.high is not None and gap.high <= 0


def _at_chance(e: Evidence) -> bool:
    if e.accuracy is None or e.majority is None or e.accuracy.high is None:
        return False
    return e.accuracy.high <= e.majority + CHANCE_MARGIN


def _above_chance(e: Evidence) -> bool:
    if e.accuracy is None or e.majority is None:
        return False
    return e.accuracy.above(e.majority + CHANCE_MARGIN)


def gather(
    columns: Columns,
    labels: np.ndarray | None,
    spread: float | None,
    *,
    reference: tuple[str, Columns] | None = None,
    reference_accuracy: float | None = None,
) -> Evidence:
    """Return the evidence from the columns of an audit.

    labels: (n,) of the audited images, or None. reference: label and columns of the standard model
    on the same images in the same order; the columns themselves for that model, which loses nothing
    against itself. reference_accuracy: a number instead of such a model.
    """
    accuracy = majority = gap = None
    n = len(next(iter(columns.values()))) if columns else 0
    if labels is not None and ACCURACY in columns:
        accuracy = proportion(float(columns[ACCURACY].sum()), n)
        majority = float(np.bincount(labels).max() / n)
        if reference is not None and ACCURACY in reference[1]:
            own = reference[1] is columns
            gap = NO_GAP if own else proportion_gap(columns[ACCURACY] - reference[1][ACCURACY])
            reference_accuracy = float(reference[1][ACCURACY].mean())
        elif reference_accuracy is not None and accuracy.value is not None:
            assert accuracy.low is not None
            assert accuracy.high is not None
            gap = Number(
                accuracy.value - reference_accuracy,
                accuracy.low - reference_accuracy,
                accuracy.high - reference_accuracy,
                n,
                accuracy.method,
            )
    fraction_gap = control = None
    present = [c for c in CONTROLS if f"{FRACTION}/{c}" in columns]
    if FRACTION in columns and len(present) == len(CONTROLS):
        control = max(present, key=lambda c: float(columns[f"{FRACTION}/{c}"].mean()))
        fraction_gap = paired(columns[FRACTION], columns[f"{FRACTION}/{control}"])[0]
    return Evidence(
        accuracy,
        majority,
        spread if n >= LEAST_IMAGES else None,  # over one image it is 0 whatever the model
        fraction_gap,
        gap,
        control,
        reference_accuracy,
        reference[0] if reference and gap is not None else None,
    )


def choose_reference(objectives: Mapping[str, str | None], named: str | None) -> str | None:
    """Return the label of the standard model: the one named, else the only `erm` run, else None."""
    if named is not None:
        return named
    standard = [label for label, objective in objectives.items() if objective == "erm"]
    return standard[0] if len(standard) == 1 else None

"""Compare audits image by image."""

import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_json
from offmanifold._core.statistics import Columns, difference, proportion_gap
from offmanifold.audits.config import check_reference_accuracy
from offmanifold.audits.credit import credit
from offmanifold.audits.store import Audit, common_images, read_audit, standard_of, with_regimes
from offmanifold.gradients.variants import scalar_of
from offmanifold.measures import Number, measures

SCHEMA = "offmanifold.compare/1"
SAME = (
    ("data", "fingerprint", "`data`"),
    ("data", "split", "part of the data"),
    ("manifold", "hash", "`manifold`"),
    ("settings", "gradient", "`gradient`"),
    ("settings", "eps", "`eps`"),
    ("settings", "seed", "`seed`"),
)
"""What audits must share to be compared: (part of audit.json, key, what the user chose).

Variants of a gradient may stand beside it.
"""


def compare(
    audits: Sequence[Audit | str | Path],
    *,
    reference: str | None = None,
    reference_accuracy: float | None = None,
) -> dict[str, Any]:
    """Return compare.json: the audits, each regime by the common reference, paired differences.

    audits: as `audit` returned them, or their folders. reference: label of the standard model; by
    default the only `erm` run. Differences are given for every pair of audits of the same images;
    the standard model comes first. credit: of the pairs that differ clearly in the on-manifold
    fraction, whether a fake manifold shares it (`offmanifold.audits.credit`). reference_accuracy:
    of a standard model that is not among them.
    Raises InputError for audits of other data or with equal labels.
    """
    check_reference_accuracy(reference_accuracy)
    if isinstance(audits, str | Path | Audit):
        raise InputError("a comparison is of several audits; give a list of them")
    found = [a if isinstance(a, Audit) else read_audit(a) for a in audits]
    if not found:
        raise InputError("nothing to compare; give at least one audit")
    labels = [a.label for a in found]
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise InputError(f'two audits are labelled "{twice.pop()}"; audit one with another `label`')
    for one in found[1:]:
        for part, key, mend in SAME:
            mine, theirs = ((x.json.get(part) or {}).get(key) for x in (one, found[0]))
            if key == "gradient":
                mine, theirs = scalar_of(mine), scalar_of(theirs)
            if mine != theirs:
                raise InputError(
                    f"{one.label} and {found[0].label} were audited with another {mend} "
                    f"({mine}, {theirs}); audit both in the same way"
                )
    standard = standard_of(found, reference)
    found = sorted(
        with_regimes(found, reference, reference_accuracy), key=lambda a: a.label != standard
    )
    return {
        "schema": SCHEMA,
        "reference": standard,
        "audits": [
            {"folder": None if a.folder is None else str(a.folder.resolve()), **a.json}
            for a in found
        ],
        "differences": _differences(found),
        "credit": _credit(found),
    }


def _differences(audits: Sequence[Audit]) -> dict[str, list[dict[str, Any]]]:
    result: dict[str, list[dict[str, Any]]] = {}
    for i, against in enumerate(audits):
        for one in audits[i + 1 :]:
            mine, theirs = common_images(one, against)
            for name in one.json["measures"]:
                if name not in against.json["measures"] or name not in measures:
                    continue
                gap = paired_difference(name, mine, theirs)
                if gap is not None:
                    result.setdefault(name, []).append(
                        {"label": one.label, "against": against.label, "difference": gap.json()}
                    )
    return result


def paired_difference(measure: str, mine: Columns, theirs: Columns) -> Number | None:
    """Return a measure of one audit − that of another, on the same images in one order.

    None where its columns are not kept, an image a scalar.
    """
    kind = measures[measure]()
    try:
        if kind.method == "wilson":
            return proportion_gap(mine[measure] - theirs[measure], unit=kind.unit)
        return difference(kind.statistic, mine, theirs, len(mine["index"]), unit=kind.unit)
    except KeyError:
        return None


def _credit(audits: Sequence[Audit]) -> list[dict[str, Any]]:
    result = []
    for against, one in combinations(audits, 2):
        found = credit(*common_images(one, against))
        if found is not None:
            result.append({"label": one.label, "against": against.label, **found})
    return result


def save_comparison(comparison: dict[str, Any], path: str | Path) -> Path:
    """Write compare.json, with the audits' folders relative to it, so that both can be moved."""
    path = Path(path)
    place = path.parent.resolve()
    audits = [
        {**one, "folder": one["folder"] and os.path.relpath(one["folder"], place)}
        for one in comparison["audits"]
    ]
    write_json(path, {**comparison, "audits": audits})
    return path

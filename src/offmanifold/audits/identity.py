"""What makes an audit the one it is, so that another is never given back in its place."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import content_hash, file_hash, read_json, write_json
from offmanifold._core.runs import FORMAT
from offmanifold.audits.description import without_nan
from offmanifold.audits.plan import Plan
from offmanifold.audits.store import SCHEMA, Audit, read_audit
from offmanifold.data.types import Data
from offmanifold.gradients.variants import GRADIENTS
from offmanifold.models import Loaded
from offmanifold.models.fingerprint import code_content, content_of
from offmanifold.models.labels import LabelJoin

FOLLOWING = ("rows", "measures_code", "gradient_code")  # mostly differ because others do
SHORT = (bool, int, float, str)  # what a difference can be told by


def model_parts(loaded: Loaded) -> dict[str, Any]:
    """Return what a classifier's numbers depend on: its weights, and what it does with them.

    As it is now, whatever its card says; before it is asked anything, which may change it.
    """
    code, weights = content_of(loaded.module)
    return {"weights": weights, "code": content_hash([loaded.card.code, code])}


def shared_parts(
    plan: Plan, data: Data, manifold: Any, second: Any, randomised: Loaded | None
) -> dict[str, Any]:
    """Return all else that changes the numbers of an audit, as plain JSON."""
    settings = asdict(plan.settings)
    named = [f"{m.name} {code_content(m) or ''}{vars(m)}" for m in plan.running]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "data": data.fingerprint,
        "split": plan.part,
        "images": len(plan.images),
        "rows": content_hash(plan.images.rows.tolist()),  # by which noise is drawn
        "manifold": _manifold(manifold),
        "second": _manifold(second),
        "label_randomised": None if randomised is None else content_hash(model_parts(randomised)),
        "allow_dependent": not plan.independent,
        "lpips": None if plan.lpips is None else file_hash(plan.lpips),
        "measures": sorted(m.name for m in plan.running),
        "measures_code": content_hash(sorted(named)),
        **settings,
        "gradient_code": code_content(GRADIENTS[plan.settings.gradient]),
        **({} if plan.attributions is None else {"attributions": plan.attributions.content}),
    }


def whole_parts(shared: Mapping[str, Any], model: Mapping[str, Any], adapted: nn.Module) -> Any:
    """Return the parts of one audit. adapted: the classifier with the data's classes as outputs."""
    last = adapted[-1] if isinstance(adapted, nn.Sequential) and len(adapted) else None
    joined = content_hash(content_of(last)) if isinstance(last, LabelJoin) else None
    parts = without_nan({**model, "classes": joined, **shared})
    return json.loads(json.dumps(parts))


def found_again(folder: Path, parts: Mapping[str, Any], label: str, rename: bool) -> Audit | None:
    """Return the audit in a folder if it is this very one, and saw all the images it was to see.

    rename: write the label into it, should it have another. Raises InputError where another audit
    lies there.
    """
    if not (folder / "audit.json").is_file():
        return None
    saved = read_json(folder / "audit.json")
    known = saved if isinstance(saved, dict) else {}
    check_same(folder, known.get("identity_of"), parts)
    try:
        audit = read_audit(folder)
    except InputError:  # damaged: the same command makes it anew
        return None
    if audit.json["data"]["n"] < audit.json["data"]["planned"]:
        return None
    if audit.label != label:
        audit = replace(audit, json={**audit.json, "label": label})
        if rename:
            write_json(folder / "audit.json", audit.json, sealed=True)
    return audit


def check_same(folder: Path, saved: Any, parts: Mapping[str, Any]) -> None:
    """Raise InputError that says what differs, unless what lies in a folder is of these parts."""
    if saved == parts:
        return
    mend = "choose another `folder`, or remove this one"
    if not isinstance(saved, dict):
        raise InputError(f"{folder} holds an audit that does not say of what it is; {mend}")
    keys = [key for key in {**parts, **saved} if saved.get(key) != parts.get(key)]
    keys = [key for key in keys if key not in FOLLOWING] or keys
    told = ", ".join(_difference(key, saved.get(key), parts.get(key)) for key in keys)
    raise InputError(f"{folder} holds another audit, with other {told}; {mend}")


def _difference(key: str, then: Any, now: Any) -> str:
    name = key.replace("_", " ")
    told = all(isinstance(value, SHORT) for value in (then, now))
    if not told or any(re.fullmatch("[0-9a-f]{12,16}", str(value)) for value in (then, now)):
        return name  # a hash says nothing to anyone
    return f"{name} ({then}, not {now})"


def _manifold(manifold: Any) -> str | None:
    """Return a hash over what a manifold is, and how it is asked."""
    if manifold is None:
        return None
    inner, card = getattr(manifold, "estimator", manifold), manifold.card
    asked = [getattr(inner, name, None) for name in ("draws", "seed")]
    return content_hash(
        [card.hash, card.sigma, card.dimension, card.pooling, list(card.classes or ()), *asked]
    )

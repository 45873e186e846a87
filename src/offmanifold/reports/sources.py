"""What the page is made of: saved audits, found and checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, read_tensors, target

REGIMES = ("bayes-aligned", "weak", "excessive", "collapsed", "uncertain")
OF_SWEEP = ("offmanifold.sweep", "offmanifold.recommendation/")


@dataclass(frozen=True)
class Source:
    """One audit: its name on the page, its `audit.json`, and its panels where they can be read."""

    label: str
    json: dict[str, Any]
    panels: dict[str, Tensor] = field(default_factory=dict)

    @property
    def regime(self) -> str:
        """The regime's name; one that this page does not know is uncertain.

        "variant" where the audit is of a variant of the gradient: it says nothing of the model's.
        """
        if (self.json.get("settings") or {}).get("variant_of") is not None:
            return "variant"
        name = (self.json.get("regime") or {}).get("name")
        return name if name in REGIMES else "uncertain"

    @property
    def manifold(self) -> dict[str, Any] | None:
        return self.json.get("manifold")

    def number(self, measure: str) -> dict[str, Any]:
        """Return a measure's number, empty where it was not measured."""
        return self.json["measures"].get(measure) or {}

    def value(self, measure: str) -> float | None:
        return self.number(measure).get("value")


@dataclass(frozen=True)
class Sources:
    """Audits side by side, and what a comparison says of their differences.

    credit: of pairs of models, whether fake manifolds share how they rank; older files hold none.
    """

    audits: list[Source]
    differences: dict[str, list[dict[str, Any]]]
    credit: list[dict[str, Any]] = field(default_factory=list)


def load(audits: Any) -> Sources:
    """Load audit folders, audit dictionaries, audit objects, or one comparison of them.

    Raises InputError where a file is missing or of another schema.
    """
    if not isinstance(audits, Sequence) or isinstance(audits, str):
        audits = [audits]
    found: list[Source] = []
    differences: dict[str, list[dict[str, Any]]] = {}
    credit: list[dict[str, Any]] = []
    for item in audits:
        json, folder, name = _read(item)
        if "audits" in json:
            _check(json, "compare", name)
            differences |= json.get("differences") or {}
            credit += json.get("credit") or []
            found += [_source(a, _place(a, folder), name) for a in json["audits"]]
        else:
            held = {} if isinstance(item, str | Path | dict) else getattr(item, "panels", {})
            found.append(_source(json, folder, name, held))
    if not found:
        raise InputError("no audit to report on; give at least one audit folder or a compare.json")
    seen: dict[str, int] = {}
    unique = []
    for source in found:
        n = seen[source.label] = seen.get(source.label, 0) + 1
        label = source.label if n == 1 else f"{source.label} ({n})"
        unique.append(Source(label, source.json, source.panels))
    return Sources(unique, differences, credit)


def _read(item: Any) -> tuple[dict[str, Any], Path | None, str]:
    if isinstance(item, str | Path):
        path = Path(item)
        if path.is_dir():
            path /= "audit.json" if (path / "audit.json").exists() else "compare.json"
            if not path.exists():
                raise InputError(
                    f"{path.parent} holds neither audit.json nor compare.json; "
                    'make one with "offmanifold audit"'
                )
        json, folder, name = read_json(path), target(path).parent, str(path)
    elif isinstance(item, dict):
        json, folder, name = item, item.get("folder"), "the audit given"
    else:
        json, folder, name = item.json, getattr(item, "folder", None), "the audit given"
    if not isinstance(json, dict):
        raise InputError(f"{name} is not an audit; give an audit folder or a compare.json")
    return json, Path(folder) if folder is not None else None, name


def _place(audit: dict[str, Any], base: Path | None) -> Path | None:
    folder = audit.get("folder")
    return (base or Path()) / folder if folder else None


def _check(json: dict[str, Any], kind: str, name: str) -> None:
    schema = json.get("schema")
    if str(schema).startswith(OF_SWEEP):
        raise InputError(f"{name} is of a sweep; give the sweep's folder instead")
    if schema != f"offmanifold.{kind}/1":
        raise InputError(
            f'{name} has the schema "{schema}" where "offmanifold.{kind}/1" is needed; '
            "make it again with this version of offmanifold"
        )


def _source(
    json: dict[str, Any], folder: Path | None, name: str, held: dict[str, Tensor] | None = None
) -> Source:
    _check(json, "audit", name)
    if not isinstance(json.get("measures"), dict):
        raise InputError(f'{name} holds no "measures"; make the audit again')
    label = json.get("label") or (folder.name if folder else "model")
    panels = held or {}
    if folder is not None and not panels:
        try:
            panels = read_tensors(folder / "panels.safetensors")[0]
        except InputError:
            panels = {}
    needed = {"index", "x", "gradient"}
    return Source(str(label), json, panels if needed <= panels.keys() else {})

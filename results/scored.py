"""The models of a sweep with their scores in results/synthesis/NAME, and which of them stand for a
regime."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offmanifold._core.files import read_json, read_tensors
from offmanifold._core.registry import from_config
from offmanifold._core.statistics import Columns
from offmanifold.audits.store import Audit
from offmanifold.objectives import objectives
from offmanifold.sweeps.runs import read_sweep, strength_of

HERE = Path(__file__).parent
PLAIN = "plain"  # the folder of what does without a classifier
ALONE, COMBINED = "alone", "combined"  # parts of a folder: the classifier without and with manifold
COSINE = "alignment.cosine_posterior"
BEST = "Bayes-aligned"  # the role of the best aligned model


@dataclass(frozen=True)
class Entry:
    """A run of a sweep that was audited and did not collapse.

    value: strength, None of the standard model. regime: of its strength, over the sweep's seeds.
    """

    name: str
    objective: str
    value: float | None
    seed: int
    regime: str
    audit: Audit

    @property
    def cosine(self) -> float | None:
        """Mean cosine to the posterior score on the sweep's audited images; None where no manifold
        judged it."""
        return (self.audit.json["measures"].get(COSINE) or {}).get("value")


@dataclass(frozen=True)
class Scored:
    """A run with its scores: columns {task/way/score: (n,)}, numbers {name: of a set}."""

    entry: Entry
    columns: Columns
    numbers: dict[str, float]

    @property
    def accuracy(self) -> float:
        """Of up to 10,000 test images."""
        return self.numbers["accuracy"]


def entries_of(sweep: str) -> list[Entry]:
    """Return the runs of results/SWEEP that have weights and an audit, by name."""
    summary = read_json(HERE / sweep / "summary.json")
    regimes = {
        (method["objective"], point["value"]): point["regime"]["name"]
        for method in summary["methods"]
        for point in method["points"]
    }
    found = []
    for run in read_sweep(HERE / sweep):
        if run.audit is None or run.collapsed:
            continue
        name = run.objective["name"]
        made: Any = from_config(objectives, run.objective)
        value = strength_of(made)
        saved = summary["standard"] if value is None else None
        regime = saved["regime"]["name"] if saved else regimes.get((name, value), "uncertain")
        found.append(Entry(run.folder.name, name, value, run.seed, regime, run.audit))
    return found


def roles(entries: list[Entry]) -> dict[str, Entry]:
    """Return {role: a run of the first seed}: the standard model, the best aligned of those in the
    Bayes-aligned regime, and the least aligned of the excessive ones, of the same method if it has
    one. The sweep alone says which, no score of an image made; one without a manifold says nothing,
    and its runs go by their names."""
    seed = min(e.seed for e in entries)
    entries = [e for e in entries if e.seed == seed]
    if any(e.cosine is None for e in entries):
        return {e.name.rsplit("-", 1)[0]: e for e in entries}
    standard = next((e for e in entries if e.value is None), None)
    found = {} if standard is None else {"standard": standard}
    aligned = [e for e in entries if e.regime == "bayes-aligned" and e.value is not None]
    if aligned:
        best = found[BEST] = max(aligned, key=lambda e: e.cosine or 0.0)
        far = [e for e in entries if e.regime == "excessive"]
        far = [e for e in far if e.objective == best.objective] or far
        if far:
            found["excessive"] = min(far, key=lambda e: e.cosine or 0.0)
    return found


def read_scored(place: Path, entry: Entry) -> Scored | None:
    """Return a run with its scores, or None where it has not been scored."""
    numbers = place / entry.name / f"{ALONE}.json"
    if not numbers.is_file():
        return None
    return Scored(entry, read_columns(place, entry.name, ALONE), read_json(numbers))


def read_columns(place: Path, name: str, part: str) -> Columns:
    """Return the scores of each image; nothing where the part is missing."""
    path = place / name / f"{part}.safetensors"
    if not path.is_file():
        return {}
    tensors = read_tensors(path)[0]
    return {k: v.numpy() for k, v in tensors.items() if not k.startswith("picture/")}


def read_pictures(place: Path, name: str, part: str = ALONE) -> dict[str, Any]:
    """Return {task/way: images (n, c, h, w)}, one a class."""
    tensors = read_tensors(place / name / f"{part}.safetensors")[0]
    return {
        k.removeprefix("picture/"): v / 255 for k, v in tensors.items() if k.startswith("picture/")
    }

"""The few numbers that a terminal shows: rows of strings with intervals."""

from typing import Any, NamedTuple

from offmanifold.reports import summary, writing
from offmanifold.reports.sources import Source, load
from offmanifold.reports.texts import Texts
from offmanifold.reports.writing import NONE

FEW = (
    "accuracy.clean",
    "accuracy.pgd_l2",
    "accuracy.ensemble_l2",
    "accuracy.certified",
    "robustness.certified_radius",
    "signal.fraction",
    "alignment.on_manifold_fraction",
    "alignment.cosine_posterior",
)
AT_EPS = ("accuracy.pgd_l2", "accuracy.ensemble_l2", "accuracy.certified")


class Table(NamedTuple):
    """A header and rows of strings, all of one length."""

    header: list[str]
    rows: list[list[str]]


def shown(audits: list[Source]) -> list[str]:
    """Return those of the few measures that at least one audit holds a value of."""
    return [m for m in FEW if any(a.value(m) is not None for a in audits)]


def table(audits: Any, language: str = "en") -> Table:
    """Return a row a model: its name, its regime, and the few numbers with their intervals.

    `audits` is whatever `report` takes; a null is "–". Raises InputError as `report` does.
    """
    t = Texts(language)
    found = load(audits).audits
    measures = shown(found)
    header = [t("table.model"), t("regime"), *(heading(found, m, t) for m in measures)]
    rows = [
        [a.label, t(f"regime.{a.regime}"), *(writing.interval(a.number(m)) for m in measures)]
        for a in found
    ]
    return Table(header, rows)


def controlled_table(audits: Any, language: str = "en") -> Table:
    """Return a row a measure and model, the measure named once: value, best control, z and effect
    of their difference, and the ceiling; of those measures that have controls.

    `audits` is whatever `report` takes. Empty where no measure has any. Raises as `report` does.
    """
    t = Texts(language)
    found = load(audits).audits
    keys = ("measure", "model", "value", "best", "z", "effect", "ceiling")
    measures = dict.fromkeys(m for a in found for m in a.json["measures"])
    rows: list[list[str]] = []
    for m in measures:
        rows_of_one = [_controlled(a, a.number(m), t) for a in found if a.number(m).get("controls")]
        rows += [row if i == 0 else ["", *row[1:]] for i, row in enumerate(rows_of_one)]
    return Table([t(f"table.{key}") for key in keys], rows)


def _controlled(source: Source, number: dict[str, Any], t: Texts) -> list[str]:
    best = writing.best_control(number)
    control = NONE
    if best is not None:
        value = writing.plain(writing.value_of(number["controls"][best]))
        control = f"{t.name('control', best)}: {value}"
    return [
        t.said(number.get("title") or ""),
        source.label,
        writing.interval(number),
        control,
        writing.tenths(number.get("z")),
        writing.plain(number.get("effect")),
        writing.plain(writing.value_of(number.get("ceiling"))),
    ]


def over_control(number: dict[str, Any], t: Texts) -> str:
    """Write by how much a number exceeds its best control: "z 10.1, effect 0.715: the image"."""
    best = writing.best_control(number)
    if best is None or number.get("z") is None:
        return NONE
    z, effect = writing.tenths(number["z"]), writing.plain(number.get("effect"))
    return t("table.over_control", z=z, effect=effect, control=t.name("control", best))


def masked_gradients(audits: Any, language: str = "en") -> list[str]:
    """Return a sentence for each classifier whose gradients may be masked."""
    return [said for a in load(audits).audits for said in summary.masking(a, Texts(language))]


def heading(audits: list[Source], measure: str, t: Texts) -> str:
    """Return a measure's short title; one at the radius ε states it where all audits share it."""
    title = t(f"card.{measure}")
    eps = {a.json.get("settings", {}).get("eps") for a in audits}
    if measure in AT_EPS and len(eps) == 1 and None not in eps:
        title += t(
            "brackets", text=f"ε\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{writing.short(eps.pop())}"
        )
    return title

"""What the figures draw: curves a model, and accuracy beside alignment."""

from typing import Any

from markupsafe import Markup

from offmanifold.reports import figures, writing
from offmanifold.reports.sources import Source
from offmanifold.reports.texts import Texts
from offmanifold.reports.wording import title_of, unit_text, why_missing

PAIRS = {
    "curves": ("robustness.on", "robustness.off"),
    "deletion": ("deletion.most", "deletion.least"),
}
"""{what the texts of a figure begin with: its solid curve, and the dashed grey one}."""
STEPS = "curves"  # along whose axis the reference step is marked


def curves(audits: list[Source], t: Texts) -> list[dict[str, Any]]:
    """Return the figures of curves: those of two curves together, then each other one."""
    names = list(dict.fromkeys(n for a in audits for n in a.json.get("curves") or {}))
    paired = {n for both in PAIRS.values() for n in both}
    return [
        *(_curve_block(audits, both, t, p) for p, both in PAIRS.items() if {*both} & {*names}),
        *(_curve_block(audits, (n,), t) for n in names if n not in paired),
    ]


def _curve_block(
    audits: list[Source], names: tuple[str, ...], t: Texts, pair: str | None = None
) -> dict[str, Any]:
    lines: dict[str, list[figures.Line]] = {}
    curve: dict[str, Any] = {}
    for a in audits:
        for name in names:
            own = (a.json.get("curves") or {}).get(name)
            if not own:
                continue
            curve = curve or own
            grey = name != names[0]
            colour = figures.GREY if grey else figures.COLOURS[a.regime]
            word = t(f"{pair}.{name.split('.')[1]}") if pair else ""
            line = figures.Line(list(own["x"]), list(own["points"]), colour, grey, word)
            lines.setdefault(a.label, []).append(line)
    top = figures.top_of([line for group in lines.values() for line in group])
    unit = Markup(unit_text(curve.get("x_unit"), t)).striptags()
    x_title = t(f"{pair}.x", unit=unit) if pair else unit
    title = t(f"{pair}.y") if pair else t.said(str(curve.get("title") or names[0]))
    own_steps = [a.json.get("settings", {}).get("reference_step") for a in audits]
    steps = {*own_steps} - {None} if pair == STEPS else set()
    panels = []
    for row, (a, step) in enumerate(zip(audits, own_steps, strict=True)):
        if a.label in lines:
            mark = step if pair == STEPS else None
            salt = f"{names[0]}-{row}"
            svg = figures.curves(lines[a.label], top, mark, x_title, title, salt)
            panels.append((a.label, a.regime, svg))
    return {
        "pair": pair,
        "title": title_of(curve, t) if not pair else None,
        "panels": panels,
        "step": writing.short(steps.pop()) if len(steps) == 1 else None,
    }


def accuracy(audits: list[Source], t: Texts) -> dict[str, Any] | None:
    measured = [a for a in audits if a.value("accuracy.clean") is not None]
    if not measured:
        whys = {why for a in audits if (why := why_missing(a, "accuracy.clean", t))}
        return {"chart": None, "certified": False, "scatter": None, "whys": sorted(whys), "eps": ""}
    names = ("alignment.on_manifold_fraction", "alignment.cosine_posterior")
    axis = next((m for m in names if any(a.value(m) is not None for a in measured)), None)
    dots = [
        figures.Dot(
            a.label,
            figures.COLOURS[a.regime],
            a.number("accuracy.clean"),
            a.number("accuracy.pgd_l2"),
            a.number("accuracy.certified"),
            a.number(axis) if axis else {},
        )
        for a in measured
    ]
    aligned = [d for d in dots if d.alignment.get("value") is not None]
    settings = measured[0].json.get("settings", {})
    same = len({a.json.get("settings", {}).get("eps") for a in measured}) == 1
    eps = ""
    if same and settings.get("eps") is not None:
        unit = unit_text(settings.get("eps_unit"), t).striptags()
        eps = t("accuracy.eps", eps=writing.short(settings["eps"]), unit=unit)
    titles = [t(f"card.{m}") for m in (axis or names[0], "accuracy.clean")]
    pair = (
        figures.scatter(aligned, titles, t("accuracy.scatter"), axis == names[0])
        if len(aligned) > 1
        else None
    )
    return {
        "chart": figures.accuracy(dots, t("accuracy.chart")),
        "certified": any(d.certified.get("value") is not None for d in dots),
        "scatter": pair,
        "eps": eps,
    }

"""One card a model: its regime in a sentence and the few numbers against their controls."""

import math
from typing import Any

from markupsafe import Markup

from offmanifold.reports import writing
from offmanifold.reports.ceilings import unreliable
from offmanifold.reports.rows import heading, shown
from offmanifold.reports.settings import written_setting
from offmanifold.reports.sources import Source
from offmanifold.reports.texts import Texts
from offmanifold.reports.wording import regime_reason, why_missing

COSINE, RADIUS = "alignment.cosine_posterior", "robustness.certified_radius"


def models(audits: list[Source], t: Texts) -> list[dict[str, Any]]:
    measures = shown(audits) or ["accuracy.clean"]
    scales = {m: _scale(audits, m) for m in measures}
    return [
        {
            "label": a.label,
            "regime": a.regime,
            "plain": t(f"plain.{a.regime}"),
            "reason": regime_reason(a.json, t.language),
            "about": _about(a, t),
            "metrics": [_metric(a, m, scales[m], heading([a], m, t), t) for m in measures],
        }
        for a in audits
    ]


def _about(source: Source, t: Texts) -> list[str]:
    model = source.json.get("model") or {}
    about = [str(model[k]) for k in ("spec",) if model.get(k)]
    if model.get("objective"):
        about.append(written_setting(model["objective"], t))
    if model.get("parameters"):
        about.append(t("parameters", n=f"{model['parameters']:,}"))
    return about


def _is_share(measure: str) -> bool:
    return measure not in (COSINE, RADIUS)


def _scale(audits: list[Source], measure: str) -> tuple[float, float]:
    """Return the ends of a measure's track, the same for all models."""
    if _is_share(measure):
        return 0.0, 1.0
    if measure == RADIUS:
        caps = (a.json.get("settings", {}).get("certify_cap") for a in audits)
        return 0.0, max((c for c in caps if c), default=1.0)
    ends = [0.0, 0.1]
    for a in audits:
        number = a.number(measure)
        each = [number, *(c for c in (number.get("controls") or {}).values())]
        ends += [
            v for n in each for v in (writing.value_of(n), *writing.ends_of(n)) if v is not None
        ]
    return min(0.0, math.floor(min(ends) * 10) / 10), min(1.0, math.ceil(max(ends) * 10) / 10)


def _metric(
    source: Source, measure: str, scale: tuple[float, float], title: str, t: Texts
) -> dict[str, Any]:
    number = source.number(measure)
    value, (low, high) = number.get("value"), writing.ends_of(number)
    shares = _is_share(measure)
    write = writing.percent if shares else writing.plain

    def written(v: float | None) -> Markup:
        return writing.data(v, write(v))

    def place(v: float) -> float:
        return round(100 * min(max((v - scale[0]) / (scale[1] - scale[0]), 0), 1), 2)

    best = writing.best_control(number)
    controls = {k: writing.value_of(v) for k, v in (number.get("controls") or {}).items()}
    difference = number.get("difference") or {}
    signed = writing.points if shares else writing.signed
    gap = [writing.data(difference.get(k), signed(difference.get(k))) for k in writing.NUMBER]
    return {
        "title": title,
        "value": written(value) if value is not None else None,
        "why": why_missing(source, measure, t),
        "interval": (written(low), written(high)) if None not in (low, high) else None,
        "scale": (_end(scale[0], shares), _end(scale[1], shares)),
        "dot": place(value) if value is not None else None,
        "bar": (place(low), round(place(high) - place(low), 2))
        if None not in (low, high)
        else None,
        "ticks": [
            (place(v), t.name("control", k), k == best)
            for k, v in controls.items()
            if v is not None
        ],
        "control": (t.name("control", best), written(controls[best])) if best else None,
        "ceiling": _ceiling(number, t),
        "chance": written(number["chance"]) if number.get("chance") is not None else None,
        "difference": gap if difference.get("value") is not None else None,
        "shares": shares,
    }


def _ceiling(number: dict[str, Any], t: Texts) -> Markup | None:
    """Return how far two manifolds agree on the target, and whether that is too little."""
    value = writing.value_of(number.get("ceiling"))
    if value is None:
        return None
    said = Markup("{} {}").format(t("card.ceiling"), writing.data(value, writing.plain(value)))
    return Markup("{} {}").format(said, t("card.unreliable")) if unreliable(number) else said


def _end(value: float, share: bool) -> str:
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%" if share else writing.short(value)

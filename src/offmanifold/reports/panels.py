"""The gallery: the same images, with every model's gradient beside the target score."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from offmanifold.reports import pictures, writing
from offmanifold.reports.sources import Source
from offmanifold.reports.texts import Texts

IMAGES = 8
PIXELS = 4_000_000
KINDS = ("gradient", "tangent", "normal")


@dataclass(frozen=True)
class Gallery:
    """What the picture table shows; every picture is a data URI."""

    rows: list[dict[str, Any]]
    kinds: list[str]
    target: bool
    target_of: str
    missing: list[str]
    size: tuple[int, int]
    smooth: bool
    colour: bool
    captions: list[str]
    c: str


def gallery(audits: list[Source], t: Texts) -> Gallery | None:
    """Return the pictures of the images that all audits hold; None where no audit holds any."""
    common, with_panels = _common(audits)
    if not common:
        return None
    first = with_panels[0]
    owner = next((a for a in with_panels if "target" in a.panels), None)
    kinds = [k for k in KINDS if any(k in a.panels for a in with_panels)]
    shape = tuple(first.panels["x"].shape[1:])
    each = shape[1] * shape[2] * (2 + len(kinds) * len(with_panels))
    at = {a.label: _places(a, common) for a in with_panels}
    labels = _ints(first, "label", at[first.label])
    chosen = pictures.choose(labels, max(2, min(IMAGES, PIXELS // each)))

    directions = [
        a.panels[k][[at[a.label][i] for i in chosen]]
        for a in with_panels
        for k in (*kinds, *(("target",) if a is owner else ()))
        if k in a.panels
    ]
    k, beyond = pictures.colour_range(directions)
    d = first.panels["x"][0].numel()
    c = k / d**0.5

    rows = []
    for i in chosen:
        row = at[first.label][i]
        target = owner.panels["target"][at[owner.label][i]] if owner else None
        rows.append(
            {
                "image": pictures.picture(first.panels["x"][row]),
                "truth": _class(first, labels[i]),
                "target": pictures.direction(target, c) if target is not None else None,
                "cells": [_cell(a, at, i, kinds, labels[i], c) for a in audits],
            }
        )
    colour = shape[0] >= 3
    scale = "pictures.scale.colour" if colour else "pictures.scale.grey"
    values = {"k": f"{k:g}", "c": f"{c:.3g}", "d": f"{d:,}", "clipped": f"{100 * beyond:.1f}"}
    captions = [t(scale, **values), _choice(labels, chosen, t)]
    if shape[0] not in (1, 3):
        captions.append(t("pictures.channels", n=shape[0]))
    return Gallery(
        rows=rows,
        kinds=kinds,
        target=owner is not None,
        target_of=(owner or first).label,
        missing=[a.label for a in audits if a.label not in at],
        size=_size(shape[1], shape[2]),
        smooth=max(shape[1:]) > 128,
        colour=colour,
        captions=captions,
        c=values["c"],
    )


def strip(audits: list[Source], count: int = 12) -> list[str]:
    """Return a few of the data's images, for the head of the page."""
    source = next((a for a in audits if a.panels), None)
    if source is None or source.panels["x"].shape[-1] > 128:
        return []
    places = list(range(len(source.panels["x"])))
    chosen = pictures.choose(_ints(source, "label", places), count)
    return [pictures.picture(source.panels["x"][i]) for i in chosen]


def _common(audits: list[Source]) -> tuple[list[int], list[Source]]:
    """Return the indices that all audits with usable panels share, and those audits."""
    common: list[int] = []
    used: list[Source] = []
    for a in audits:
        if not a.panels:
            continue
        own = a.panels["index"].tolist()
        shared = [i for i in common if i in set(own)] if used else own
        if shared and (not used or used[0].panels["x"].shape[1:] == a.panels["x"].shape[1:]):
            common, used = shared, [*used, a]
    return common, used


def _places(source: Source, common: list[int]) -> list[int]:
    place = {index: row for row, index in enumerate(source.panels["index"].tolist())}
    return [place[index] for index in common]


def _ints(source: Source, name: str, places: list[int]) -> list[int]:
    values: Tensor | None = source.panels.get(name)
    return [int(values[p]) if values is not None else -1 for p in places]


def _class(source: Source, label: int) -> str | None:
    if label < 0:
        return None
    data, model = source.json.get("data") or {}, source.json.get("model") or {}
    names = data.get("classes") or model.get("classes") or []
    return str(names[label]) if label < len(names) else str(label)


def _cell(
    source: Source, at: dict[str, list[int]], i: int, kinds: list[str], label: int, c: float
) -> dict[str, Any]:
    """Return one model's pictures of one image, and its answer."""
    if source.label not in at:
        return {"label": source.label, "pictures": None}
    row = at[source.label][i]
    drawn = {
        k: pictures.direction(source.panels[k][row], c) if k in source.panels else None
        for k in kinds
    }
    norm = source.panels.get("gradient_norm")
    zero = norm is not None and float(norm[row]) == 0
    answer = _ints(source, "prediction", [row])[0]
    return {
        "label": source.label,
        "pictures": drawn,
        "zero": zero,
        "answer": _class(source, answer),
        "wrong": label >= 0 and answer >= 0 and answer != label,
    }


def _choice(labels: list[int], chosen: list[int], t: Texts) -> str:
    classes = [labels[i] for i in chosen]
    n = writing.plain(len(chosen))
    if min(classes) < 0:
        return t("pictures.choice.first", n=n)
    once = len(set(classes)) == len(classes)
    return t("pictures.choice.classes" if once else "pictures.choice.rounds", n=n)


def _size(height: int, width: int) -> tuple[int, int]:
    """Return width and height in CSS pixels: whole multiples up to 128, 160 for large images."""
    longest = max(height, width)
    times = 128 // longest if longest <= 128 else 160 / longest
    return round(width * times), round(height * times)

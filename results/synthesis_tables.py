"""Tables of results/synthesis: which way wins, and what alignment is good for."""

from pathlib import Path
from typing import Any

from make import markdown
from scipy.stats import norm
from scored import (
    ALONE,
    COMBINED,
    PLAIN,
    Entry,
    entries_of,
    read_columns,
    read_scored,
    roles,
)
from synthesis_figures import draw_made, draw_same, draw_strengths
from synthesis_statistics import ASKED, correlations, matched, peaks

from offmanifold._core.files import read_json, write_json, write_text
from offmanifold._core.statistics import LEVEL, Columns, estimate, mean_of
from offmanifold.measures import Number

TASKS = ("denoise", "inpaint", "superresolve")
WAYS = {
    "alone": "alone",
    "combined": "with the denoiser",
    "denoiser": "denoiser alone, one draw",
    "denoiser_mean": "denoiser alone, mean of 8 draws",
    "denoiser_steps": "denoiser alone, the steps of the combined way",
    "denoiser_told": "denoiser told the class",
    "given": "what is given",
    "mean_fill": "mean of what is known",
    "nl_means": "non-local means",
    "nearest": "pixels repeated",
}


def conclude(plan: dict[str, Any], place: Path) -> None:
    """Write table.md, summary.json and the pictures of what lies there."""
    if not (place / PLAIN / f"{ALONE}.json").is_file():
        return
    entries = entries_of(plan["sweep"])
    models = [m for e in entries if (m := read_scored(place, e)) is not None]
    there = {m.entry.name for m in models}
    named = {role: e for role, e in roles(entries).items() if e.name in there}
    judge = read_json(place / "judge.json")["accuracy"]
    parts = [
        f"{len(models)} of the {len(entries)} models of results/{plan['sweep']} are scored here. "
        f"The judge calls {judge:.1%} of the test images right.",
        "",
        *(f"- {role}: `{e.name}`" for role, e in named.items()),
    ]
    for task in TASKS:
        parts += ["", f"## {task}", "", markdown(*ways_table(place, task, named))]
    parts += ["", "## generate", "", markdown(*sets_table(place, named))]
    found: dict[str, Any] = {"roles": {role: e.name for role, e in named.items()}}
    if len(models) > 2 and all(e.cosine is not None for e in entries):
        found["peaks"] = {score: peaks(models, score) for score in ASKED}
        found["correlations"] = {score: correlations(models, score) for score in ASKED}
        found["pairs"] = matched(models)
        parts += ["", "## Score against strength, by the classifier alone", ""]
        parts += [markdown(*peaks_table(found["peaks"]))]
        parts += ["", "## Rank correlation of scores over the models", ""]
        parts += [markdown(*correlations_table(found["correlations"]))]
        parts += ["", "## Pairs of equal accuracy and unequal alignment", "", pairs_said(found)]
        draw_strengths(models, place / "figure.png")
    write_text(place / "table.md", "\n".join([*parts, ""]))
    write_json(place / "summary.json", _plain(found))
    draw_same(place, named, place / "inpainted.png")
    draw_made(place, named, place / "generated.png")
    print((place / "table.md").read_text(encoding="utf-8"))


def ways_table(place: Path, task: str, named: dict[str, Entry]) -> tuple[list[str], Any]:
    """Return PSNR, SSIM and class of every way to mend, with intervals over images."""
    scores = ("psnr", "ssim", "class")
    rows = []
    for source, columns, _ in sources(place, named):
        for way in dict.fromkeys(k.split("/")[1] for k in columns if k.startswith(f"{task}/")):
            name = f"{source}{WAYS.get(way, way)}"
            rows.append([name, *(_mean(columns, f"{task}/{way}/{s}") for s in scores)])
    return ["way", "PSNR, dB", "SSIM", "class right, by the judge"], rows


def sets_table(place: Path, named: dict[str, Entry]) -> tuple[list[str], Any]:
    """Return the scores of sets of images made."""
    scores = ("class", "precision", "recall", "spread", "nearest")
    rows = []
    for source, columns, numbers in sources(place, named):
        for way in dict.fromkeys(k.split("/")[1] for k in columns if k.startswith("generate/")):
            name = f"generate/{way}"
            cells = [_mean(columns, f"{name}/{s}") for s in scores]
            distance = _within(numbers[f"{name}/frechet"], numbers[f"{name}/frechet_error"])
            rows.append([f"{source}{WAYS.get(way, way)}", *cells[:3], distance, *cells[3:]])
    head = ["way", "class asked for", "precision", "recall", "Fréchet²"]
    return [*head, "l2 to others of the class", "l2 to the nearest training image"], rows


def sources(place: Path, named: dict[str, Entry]) -> list[tuple[str, Columns, dict[str, float]]]:
    """Return (whose, scores, scores of sets) of what lies there: the plain ways, then the roles."""
    found = []
    for whose, folder in (("", PLAIN), *((f"{r}, ", e.name) for r, e in named.items())):
        for part in (ALONE, COMBINED):
            numbers = place / folder / f"{part}.json"
            if numbers.is_file():
                found.append((whose, read_columns(place, folder, part), read_json(numbers)))
    return found


def peaks_table(found: dict[str, list[dict[str, Any]]]) -> tuple[list[str], Any]:
    """Return the table of `peaks`; the best is chosen by what it is judged by, which flatters."""
    head = ["score", "method", "standard", "best: strength (regime)", "best − standard"]
    rows = [
        [
            ASKED[score],
            one["objective"].replace("_", " "),
            _written(one["standard"]),
            f"{_written(one['value'])} at {_strength(one['best'])} ({one['regime']})",
            _written(one["over_standard"]),
            f"{_written(one['over_strongest'])} ({_strength(one['strongest'])}, "
            f"{one['strongest_regime']})",
        ]
        for score, each in found.items()
        for one in each
    ]
    return [*head, "best − strongest"], rows


def correlations_table(found: dict[str, dict[str, Number]]) -> tuple[list[str], Any]:
    """Return the table of `correlations`."""
    head = ["score", *(f"with {name}" for name in next(iter(found.values())))]
    return head, [[ASKED[s], *(_written(n) for n in one.values())] for s, one in found.items()]


def pairs_said(found: dict[str, Any]) -> str:
    """Return the table of `matched`."""
    pairs = found["pairs"]
    if not pairs["pairs"]:
        return "There is none.\n"
    rows = [
        [ASKED[s], _written(one["gain"]), f"{one['better']:.0%}"]
        for s, one in pairs["gains"].items()
    ]
    head = ["score", "better aligned − other", "pairs in which the better aligned is better"]
    return (
        f"{pairs['pairs']} pairs; their cosines differ by {pairs['cosine']:.3f} on average.\n\n"
        + markdown(head, rows)
    )


def _mean(columns: Columns, name: str) -> str:
    return _written(estimate(mean_of(name), columns, len(columns[name])))


def _within(value: float, error: float) -> str:
    """A value with its interval, from its standard error."""
    half = float(norm.ppf(0.5 + LEVEL / 2)) * error
    return _written(Number(value, value - half, value + half, 0))


def _strength(value: float | None) -> str:
    return "standard" if value is None else f"{value:g}"


def _written(number: Number | None) -> str:
    if number is None or number.value is None:
        return "–"
    digits = 1 if abs(number.value) >= 10 else 2 if abs(number.value) >= 1 else 3
    if number.low is None:
        return f"{number.value:.{digits}f}"
    return f"{number.value:.{digits}f} [{number.low:.{digits}f}, {number.high:.{digits}f}]"


def _plain(found: Any) -> Any:
    """Return the same as plain JSON."""
    if isinstance(found, Number):
        return found.json()
    if isinstance(found, dict):
        return {k: _plain(v) for k, v in found.items()}
    return [_plain(v) for v in found] if isinstance(found, list) else found

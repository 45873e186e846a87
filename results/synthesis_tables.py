"""Tables and pictures of results/synthesis: which way wins, and what alignment is good for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from make import markdown
from matplotlib.patches import Patch
from scipy.stats import spearmanr
from scored import (
    ALONE,
    BEST,
    COMBINED,
    COSINE,
    PLAIN,
    Entry,
    Scored,
    entries_of,
    read_columns,
    read_pictures,
    read_scored,
    roles,
)

from offmanifold.files import read_json, write_json, write_text
from offmanifold.measures import Number
from offmanifold.measures.statistics import (
    RESAMPLES,
    Columns,
    difference,
    estimate,
    estimate_over_seeds,
    mean_of,
    number_of,
    resamples,
)
from offmanifold.reporting.figures import COLOURS, INK, spans
from offmanifold.strengths import Pool

TASKS = ("denoise", "inpaint", "superresolve")
ASKED = {
    "generate/alone/class": "made: class asked for",
    "generate/alone/precision": "made: precision",
    "generate/alone/recall": "made: recall",
    "generate/alone/nearest": "made: l2 to the nearest training image",
    "inpaint/alone/psnr": "inpainted: PSNR, dB",
    "inpaint/alone/class": "inpainted: class",
    "superresolve/alone/psnr": "super-resolved: PSNR, dB",
    "superresolve/alone/class": "super-resolved: class",
    "denoise/alone/psnr": "denoised: PSNR, dB",
    "denoise/alone/class": "denoised: class",
}
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
LOWER = ("generate/alone/nearest",)  # is better
ENDS = {ALONE: "model", COMBINED: "model\nand denoiser"}
EQUAL = 0.005  # accuracies of a matched pair lie this near
TITLES = {"erm": "standard", "pgd": "PGD, ε", "noise": "noise, σ", "gradient_norm": "gradient norm"}


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
    print((place / "table.md").read_text())


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
            distance = f"{numbers[f'{name}/frechet']:.1f}"
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


def by_strength(models: Sequence[Scored]) -> dict[str, dict[float | None, list[Scored]]]:
    """Return {objective: {strength: its seeds}} with the standard model's under None."""
    standard = [m for m in models if m.entry.value is None]
    found: dict[str, dict[float | None, list[Scored]]] = {}
    for m in sorted((m for m in models if m.entry.value is not None), key=lambda m: m.entry.value):
        found.setdefault(m.entry.objective, {None: standard}).setdefault(m.entry.value, []).append(
            m
        )
    return found


def over(seeds: Sequence[Scored], score: str) -> Number:
    """Return a mean score with its interval over seeds and images."""
    columns = [m.columns for m in seeds]
    return estimate_over_seeds(mean_of(score), columns, len(columns[0][score]))


def gap(a: Sequence[Scored], b: Sequence[Scored], score: str) -> Number | None:
    """Return the mean of a less that of b, paired by image, over the seeds that both have.

    None where they share no seed, as before all models are scored.
    """
    other = {m.entry.seed: m for m in b}
    both = [
        (m.columns[score], other[m.entry.seed].columns[score]) for m in a if m.entry.seed in other
    ]
    if not both:
        return None
    columns = [{"gap": one - two} for one, two in both]
    return estimate_over_seeds(mean_of("gap"), columns, len(both[0][0]))


def peaks(models: Sequence[Scored], score: str) -> list[dict[str, Any]]:
    """Return for each method where a score is best, and what it gains over weak and excessive."""
    found = []
    for objective, strengths in by_strength(models).items():
        values = {v: over(seeds, score) for v, seeds in strengths.items() if seeds}
        sign = -1 if score in LOWER else 1
        best = max(values, key=lambda v: sign * (values[v].value or 0.0))
        strongest = max(v for v in values if v is not None)
        found.append(
            {
                "objective": objective,
                "standard": values.get(None),
                "best": best,
                "value": values[best],
                "regime": strengths[best][0].entry.regime,
                "over_standard": gap(strengths[best], strengths[None], score),
                "strongest": strongest,
                "strongest_regime": strengths[strongest][0].entry.regime,
                "over_strongest": gap(strengths[best], strengths[strongest], score),
            }
        )
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


def correlations(models: Sequence[Scored], score: str) -> dict[str, Number]:
    """Return rank correlations of a score with alignment, accuracy and robustness over the models.

    Intervals by drawing models: they are few, and share images and, at a strength, the method.
    """
    values = np.array([m.columns[score].mean() for m in models])
    known = {
        "cosine": [m.entry.cosine for m in models],
        "accuracy": [m.accuracy for m in models],
        "under attack": [
            m.entry.audit.json["measures"]["accuracy.pgd_l2"]["value"] for m in models
        ],
    }
    draws = resamples(len(models))
    found = {}
    for name, other in known.items():
        other = np.array(other)
        samples = [_spearman(np.repeat(values, w), np.repeat(other, w)) for w in draws.astype(int)]
        whole = _spearman(values, other)
        found[name] = number_of(whole, np.array(samples), len(models))
    return found


def correlations_table(found: dict[str, dict[str, Number]]) -> tuple[list[str], Any]:
    """Return the table of `correlations`."""
    names = list(next(iter(found.values())))
    head = [
        "score",
        *(
            f"with {name}" if name != "under attack" else "with accuracy under attack"
            for name in names
        ),
    ]
    return head, [[ASKED[s], *(_written(n) for n in one.values())] for s, one in found.items()]


def matched(models: Sequence[Scored]) -> dict[str, Any]:
    """Return what better alignment gains among pairs of equal accuracy and different methods.

    A pair: accuracies within half a point, cosines whose difference has an interval above 0. The
    better aligned model's score less the other's; intervals by drawing models and images.
    """
    pool = Pool([m.entry.audit for m in models])
    cosines = [pool.columns(m.entry.audit) for m in models]
    pairs = []
    for i, a in enumerate(models):
        for j, b in enumerate(models):
            if a.entry.objective == b.entry.objective or abs(a.accuracy - b.accuracy) > EQUAL:
                continue
            if difference(mean_of(COSINE), cosines[i], cosines[j], pool.n).above(0):
                pairs.append((i, j))
    if not pairs:
        return {"pairs": 0}
    gains = {score: _gain(models, pairs, score) for score in ASKED}
    apart = np.mean([models[i].entry.cosine - models[j].entry.cosine for i, j in pairs])
    return {"pairs": len(pairs), "cosine": float(apart), "gains": gains}


def _gain(models: Sequence[Scored], pairs: list[tuple[int, int]], score: str) -> dict[str, Any]:
    table = np.stack([m.columns[score] for m in models])
    one, two = np.array(pairs).T
    gaps = table[one] - table[two]  # (pairs, n)
    drawn_models, drawn_images = resamples(len(models)), resamples(table.shape[1])
    samples = np.full(RESAMPLES, np.nan)
    for k in range(RESAMPLES):
        weights = drawn_models[k, one] * drawn_models[k, two]
        if weights.sum():
            samples[k] = weights @ gaps @ drawn_images[k] / weights.sum() / table.shape[1]
    sign = -1 if score in LOWER else 1
    better = float((sign * gaps.mean(1) > 0).mean())
    return {"gain": number_of(float(gaps.mean()), samples, table.shape[1]), "better": better}


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


def draw_strengths(models: Sequence[Scored], path: Path) -> None:
    """Draw alignment and scores against strength, a column a method, regimes shaded."""
    methods = by_strength(models)
    drawn = {k: v for k, v in ASKED.items() if k.endswith("psnr") or k.startswith("generate")}
    rows = {COSINE: "cosine to the posterior score", **drawn}
    figure, grid = plt.subplots(
        len(rows),
        len(methods),
        figsize=(4.6 * len(methods), 2.1 * len(rows)),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    used: dict[str, None] = {}
    for j, (objective, strengths) in enumerate(methods.items()):
        values = [v for v in strengths if v is not None]
        first = values[0] / (values[1] / values[0] if len(values) > 1 else 2) ** 1.5
        points = [(first if v is None else v, seeds) for v, seeds in strengths.items() if seeds]
        xs = [x for x, _ in points]
        names = [seeds[0].entry.regime for _, seeds in points]
        used |= dict.fromkeys(names)
        for i, (score, title) in enumerate(rows.items()):
            axes = grid[i, j]
            for left, right, regime in spans(xs, names):
                axes.axvspan(left, right, color=COLOURS[regime], alpha=0.14, linewidth=0)
            numbers = [_cosine(s) if score == COSINE else over(s, score) for _, s in points]
            ys = [n.value for n in numbers]
            bars = [[n.value - n.low for n in numbers], [n.high - n.value for n in numbers]]
            plain = {"color": INK, "marker": "o", "markersize": 4}
            start = 1 if points[0][0] == first else 0
            axes.errorbar(xs[start:], ys[start:], yerr=[b[start:] for b in bars], **plain)
            if start:
                axes.errorbar(xs[:1], ys[:1], yerr=[b[:1] for b in bars], **plain)
            axes.set_xscale("log")
            ticks = [first, *apart([v for v in values if v > 1.5 * first])]
            axes.set_xticks(ticks, ["standard", *(f"{v:g}" for v in ticks[1:])])
            axes.minorticks_off()
            if j == 0:
                axes.set_title(title, loc="left", fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)
        grid[-1, j].set_xlabel(TITLES.get(objective, objective))
    patches = [Patch(color=COLOURS[name], alpha=0.3, label=name) for name in used]
    figure.legend(handles=patches, loc="outside upper right", ncols=len(patches), frameon=False)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def apart(values: Sequence[float]) -> list[float]:
    """Return the values that can be written along a logarithmic axis without touching."""
    least = (values[-1] / values[0]) ** 0.12
    kept = list(values[:1])
    for v in values[1:]:
        if v / kept[-1] >= least:
            kept.append(v)
    return kept


def draw_same(place: Path, named: dict[str, Entry], path: Path) -> None:
    """Draw the same images inpainted by a standard, a Bayes-aligned and an excessive model."""
    plain = read_pictures(place, PLAIN)
    rows = [("original", plain["inpaint/original"]), ("given", plain["inpaint/given"])]
    for part, end in ENDS.items():
        for role, entry in named.items():
            if part == ALONE or role == BEST:
                rows += _row(place, entry, part, "inpaint", f"{role} {end}")
    for way, name in (("biharmonic", "no model"), ("denoiser", "no classifier")):
        if f"inpaint/{way}" in plain:
            rows.append((f"{way},\n{name}", plain[f"inpaint/{way}"]))
    _sheet(rows, path)


def draw_made(place: Path, named: dict[str, Entry], path: Path) -> None:
    """Draw one image a class, made by each model."""
    plain = read_pictures(place, PLAIN)
    rows = [("real", plain["generate/real"]), ("seed", plain["generate/seed"])]
    for part, end in ENDS.items():
        for role, entry in named.items():
            rows += _row(place, entry, part, "generate", f"{role} {end}")
    if "generate/denoiser_told" in plain:
        rows.append(("denoiser told\nthe class", plain["generate/denoiser_told"]))
    _sheet(rows, path)


def _row(place: Path, entry: Entry, part: str, task: str, name: str) -> list[tuple[str, Any]]:
    """Return a named row of pictures, in a list that is empty where the part is missing."""
    if not (place / entry.name / f"{part}.json").is_file():
        return []
    return [(name, read_pictures(place, entry.name, part)[f"{task}/{part}"])]


def _sheet(rows: list[tuple[str, Any]], path: Path) -> None:
    """Draw rows of images with a name each."""
    wide = len(rows[0][1])
    figure, grid = plt.subplots(
        len(rows), wide, figsize=(1.9 + 0.75 * wide, 0.78 * len(rows)), squeeze=False
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for line, (name, images) in zip(grid, rows, strict=True):
        for axes, image in zip(line, images, strict=True):
            shown = image.permute(1, 2, 0).numpy()
            axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    share = 1.9 / (1.9 + 0.75 * wide)
    figure.subplots_adjust(left=share, right=0.995, top=0.99, bottom=0.01, wspace=0.05, hspace=0.05)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _cosine(seeds: Sequence[Scored]) -> Number:
    pool = Pool([m.entry.audit for m in seeds])
    columns = [pool.columns(m.entry.audit) for m in seeds]
    return estimate_over_seeds(mean_of(COSINE), columns, pool.n)


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(spearmanr(a, b).statistic)


def _mean(columns: Columns, name: str) -> str:
    return _written(estimate(mean_of(name), columns, len(columns[name])))


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

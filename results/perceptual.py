"""Make results/perceptual/NAME: 1 − LPIPS, the paper's measure of alignment, along a sweep.

    python results/perceptual.py mnist-sweep --lpips alexnet.pth

The runs of results/NAME, of which the weights lie in runs/NAME, are audited for 1 − LPIPS and the
paper's pairs alone, by the images and judges of the sweep. What lies there is taken as done.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import torch
from make import markdown
from sweep import HERE, paired_table, rounded

import offmanifold as om
from offmanifold._core.files import (
    make_folder,
    read_json,
    read_tensors,
    write_json,
    write_tensors,
    write_text,
)
from offmanifold.audits.run import Subject
from offmanifold.manifolds import load_manifold
from offmanifold.models import load_model
from offmanifold.reports import explains_table, method_name, writing
from offmanifold.reports.figures import COLOURS, GREY, INK
from offmanifold.reports.sweep_summary import typed
from offmanifold.reports.texts import Texts
from offmanifold.sweeps.correlates import clusters_of, explain, over_runs, spearman
from offmanifold.sweeps.runs import SweepRun, read_sweep
from offmanifold.sweeps.summary import summarise

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PLACE = HERE / "perceptual"
GROUP = 3  # runs audited in one pass: scores are then computed once
COSINE, RATIO = "alignment.cosine_posterior", "robustness.change_ratio"
LPIPS, SUM, CONDITIONAL = (
    f"alignment.{name}" for name in ("lpips_posterior", "paper_sum", "paper_conditional")
)
LIKENESSES = (LPIPS, SUM, CONDITIONAL)
MEASURES = (*LIKENESSES, f"{SUM}_cosine", f"{CONDITIONAL}_cosine", COSINE)
PAIR = {"pgd": SUM, "noise": CONDITIONAL, "gradient_norm": CONDITIONAL}  # of the paper's panels
PAPER = {"gradient_norm": ".995 / .84", "noise": ".92 / .14", "pgd": ".68 / .64"}


def main(argv: list[str] | None = None) -> None:
    """Audit what is wanted, conclude, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--lpips", type=Path, help="weights of AlexNet; else torch hub's")
    parser.add_argument("--conclude", action="store_true", help="only table and figure")
    given = parser.parse_args(argv)
    place = make_folder(PLACE / given.name)
    plan = {
        **read_json(HERE / given.name / "plan.json"),
        **read_json(PLACE / "plan.json")[given.name],
    }
    found = [r for r in read_sweep(HERE / given.name) if r.audit and not r.collapsed]
    runs = [r for seed in plan["seeds"] for r in found if r.seed == seed]
    pending = [r for r in runs if not path_of(r, place).is_file() and not given.conclude]
    if pending:
        options = {
            "data": om.load_data(plan["data"]),
            **{j: load_manifold(Path(plan[j])) for j in ("manifold", "second") if j in plan},
            "config": om.AuditConfig(
                limit=plan["limit"], lpips=given.lpips, explain=True, only=MEASURES
            ),
        }
        for i in range(0, len(pending), GROUP):
            make(pending[i : i + GROUP], place, options)
    conclude(read_sweep(HERE / given.name), len(runs), place)
    print((place / "table.md").read_text(encoding="utf-8"))


def path_of(run: SweepRun, place: Path) -> Path:
    """Return where the numbers of a run lie, {measure: number}."""
    return place / f"{run.folder.name}.json"


def make(runs: Sequence[SweepRun], place: Path, options: dict[str, Any]) -> None:
    """Audit a few runs, and keep the numbers of the measures."""
    folders = [Path("runs") / run.folder.parent.name / run.folder.name for run in runs]
    subjects = [Subject(load_model(str(folder)), folder.name) for folder in folders]
    audits = om.audit_models(subjects, **options)
    for run, audit in zip(runs, audits, strict=True):
        numbers = {name: audit.json["measures"][name] for name in MEASURES}
        columns = {name: torch.tensor(audit.columns[name]).half() for name in LIKENESSES}
        write_tensors(path_of(run, place).with_suffix(".safetensors"), columns)
        write_json(path_of(run, place), rounded({k: short(v) for k, v in numbers.items()}))


def short(number: dict[str, Any]) -> dict[str, Any]:
    """Return a measure's number, of its controls and ceiling the values alone."""
    kept = {k: number[k] for k in ("value", "low", "high", "n", "z", "effect")}
    controls = {name: {"value": c["value"]} for name, c in number["controls"].items()}
    ceiling = {"ceiling": {"value": number["ceiling"]["value"]}} if "ceiling" in number else {}
    return {**kept, "controls": controls, **ceiling}


def conclude(runs: Sequence[SweepRun], wanted: int, place: Path) -> None:
    """Write table and figure of what lies there."""
    done = [r for r in runs if path_of(r, place).is_file()]
    collapsed = [r for r in runs if r.audit is None or r.collapsed]
    merged = [with_numbers(r, place) for r in done]
    summary = summarise([*merged, *collapsed])
    parts = [f"{len(done)} of {wanted} runs are done.", ""]
    for method in summary["methods"]:
        pair = PAIR[method["objective"]]
        columns = (LPIPS, pair, f"{pair}_cosine", COSINE)
        head = ["strength", "seeds", "regime", "1 − LPIPS, posterior", "best control"]
        head += ["1 − LPIPS, paper's pair", "best control", "paper's pair, cosine", "cosine"]
        rows = [row(p, columns) for p in [summary["standard"], *method["points"]] if p["measures"]]
        parts += [f"## {method_name(method)}", "", markdown(head, rows)]
    found = {target: explain(merged, target) for target in (COSINE, *LIKENESSES)}
    if found[COSINE]:
        title = "## On ÷ off change: rank correlation up to the peak / over all strengths"
        parts += [title, "", ratios(found)]
    for target in LIKENESSES:
        parts += [f"## `{target}` beside the standard model and the peak", ""]
        parts += [paired_table(merged, target)]
        explains = explains_table({"explains": found[target]})
        if explains is not None:
            said = agreement(merged, target)
            parts += [f"## What goes with `{target}`", "", said, "", markdown(*explains)]
    write_text(place / "table.md", "\n".join(parts))
    draw(summary, place / "figure.png")


def with_numbers(run: SweepRun, place: Path) -> SweepRun:
    """Return a run whose audit holds the numbers that lie here too."""
    assert run.audit is not None
    numbers = read_json(path_of(run, place))
    tensors = read_tensors(path_of(run, place).with_suffix(".safetensors"))[0]
    columns = {name: v.double().numpy() for name, v in tensors.items()}
    saved = {**run.audit.json, "measures": {**numbers, **run.audit.json["measures"]}}
    audit = replace(run.audit, json=saved, columns={**run.audit.columns, **columns})
    return replace(run, audit=audit)


def row(point: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """Return a row: the likenesses by LPIPS beside their best controls, then the cosines."""
    cells = [
        "standard" if point["value"] is None else writing.short(point["value"]),
        str(len(point["seeds"])),
        point["regime"]["name"],
    ]
    for name in columns:
        number = point["measures"].get(name) or {}
        cells.append(writing.interval(number))
        best = writing.best_control(number)
        if name in LIKENESSES and best is not None:
            value = writing.plain(number["controls"][best]["value"])
            cells.append(f"{Texts('en')(f'control.{best}')}: {value}")
    return cells


def ratios(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return how the on ÷ off change goes with each measure of alignment, beside the paper's."""
    by_method = {
        target: next(one["by_method"] for one in explained if one["predictor"] == RATIO)
        for target, explained in found.items()
    }
    rows = []
    for name, published in PAPER.items():
        each = [found.get(name, {}) for found in by_method.values()]
        pairs = [f"{writing.plain(e.get('to_peak'))} / {writing.plain(e.get('all'))}" for e in each]
        rows.append([typed(name), *pairs, published])
    head = ["method", "cosine", "1 − LPIPS, posterior", "1 − LPIPS, Σf pair", "1 − LPIPS, f_y pair"]
    return markdown([*head, "the paper's 1 − LPIPS, read off its figure"], rows)


def agreement(runs: Sequence[SweepRun], target: str) -> str:
    """Return the rank correlation over the runs of a measure with the cosine."""
    clusters = clusters_of(runs, target)
    for cluster, other in zip(clusters, clusters_of(runs, COSINE), strict=True):
        cluster.values[COSINE] = other.values[COSINE]
    found = over_runs(lambda x: spearman(x[target], x[COSINE]), clusters)
    return f"Its rank correlation with `{COSINE}` is {writing.interval(found.json())}."


def draw(summary: dict[str, Any], path: Path) -> None:
    """Write a PNG: 1 − LPIPS against strength, each with its best control; regimes as colours.

    Nothing is drawn where no method has two strengths.
    """
    methods = [m for m in summary["methods"] if sum(bool(p["measures"]) for p in m["points"]) > 1]
    if not methods:
        return
    figure, axes = plt.subplots(
        2, len(methods), figsize=(4.3 * len(methods), 6.4), sharey="row", squeeze=False
    )
    for j, method in enumerate(methods):
        points = [p for p in (summary["standard"], *method["points"]) if p["measures"]]
        least = min(p["value"] for p in points if p["value"] is not None)
        xs = [least / 3 if p["value"] is None else p["value"] for p in points]
        pair = PAIR[method["objective"]]
        for i, (measure, words) in enumerate(
            ((LPIPS, "posterior score"), (pair, f"paper's pair ({'Σf' if pair == SUM else 'f_y'})"))
        ):
            axis = axes[i, j]
            numbers = [p["measures"][measure] for p in points]
            best = [max(c["value"] for c in n["controls"].values()) for n in numbers]
            axis.plot(xs[1:], best[1:], "--", color=GREY, label="its best control")
            axis.plot(
                xs[1:], [n["value"] for n in numbers[1:]], color=INK, label="gradient of the model"
            )
            axis.plot(xs[:1], best[:1], "_", color=GREY, ms=9)
            for x, n, p in zip(xs, numbers, points, strict=True):
                error = [[n["value"] - n["low"]], [n["high"] - n["value"]]]
                colour = COLOURS[p["regime"]["name"]]
                axis.errorbar(x, n["value"], yerr=error, fmt="o", ms=5, color=colour)
            axis.set_xscale("log")
            axis.set_title(f"1 − LPIPS to the {words}", fontsize=9, loc="left")
            axis.grid(axis="y", color="#e5e7eb")
            axis.spines[["top", "right"]].set_visible(False)
        axes[1, j].set_xlabel(f"{method_name(method)}: {method['strength']}; at the left: standard")
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

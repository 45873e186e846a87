"""Make a result of a sweep: run what results/NAME/plan.json wants and does not lie there yet.

    python results/sweep.py mnist-sweep

results/NAME is a sweep's folder with its runs made small: config, a short log, the audit with few
pictures, no weights. The runs themselves are made below runs/NAME. The plan's groups come in order,
the most telling first; any stop leaves a valid, smaller result.
"""

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from make import KEPT_LOG, markdown, panels_shown

from offmanifold._core.files import make_folder, read_json, read_tensors, write_json, write_text
from offmanifold._core.registry import from_config
from offmanifold._core.statistics import paired_over_seeds
from offmanifold.audits.config import AuditConfig
from offmanifold.audits.regime import FRACTION
from offmanifold.audits.store import read_audit, save_audit
from offmanifold.data.config import DataConfig
from offmanifold.objectives import objectives
from offmanifold.reports import (
    draw_sweep,
    explains_table,
    sweep_boundaries,
    sweep_ceiling,
    sweep_page,
    sweep_tables,
    writing,
)
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.correlates import TARGET
from offmanifold.sweeps.executors import Job, Local, read_outcome
from offmanifold.sweeps.executors.base import JOB, OUTCOME
from offmanifold.sweeps.groups import Pool, Strength, methods_of
from offmanifold.sweeps.runs import SHARED, SweepRun, make_job, read_sweep, run_jobs, write_index
from offmanifold.sweeps.sweep import SUMMARY, Sweep, open_sweep, save_summary
from offmanifold.training.recipe import Recipe

HERE = Path(__file__).parent
PICTURES = 2  # of each run kept


def main(argv: list[str] | None = None) -> None:
    """Run, keep, conclude; print how much of the plan is done."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--groups", type=int, help="only the first groups of the plan")
    parser.add_argument("--conclude", action="store_true", help="only table, page and figure")
    given = parser.parse_args(argv)
    place = HERE / given.name
    plan = read_json(place / "plan.json")
    if not given.conclude:
        make(plan, place, given.processes, given.groups)
    conclude(plan, place)


def make(plan: dict[str, Any], place: Path, processes: int | None, groups: int | None) -> None:
    """Run the jobs that are not kept yet, and keep each as it ends."""
    sweep = open_sweep(runs_of(plan, Path("runs") / place.name))
    for jobs in jobs_of(plan, sweep)[:groups]:
        pending = [job for job in jobs if not kept(job, place)]
        for job in [job for job in pending if job.done(sweep.folder)]:
            keep(job, sweep.folder, place)
            pending.remove(job)
        for event in run_jobs(pending, sweep.folder, Local(processes), sweep.inputs):
            print(event.job.name, event.state, event.error or "", flush=True)
            if event.state in ("finished", "collapsed"):
                keep(event.job, sweep.folder, place)


def runs_of(plan: dict[str, Any], out: Path) -> SweepConfig:
    """Return how the runs of a plan are made, below a folder."""
    return SweepConfig(
        model=plan["model"],
        images=DataConfig(plan["data"]),
        recipe=Recipe(**plan["recipe"]),
        manifold=plan["manifold"],
        second=plan.get("second"),
        audit=AuditConfig(
            limit=plan["limit"],
            eps=plan["attack_eps"],
            explain=plan.get("explain", False),
        ),
        precision=plan["precision"],
        out=out,
    )


def jobs_of(plan: dict[str, Any], sweep: Sweep) -> list[list[Job]]:
    """Return the jobs of each group of the plan: {objective, values, seeds}."""
    found = []
    for group in plan["groups"]:
        base: Any = from_config(objectives, group["objective"])
        values = group.get("values")
        grid = (
            [base] if not values else [replace(base, **{base.strength: float(v)}) for v in values]
        )
        found.append([make_job(sweep.shared, o, s, "cpu") for s in group["seeds"] for o in grid])
    return found


def kept(job: Job, place: Path) -> bool:
    """Whether a run of this name lies in the result."""
    outcome = read_outcome(place / job.name)
    return outcome is not None and outcome["state"] in ("finished", "collapsed")


def keep(job: Job, scratch: Path, place: Path) -> None:
    """Copy what is small of a run; outcome.json comes last, since it says that all is there."""
    source, target = scratch / job.name, make_folder(place / job.name)
    shutil.copyfile(scratch / SHARED, place / SHARED)
    for name in ("config.json", "provenance.json", JOB):
        if (source / name).is_file():
            here = f"{Path.cwd()}/"  # a result speaks of no place on a machine
            write_text(target / name, (source / name).read_text(encoding="utf-8").replace(here, ""))
    if (source / "metrics.json").is_file():
        metrics = read_json(source / "metrics.json")
        metrics["log"] = metrics["log"][:: max(1, len(metrics["log"]) // KEPT_LOG)]
        write_json(target / "metrics.json", metrics)
    audits = sorted(source.glob("audits/*/audit.json"), key=lambda p: p.stat().st_mtime)
    if audits:
        audit = read_audit(audits[-1].parent)
        panels = read_tensors(audits[-1].parent / "panels.safetensors")[0]
        first = panels_shown(panels["label"], PICTURES)
        few = {k: v[first].half() if v.is_floating_point() else v[first] for k, v in panels.items()}
        folder = target / "audits" / audits[-1].parent.name
        for old in target.glob("audits/*"):
            shutil.rmtree(old)
        manifolds = {
            name: {**audit.json[name], "spec": os.path.relpath(audit.json[name]["spec"])}
            for name in ("manifold", "second_manifold")
            if audit.json.get(name)
        }
        columns = {k: v for k, v in audit.columns.items() if is_kept(k)}
        numbers = rounded({**audit.json, **manifolds})
        saved = replace(audit, json=numbers, columns=columns, panels=few)
        save_audit(saved, folder)
    shutil.copyfile(source / OUTCOME, target / OUTCOME)


def rounded(value: Any) -> Any:
    """Return JSON with seven significant digits, those of float32."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def is_kept(column: str) -> bool:
    """Whether a column is read again: values of measures, and controls of the two drawn in figures.

    Other controls and curves are in audit.json alone: image by image they are most of its size.
    """
    plain = "/" not in column and "@" not in column
    return plain or column.startswith((f"{FRACTION}/", f"{TARGET}/"))


def conclude(plan: dict[str, Any], place: Path) -> None:
    """Write summary, table, figure and page of what lies there."""
    wanted = sum(len(g.get("values") or [0]) * len(g["seeds"]) for g in plan["groups"])
    done = len(list(place.glob(f"*/{OUTCOME}")))
    print(f"{done} of {wanted} runs are done")
    if not done:
        return
    write_index(place)
    summary = save_summary(place)
    write_text(place / SUMMARY, json.dumps(summary, ensure_ascii=False) + "\n")  # a third smaller
    parts = [f"{done} of {wanted} runs of plan.json are done.", ""]
    for title, table in sweep_tables(summary):
        parts += [f"## {title}", "", markdown(*table)]
    for method in summary["methods"]:
        parts += [f"- {method['label']}: {s}" for s in sweep_boundaries(method)]
    ceiling, explains = sweep_ceiling(summary), explains_table(summary)
    parts += [f"- {ceiling}"] if ceiling else []
    paired = paired_table(read_sweep(place), TARGET)
    parts += ["", "## Cosine beside the standard model and the peak", "", paired] if paired else []
    if explains is not None:
        parts += ["", "## What goes with alignment", "", markdown(*explains)]
    write_text(place / "table.md", "\n".join([*parts, ""]))
    draw_sweep(summary, place / "figure.png")
    sweep_page(place / SUMMARY, place / "report.html")
    print((place / "table.md").read_text(encoding="utf-8"))


def paired_table(runs: Sequence[SweepRun], measure: str) -> str:
    """Return by how much a measure differs at each strength from the standard model, and from the
    strength of its highest mean: paired by image, over the seeds that both have."""
    standard, methods = methods_of(runs)
    pool = Pool([r.audit for r in runs if r.audit is not None and not r.collapsed])

    def gap(one: Strength, other: Strength | None) -> str:
        mine, others = (
            {} if s is None else dict(zip(s.seeds, s.audits, strict=True)) for s in (one, other)
        )
        both = [seed for seed in mine if seed in others]
        if other is one or not both:
            return writing.NONE
        gaps = [
            pool.columns(mine[seed])[measure] - pool.columns(others[seed])[measure] for seed in both
        ]
        return f"{writing.interval(paired_over_seeds(gaps)[0].json())} ({len(both)})"

    def mean(strength: Strength) -> float:
        return float(np.mean([pool.columns(a)[measure].mean() for a in strength.audits]))

    rows = []
    for method in methods:
        known = [s for s in method.strengths if s.audits and measure in s.audits[0].columns]
        peak = max(known, key=mean, default=None)
        rows += [[f"{method.label} {s.value:g}", gap(s, standard), gap(s, peak)] for s in known]
    head = ["strength", "less the standard model (shared seeds)", "less the peak (shared seeds)"]
    return markdown(head, rows) if rows else ""


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()

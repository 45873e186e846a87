"""Make a result: train and audit every run of results/NAME/plan.json that is not there yet.

    python results/make.py mnist

What lies there is taken as done, the most telling runs come first in the plan, and every stop
leaves a valid, smaller result. Runs are trained under runs/NAME; results/NAME keeps a small folder
a run (config, metrics, audit, few pictures), compare.json, the table, the page and the figure.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import figure
import numpy as np
import torch

import offmanifold as om
from offmanifold._core.files import make_folder, read_json, write_json, write_text
from offmanifold._core.registry import from_config
from offmanifold.audits.compare import save_comparison
from offmanifold.audits.run import Subject
from offmanifold.audits.store import save_audit
from offmanifold.objectives import objectives
from offmanifold.reports import table
from offmanifold.sweeps.correlates import spearman

HERE = Path(__file__).parent
PICTURES = 4  # of each run kept
PRECISION = "bf16"  # of training
GROUP = 3  # runs audited in one pass: tangent spaces are then computed once
KEPT_LOG = 20
FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"
RHO, RATIO = "robustness.rho_relative", "robustness.change_ratio"


def main(argv: list[str] | None = None) -> None:
    """Train, audit, compare; print how much of the plan is done."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--most", type=int, default=10**6, help="new runs before stopping")
    parser.add_argument("--again", action="store_true", help="audit anew the runs that are there")
    arguments = parser.parse_args(argv)
    place = HERE / arguments.name
    plan = read_json(place / "plan.json")
    done = [r for r in plan["runs"] if (place / r["label"] / "audit.json").exists()]
    pending = [r for r in plan["runs"] if r not in done][: arguments.most]
    if pending or arguments.again:
        data = om.load_data(plan["data"])
        scratch = Path("runs") / arguments.name
        manifold = om.fit_manifold(
            data, seed=plan["manifold_seed"], out=scratch / "manifold", precision=PRECISION
        )
        write_json(place / "manifold.json", manifold.card.summary())
        groups = [pending[i : i + GROUP] for i in range(0, len(pending), GROUP)]
        for group in [done] * arguments.again + groups:
            make(group, plan, data, manifold, scratch, place)
            conclude(place, plan)
    conclude(place, plan)


def make(runs: list[dict[str, Any]], plan: dict[str, Any], data, manifold, scratch, place) -> None:
    """Train and audit a few runs, and keep what is small of them."""
    subjects = []
    for run in runs:
        trained = om.train(
            plan["model"],
            data,
            objective=from_config(objectives, run["objective"]),
            recipe=om.Recipe(**plan["recipe"], seed=run.get("seed", 0)),
            out=scratch / run["label"],
            precision=PRECISION,
        )
        subjects.append(Subject(trained, run["label"]))
    for audit in om.audit_models(subjects, data, manifold, om.AuditConfig(**plan["audit"])):
        keep(audit, scratch / audit.label, place / audit.label)


def keep(audit: om.Audit, trained: Path, kept: Path) -> None:
    """Save the audit with a few pictures, and how the run was trained."""
    make_folder(kept)
    for name in ("config.json", "provenance.json"):
        shutil.copyfile(trained / name, kept / name)
    metrics = read_json(trained / "metrics.json")
    metrics["log"] = metrics["log"][:: max(1, len(metrics["log"]) // KEPT_LOG)]
    write_json(kept / "metrics.json", metrics)
    first = panels_shown(audit.panels["label"])
    save_audit(replace(audit, panels={k: v[first] for k, v in audit.panels.items()}), kept)


def panels_shown(labels: torch.Tensor, n: int = PICTURES) -> torch.Tensor:
    """Return the positions of the first image of each of the first n classes."""
    positions = [int((labels == c).nonzero()[0]) for c in labels.unique().tolist()]
    return torch.tensor(positions[:n])


def conclude(place: Path, plan: dict[str, Any]) -> None:
    """Compare what is there; write compare.json, table.md and the page."""
    done = [r["label"] for r in plan["runs"] if (place / r["label"] / "audit.json").exists()]
    print(f"{len(done)} of {len(plan['runs'])} runs are done")
    if not done:
        return
    audits = [om.read_audit(place / label) for label in done]
    reference = plan["reference"] if plan["reference"] in done else None
    comparison = om.compare(audits, reference=reference)
    saved = save_comparison(comparison, place / "compare.json")
    header, rows = table(saved, "en")
    parts = [markdown(header, rows), *extra(comparison["audits"])]
    write_text(place / "table.md", "\n".join(parts))
    om.report(saved, place / "report.html")
    figure.draw(comparison, place / "figure.png")
    print((place / "table.md").read_text(encoding="utf-8"))


def extra(audits: list[dict[str, Any]]) -> list[str]:
    """Return the table of what the short one leaves out, and rank correlations over the runs."""
    rows = []
    for audit in audits:
        fraction = audit["measures"][FRACTION]
        other = fraction["controls"]["wrong_image"]["value"]
        numbers = [audit["measures"][name] for name in (RHO, RATIO)]
        rows.append(
            [audit["label"], f"{fraction['value'] / other:.2f}", *(interval(n) for n in numbers)]
        )
    header = ["Model", "fraction: own ÷ other image", "ρ: off ÷ on", "step of 1.33: on ÷ off"]
    parts = [markdown(header, rows)]
    for name in (FRACTION, RHO, RATIO, "accuracy.pgd_l2"):
        pairs = [(a["measures"][name]["value"], a["measures"][COSINE]["value"]) for a in audits]
        pairs = [p for p in pairs if None not in p]
        if len(pairs) > 2:
            rank = spearman(*np.array(pairs).T)
            parts.append(
                f"- rank correlation of `{name}` with `{COSINE}`: {rank:.2f}, n {len(pairs)}"
            )
    return [*parts, ""]


def interval(number: dict[str, Any]) -> str:
    """Return value [low, high], or a dash."""
    if None in (number["value"], number["low"], number["high"]):
        return "–"
    return f"{number['value']:.3g} [{number['low']:.3g}, {number['high']:.3g}]"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()

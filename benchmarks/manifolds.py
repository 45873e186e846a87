"""Each estimator of the manifold against the truth, where it is known.

python -m benchmarks.manifolds                    # goes on from what lies in results/manifold
python -m benchmarks.manifolds --only sphere:10   # some data alone

Writes a folder a run (config.json, metrics.json) and truth.md, the table. Fitted manifolds lie in
runs/ and are found again there.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import torch
from matplotlib.figure import Figure
from torch import Tensor

import offmanifold as om
from offmanifold._core.files import make_folder, read_json, write_json, write_text
from offmanifold._core.statistics import estimate, mean_of, ratio_of
from offmanifold.manifolds import (
    Autoencoder,
    Denoiser,
    LocalPCA,
    ScoreSVD,
    exact_manifold,
    fit_manifold,
    global_pca,
    low_pass,
)
from offmanifold.manifolds.gates import PREFERRED
from offmanifold.reports.figures import FAINT, STYLE

OUT = Path("results/manifold")
DATA = (
    "glyphs:20000",
    "glyphs",
    "sphere:10",
    "sphere:50",
    "subspace:10",
    "mixture:5",
    "distractor:glyphs",
)
FITTED = {
    "denoiser": Denoiser(),
    "denoiser_longer": Denoiser(steps=12_000),  # on the most images alone
    "autoencoder": Autoencoder(),
    "local_pca": LocalPCA(),
}
METHODS = ("exact", *FITTED, "score_svd", "low_pass", "global_pca")
IMAGES, CHUNK = 64, 16


def place_of(out: Path, spec: str, method: str) -> Path:
    """Return the folder of a run."""
    return out / f"{spec.replace(':', '-')}-{method}"


def truth_of(data: om.Data, rows: Any) -> dict[str, Tensor]:
    """Return {part: orthonormal rows (n, k, d)} of the exact tangent spaces: all, and its parts."""
    source: Any = data.test.source
    found = source.tangents(rows)
    parts = {"class": found[0], "nuisance": found[1]} if isinstance(found, tuple) else {}
    whole = torch.cat(list(found), 1) if parts else found
    return {name: orthonormal(v) for name, v in {"all": whole, **parts}.items()}


def orthonormal(rows: Tensor) -> Tensor:
    """Return orthonormal rows of the same span, float32."""
    return torch.linalg.qr(rows.transpose(1, 2))[0].transpose(1, 2).float()


def made(method: str, data: om.Data) -> tuple[Any, float]:
    """Return a manifold and the seconds its fit took."""
    if method == "exact":
        return exact_manifold(data), 0.0
    denoiser: Any = fit_manifold(data, FITTED.get(method, Denoiser()), precision="bf16")
    if method in FITTED:
        return denoiser, read_json(Path(denoiser.card.spec) / "provenance.json")["seconds"]
    start = time.perf_counter()
    if method == "score_svd":
        return ScoreSVD().around(denoiser, data), time.perf_counter() - start
    card = denoiser.card
    if not card.usable:  # a control needs some σ and rank all the same
        row = next(r for r in card.gates if r["sigma"] == PREFERRED)
        card = replace(card, sigma=PREFERRED, dimension=row["trace"])
    k = round(card.dimension)
    if method == "low_pass":
        return low_pass(card, k), 0.0
    return global_pca(card, data.train, k), time.perf_counter() - start


def judge(manifold: Any, data: om.Data) -> dict[str, Any]:
    """Return how near a manifold comes to the truth on IMAGES test images, with intervals."""
    part = data.test.subset(IMAGES)
    columns: dict[str, list[Tensor]] = {}
    start = time.perf_counter()
    for batch in part.batches(CHUNK):
        x, index = batch.x, batch.index
        for name, rows in truth_of(data, index.numpy()).items():
            v = rows.transpose(0, 1).reshape(rows.shape[1], *x.shape)
            energy = manifold.energy(x, v, index=index).sum(0)
            columns.setdefault(f"recall_{name}", []).append(energy / rows.shape[1])
            if name == "all":
                k = rows.shape[1]
                columns.setdefault("energy", []).append(energy)
                cosines = torch.linalg.svdvals(manifold.basis(x, k, index=index) @ rows.mT)
                angles = torch.rad2deg(cosines.clamp(max=1).arccos())
                columns.setdefault("angle_mean", []).append(angles.mean(1))
                columns.setdefault("angle_largest", []).append(angles.amax(1))
        columns.setdefault("dimension", []).append(manifold.dimension(x, index=index))
    seconds = (time.perf_counter() - start) / len(part)
    arrays = {name: torch.cat(parts).double().numpy() for name, parts in columns.items()}
    numbers = {
        name: estimate(mean_of(name), arrays, len(part)).json()
        for name in arrays
        if name != "energy"
    }
    numbers["precision"] = estimate(ratio_of("energy", "dimension"), arrays, len(part)).json()
    card, k_true = manifold.card, len(truth_of(data, part.rows[:1])["all"][0])
    return {
        "true_dimension": k_true,
        "sigma": card.sigma,
        "trace": card.dimension,
        "trace_interval": card.dimension_interval,
        "rank": card.rank,
        "rank_interval": card.rank_interval,
        "seconds_an_image": round(seconds, 3),
        **numbers,
    }


def run(method: str, spec: str, out: Path) -> None:
    """Fit and judge one estimator on one kind of data, and keep the numbers."""
    place = place_of(out, spec, method)
    if (place / "metrics.json").exists():
        return
    data = om.load_data(spec)
    manifold, seconds = made(method, data)
    found: dict[str, Any] = {"usable": manifold.card.usable, "fit_seconds": round(seconds, 1)}
    if manifold.card.usable:
        found |= judge(manifold, data)
    make_folder(place)
    config = {"data": spec, "estimator": method, "images": IMAGES, "card": manifold.card.summary()}
    write_json(place / "config.json", config)
    write_json(place / "metrics.json", found)
    print(place.name, {k: v for k, v in found.items() if not isinstance(v, dict)}, flush=True)


def shown(number: Any) -> str:
    """Return value [low, high] of a saved number, in two decimals."""
    if not number or number["value"] is None:
        return "–"
    return f"{number['value']:.2f} [{number['low']:.2f}, {number['high']:.2f}]"


def conclude(out: Path) -> str:
    """Write the table of what is there; return it."""
    header = ["data", "estimator", "recall", "precision", "mean angle", "largest", "tr J", "rank"]
    header += ["true k", "fit, s", "s an image"]
    lines = [header, ["---"] * len(header)]
    for spec in DATA:
        for method in METHODS:
            path = place_of(out, spec, method) / "metrics.json"
            if not path.exists():
                continue
            found = read_json(path)
            if not found["usable"]:
                lines.append([spec, method, "unusable", *["–"] * 8])
                continue
            angles = [found["angle_mean"]["value"], found["angle_largest"]["value"]]
            lines.append(
                [
                    spec,
                    method,
                    shown(found["recall_all"]),
                    shown(found["precision"]),
                    *(f"{angle:.1f}°" for angle in angles),
                    f"{found['trace']:.1f}",
                    f"{found['rank']:.1f}",
                    str(found["true_dimension"]),
                    str(found["fit_seconds"]),
                    str(found["seconds_an_image"]),
                ]
            )
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    write_text(out / "truth.md", table)
    return table


PANELS = (
    ("recall_all", "recall: share of the true tangent space found"),
    ("precision", "precision: share of tr J that is true"),
)
MARKS = {
    "exact": ("black", "|"),
    "denoiser": ("#0d7a5f", "o"),
    "denoiser_longer": ("#0d7a5f", "*"),
    "autoencoder": ("#2f62b5", "s"),
    "local_pca": ("#c2560c", "^"),
    "score_svd": ("#8a1c3b", "D"),
    "low_pass": ("#8b939c", "x"),
    "global_pca": ("#8b939c", "+"),
}


def draw(out: Path) -> None:
    """Draw recall and precision of all estimators, a row a kind of data, to truth.png."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 5), layout="constrained")
        axes = figure.subplots(1, len(PANELS), sharey=True)
        for axis, (name, title) in zip(axes, PANELS, strict=True):
            for row, spec in enumerate(DATA):
                for i, method in enumerate(METHODS):
                    path = place_of(out, spec, method) / "metrics.json"
                    found = read_json(path) if path.exists() else {}
                    if not found.get(name):
                        continue
                    number, (colour, mark) = found[name], MARKS[method]
                    error = [[number["value"] - number["low"]], [number["high"] - number["value"]]]
                    axis.errorbar(
                        number["value"],
                        row + 0.1 * (i - len(METHODS) // 2),
                        xerr=error,
                        fmt=mark,
                        color=colour,
                        markersize=7,
                        label=method.replace("_", " "),
                    )
            axis.set_title(title, fontsize=11, loc="left")
            axis.set_xlim(0, 1.1)
            axis.grid(axis="x", color=FAINT)
        axes[0].set_yticks(range(len(DATA)), DATA)
        axes[0].invert_yaxis()
        entries = {
            label: handle
            for axis in axes
            for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            entries.values(), entries.keys(), loc="outside lower center", ncols=8, fontsize=9
        )
        figure.savefig(out / "truth.png", dpi=110)


def main(argv: list[str] | None = None) -> None:
    """Run what is missing, most telling data first, and print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", nargs="*", default=DATA, choices=DATA, help="these data")
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args(argv)
    make_folder(arguments.out)
    plan = [
        {"data": spec, "estimator": method}
        for spec in DATA
        for method in METHODS
        if spec == DATA[0] or method != "denoiser_longer"
    ]
    write_json(arguments.out / "plan.json", plan)
    for wanted in plan:
        spec, method = wanted["data"], wanted["estimator"]
        if spec in arguments.only and method in arguments.methods:
            run(method, spec, arguments.out)
            conclude(arguments.out)
    print(conclude(arguments.out))
    draw(arguments.out)


if __name__ == "__main__":
    main()

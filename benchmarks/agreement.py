"""Do estimators of the manifold rank classifiers alike, more so than manifolds that know nothing?

python -m benchmarks.agreement                 # goes on from what lies there
python -m benchmarks.agreement --only-train    # the classifiers alone

Trains the classifiers of MODELS in runs/agreement, fits each estimator, audits all classifiers by
each, and writes agreement.json and agreement.md in results/manifold.
"""

import argparse
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import offmanifold as om
from offmanifold._core.files import make_folder, write_atomically, write_json, write_text
from offmanifold._core.registry import from_config
from offmanifold.audits.run import Subject
from offmanifold.manifolds import estimators, fit_manifold, global_pca, low_pass
from offmanifold.objectives import objectives

Columns = dict[str, np.ndarray]
DATA, OUT, RUNS = "mnist.npz", Path("results/manifold"), Path("runs/agreement")
EPOCHS, IMAGES, DRAWS = 2, 200, 2000
STRENGTHS: dict[str, tuple[str, tuple[float, ...]]] = {
    "noise": ("sigma", (0.1, 0.2, 0.3, 0.5, 0.8, 1.2)),
    "gradient_norm": ("weight", (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
    "smoothness": ("weight", (0.1, 1.0, 10.0)),
    "pgd": ("eps", (0.25, 0.5, 1.0, 1.5, 2.0)),
}
MODELS = [
    ("erm-0", {"name": "erm"}, 0),
    ("erm-1", {"name": "erm"}, 1),
    *(
        (f"{name.replace('_', '-')}-{value:g}", {"name": name, field: value}, 0)
        for name, (field, values) in STRENGTHS.items()
        for value in values
    ),
]
ESTIMATED = ("denoiser", "autoencoder", "local_pca")
AS: Any = {"precision": "bf16"}
FAKES = ("low_pass", "global_pca")
# A quantity to rank by, and its columns: a ratio of means, or a mean.
QUANTITIES = {
    "rho_relative": ("robustness.noise_off", "robustness.noise_on"),
    "on_manifold_fraction": ("alignment.on_manifold_fraction",),
}


def trained(data: om.Data) -> list[Subject]:
    """Train what is missing; return all classifiers."""
    return [
        Subject(
            om.train(
                "small-resnet",
                data,
                objective=from_config(objectives, objective),
                recipe=om.Recipe(epochs=EPOCHS, batch_size=128, lr=6e-3, seed=seed),
                out=RUNS / label,
                precision="bf16",
            ),
            label,
        )
        for label, objective, seed in MODELS
    ]


def made(name: str, data: om.Data, denoiser: Any) -> Any:
    """Return an estimator fitted, or a fake of the denoiser's rank; all at the denoiser's σ."""
    if name == "low_pass":
        return low_pass(denoiser.card, round(denoiser.card.dimension))
    if name == "global_pca":
        return global_pca(denoiser.card, data.train, round(denoiser.card.dimension))
    manifold = denoiser if name == "denoiser" else fit_manifold(data, estimators[name](), **AS)
    row = next(r for r in manifold.card.gates if r["sigma"] == denoiser.card.sigma)
    manifold.card = replace(manifold.card, sigma=row["sigma"], dimension=row["trace"])
    return manifold


def columns_by(name: str, data: om.Data, subjects: list[Subject], denoiser: Any) -> Columns:
    """Return each column of each classifier under one manifold, (classifiers, images)."""
    path = RUNS / f"{name}.npz"
    if not path.exists():
        audits = om.audit_models(
            subjects,
            data,
            made(name, data, denoiser),
            om.AuditConfig(
                limit=IMAGES, only=("robustness.rho_relative", "alignment.on_manifold_fraction")
            ),
        )
        wanted = [column for columns in QUANTITIES.values() for column in columns]
        found = {c: np.stack([a.columns[c] for a in audits]) for c in wanted}
        write_atomically(path, lambda place: _write(place, found))
    return dict(np.load(path))


def _write(place: Path, arrays: Columns) -> None:
    with place.open("wb") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def values(columns: Columns, quantity: str, images: np.ndarray) -> np.ndarray:
    """Return a quantity of each classifier over some images (repeats allowed)."""
    means = [columns[c][:, images].mean(1) for c in QUANTITIES[quantity]]
    return means[0] / means[1] if len(means) == 2 else means[0]


def correlations(
    found: dict[str, Columns], quantity: str, models: np.ndarray, images: np.ndarray
) -> dict[tuple[str, str], float]:
    """Return Spearman's rank correlation of a quantity between any two manifolds."""
    ranked = {name: values(columns, quantity, images)[models] for name, columns in found.items()}
    return {(a, b): spearmanr(ranked[a], ranked[b]).statistic for a, b in combinations(found, 2)}


def summary(pairs: dict[tuple[str, str], float]) -> dict[str, float]:
    """Return each correlation, their means among estimators and with fakes, and the difference."""
    among = [r for (a, b), r in pairs.items() if a in ESTIMATED and b in ESTIMATED]
    fake = [r for (a, b), r in pairs.items() if a in ESTIMATED and b in FAKES]
    named = {f"{a} and {b}": r for (a, b), r in pairs.items()}
    means = {"among estimators": np.mean(among), "estimators and fakes": np.mean(fake)}
    return {
        **named,
        **means,
        "difference": means["among estimators"] - means["estimators and fakes"],
    }


def compare(found: dict[str, Columns], quantity: str) -> dict[str, dict[str, float]]:
    """Return `summary` with 95 % intervals, by a bootstrap over classifiers and images at once."""
    m, n = len(MODELS), next(iter(found["denoiser"].values())).shape[1]
    point = summary(correlations(found, quantity, np.arange(m), np.arange(n)))
    rng = np.random.default_rng(0)
    draws = [
        summary(correlations(found, quantity, rng.integers(m, size=m), rng.integers(n, size=n)))
        for _ in range(DRAWS)
    ]
    result = {}
    for name, value in point.items():
        low, high = np.quantile([d[name] for d in draws], (0.025, 0.975))
        result[name] = {"value": float(value), "low": float(low), "high": float(high)}
    return result


def main(argv: list[str] | None = None) -> None:
    """Train, fit, audit, compare."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only-train", action="store_true", help="the classifiers alone")
    arguments = parser.parse_args(argv)
    data = om.load_data(DATA)
    subjects = trained(data)
    if arguments.only_train:
        return
    denoiser = fit_manifold(data, **AS)
    found = {name: columns_by(name, data, subjects, denoiser) for name in (*ESTIMATED, *FAKES)}
    every = np.arange(IMAGES)
    make_folder(OUT)
    agreed = {quantity: compare(found, quantity) for quantity in QUANTITIES}
    single = {
        label: {
            f"{quantity} by {name}": float(values(columns, quantity, every)[i])
            for quantity in QUANTITIES
            for name, columns in found.items()
        }
        for i, (label, *_) in enumerate(MODELS)
    }
    write_json(OUT / "agreement.json", {"correlations": agreed, "classifiers": single})
    write_text(OUT / "agreement.md", table(agreed))
    print(table(agreed))


def table(agreed: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return rank correlations with intervals, a column a quantity."""
    lines = [["rank correlation of", *agreed], ["---"] * (1 + len(agreed))]
    for name in next(iter(agreed.values())):
        cells = [
            f"{r['value']:.2f} [{r['low']:.2f}, {r['high']:.2f}]"
            for r in (q[name] for q in agreed.values())
        ]
        lines.append([name, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    main()

"""A made sweep: folders of runs whose columns are known, as the job leaves them."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from offmanifold._core.files import write_json
from offmanifold.audits.schema import DataRecord, ManifoldRecord, ModelRecord, Regime
from offmanifold.audits.store import SCHEMA, Audit, save_audit
from offmanifold.measures import measures
from offmanifold.sweeps.executors import Job
from offmanifold.sweeps.runs import SHARED

N = 200
FRACTION = "alignment.on_manifold_fraction"
COSINE = "alignment.cosine_posterior"
REDUCED = ("accuracy.clean", "accuracy.pgd_l2", FRACTION, COSINE, "robustness.rho_relative")

SETTINGS = {
    "model": "small-resnet",
    "weights": None,
    "weights_content": None,
    "precision": "fp32",
    "recipe": {"epochs": 1},
    "images": {"data": "digits"},
    "audit": {"limit": 20},
    "data": "fingerprint",
    "judge": None,
    "second": None,
    "coach": None,
    "randomised": None,
    "measures": ["accuracy.clean"],
}
"""What a sweep's runs share."""


def make_run(
    root: Path,
    objective: dict[str, Any],
    seed: int = 0,
    *,
    accuracy: float = 0.95,
    fraction: float = 0.6,
    control: float = 0.4,
    cosine: float = 0.3,
    more: Mapping[str, float] = MappingProxyType({}),
    state: str = "finished",
) -> Path:
    """Write one run of N images; the values of images scatter around the means given.

    more: measure: value, alike for all images.
    """
    name = "-".join(str(v) for v in objective.values())
    folder = root / f"{name}-s{seed}"
    config = {
        "train": {"objective": objective, "recipe": {"seed": seed}},
        "audit": {"label": folder.name},
    }
    write_json(root / SHARED, {"schema": "offmanifold.sweep/1"})
    write_json(folder / "job.json", config)
    if state == "unfinished":
        return folder
    digest = Job("", config).digest
    write_json(folder / "outcome.json", {"state": state, "error": None, "digest": digest})
    if state != "finished":
        return folder
    random = np.random.default_rng(seed)
    wrong = round((1 - accuracy) * N)
    right = np.ones(N)
    right[:wrong] = 0

    def around(mean: float) -> np.ndarray:
        noise = 0.05 * random.normal(size=N)
        return mean + noise - noise.mean()

    columns: dict[str, np.ndarray] = {
        "index": np.arange(N),
        "label": np.arange(N) % 2,
        "prediction": np.arange(N) % 2,
        "accuracy.clean": right,
        "accuracy.pgd_l2": right * 0.5,
        FRACTION: around(fraction),
        f"{FRACTION}/spectrum_noise": around(control),
        f"{FRACTION}/wrong_image": around(0.1),
        COSINE: around(cosine),
        "robustness.rho_off": np.full(N, 1 - fraction),
        "robustness.rho_on": np.full(N, fraction),
        **{measure: np.full(N, value) for measure, value in more.items()},
    }
    numbers = {}
    for measure in ("accuracy.clean", "accuracy.pgd_l2", FRACTION, COSINE, *more):
        numbers[measure] = measures[measure]().reduce(columns, N)
    saved = {
        "schema": SCHEMA,
        "label": folder.name,
        "model": asdict(ModelRecord(spec=folder.name, objective=objective)),
        "data": asdict(DataRecord("f", [1, 4, 4], N, N, name="made")),
        "manifold": asdict(ManifoldRecord(spec="runs/manifold", hash="judge")),
        "settings": {"reference_step": 1.33},
        "measures": numbers,
        "curves": {},
        "skipped": {},
        "regime": Regime("uncertain", "regime.too_few").json(),
    }
    columns["path"] = np.array(["p"] * N, dtype=object)
    save_audit(Audit(json.loads(json.dumps(saved)), columns, {}), folder / "audits" / "a")
    return folder


def pgd(eps: float) -> dict[str, Any]:
    """Return the config of an objective."""
    return {"name": "pgd", "eps": eps, "norm": "l2", "steps": 5}


def renamed(folder: Path, old: str, new: str) -> None:
    """Give a run another label, as the job that made it would have."""
    for path in (folder / "job.json", *folder.glob("audits/*/audit.json")):
        write_json(path, json.loads(path.read_text().replace(old, new)))  # without a hash of before
    outcome = json.loads((folder / "outcome.json").read_text())
    digest = Job("", json.loads((folder / "job.json").read_text())).digest
    write_json(folder / "outcome.json", {**outcome, "digest": digest})

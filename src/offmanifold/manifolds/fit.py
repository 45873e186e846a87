"""Fit a manifold on training images, save it, find it again."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, read_tensors, write_tensors
from offmanifold._core.log import note
from offmanifold._core.precision import Named, Precision, in_float32
from offmanifold._core.registry import Registry, from_config, to_config
from offmanifold._core.runs import begun, claim, finish, identity, run_folder
from offmanifold.data.division import check_divided
from offmanifold.data.held import Images, as_data
from offmanifold.data.types import Data, Split
from offmanifold.manifolds.base import Fitted, ManifoldCard
from offmanifold.manifolds.pooled import Pooled, least_pooling, pool_data
from offmanifold.models.fingerprint import code_content, own_code

DEFAULT = "denoiser"
LEAST_IMAGES = 500  # training images below which `auto` fits no manifold


@dataclass(frozen=True)
class Place:
    """Where a fit keeps its checkpoint and its log, and its seed."""

    seed: int = 0
    checkpoint: Path | None = None
    show: bool = True
    log: list[dict[str, float]] = field(default_factory=list)


def pixel_deviation(train: Split) -> float:
    """Return the standard deviation of pixels in u = 2x − 1; raises InputError where it is zero."""
    sample = train.subset(2048)
    deviation = float((2 * sample.read(sample.rows).x - 1).std())
    if deviation < 1e-4:
        raise InputError("a manifold cannot be fitted: all training images are the same grey")
    return deviation


class Estimator(Protocol):
    """A registered frozen dataclass whose fields are the settings of a fit."""

    name: str

    def resolved(self, train: Any) -> "Estimator":
        """Return the same with defaults that depend on the data filled in."""
        ...

    def fit(self, data: Data, card: ManifoldCard, engine: Engine, place: Place) -> Fitted:
        """Fit on data.train, choose on data.val; the result carries a completed card."""
        ...

    def rebuild(self, card: ManifoldCard, tensors: dict[str, Tensor]) -> Fitted:
        """Return a saved manifold."""
        ...


estimators: Registry[Estimator] = Registry("manifold estimator", plugins="manifolds")


@in_float32()
def fit_manifold(
    data: Images,
    estimator: Estimator | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    save: bool = True,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
) -> Any:
    """Fit a manifold on `data.train` with σ chosen on `data.val`; or find it, if fitted before.

    data: whatever `as_data` takes. estimator: a `Denoiser()` by default. Saved in `out`, or in
    `runs/manifold-<hash>`, unless not `save`; interrupted, the same call goes on. precision: as in
    `train`. Images above 64 pixels a side are averaged over blocks first (`Pooled`). Returns a
    Manifold (Tangent and Score). Raises InputError where the images cannot carry one.
    """
    started, out = time.time(), None if out is None else Path(out)
    data = as_data(data)
    if estimator is None:
        estimator = estimators[DEFAULT]()
    check_divided(data)
    if len(data.train) < 2:
        raise InputError("a manifold needs training and validation images; give more images")
    pooling, inner = _pooled(data)
    estimator = estimator.resolved(inner.train)
    config = _config(data, estimator, pooling, seed)

    def lies_there(precision: str) -> bool:
        return save and begun("manifold", {**config, "precision": precision}, out)

    engine = Engine(device, precision, begun=lies_there)
    config["precision"] = engine.precision
    card = ManifoldCard(
        spec=estimator.name,
        hash=identity(config),
        shape=inner.shape,
        classes=data.classes,
        data=data.train.fingerprint,
        pooling=pooling,
    )
    if not save:
        manifold = estimator.fit(inner, card, engine, Place(seed, None, show))
        return _wrapped(manifold, data.shape)
    folder = run_folder("manifold", config, out)
    with claim(folder, config) as done:
        if done and show:
            note(f"the manifold: found again in {folder}, nothing fitted")
        if not done:
            place = Place(seed, folder / "resume.pt", show)
            manifold = estimator.fit(inner, card, engine, place)
            write_tensors(folder / "model.safetensors", dict(manifold.state_dict()))
            finish(folder, started, {"card": manifold.card.summary(), "log": place.log})
    return load_manifold(folder)


def _config(data: Data, estimator: Estimator, pooling: int, seed: int) -> dict[str, Any]:
    """Return what makes a manifold's identity, but for its precision."""
    return {
        "kind": "manifold",
        "estimator": to_config(estimator),
        "data": data.train.fingerprint,
        "chosen_on": data.val.fingerprint,
        "shape": list(data.shape),
        "classes": list(data.classes) if data.classes else None,
        "pooling": pooling,
        "seed": seed,
        **own_code(code_content(estimator)),
    }


def precision_of(hash: str | None, data: Data) -> Named | None:
    """Return the precision in which the default manifold of these images has this hash, if any."""
    if hash is None:
        return None
    pooling, inner = _pooled(data)
    config = _config(data, estimators[DEFAULT]().resolved(inner.train), pooling, 0)
    known: list[Named] = ["bf16", "fp32"]
    return next((p for p in known if identity({**config, "precision": p}) == hash), None)


def other_manifolds(folders: Sequence[Path], data: Data) -> list[Path]:
    """Return the finished manifolds of `data.train` that the default settings would not find."""
    usual = to_config(estimators[DEFAULT]().resolved(_pooled(data)[1].train))
    wanted = {"estimator": json.loads(json.dumps(usual)), "seed": 0}
    found = []
    for folder in folders:
        config = read_json(folder / "config.json")
        same = config.get("data") == data.train.fingerprint
        default = all(config.get(key) == value for key, value in wanted.items())
        if same and not default and (folder / "metrics.json").is_file():
            found.append(folder)
    return found


def _pooled(data: Data) -> tuple[int, Data]:
    """Return the side of the blocks over which a manifold averages, and the images it sees."""
    pooling = least_pooling(data.shape)
    return pooling, pool_data(data, pooling) if pooling > 1 else data


def load_manifold(folder: str | Path) -> Any:
    """Return a fitted manifold from its folder, for images of the size it was fitted on."""
    folder = Path(folder)
    config = read_json(folder / "config.json")
    if not isinstance(config, dict) or config.get("kind") != "manifold":
        raise InputError(f"{folder} is no fitted manifold; give a folder that fit-manifold made")
    if not (folder / "metrics.json").exists():
        raise InputError(f"the manifold {folder} is not finished; run its fit-manifold again")
    saved = dict(read_json(folder / "metrics.json")["card"])
    saved.pop("usable")
    tensors, _ = read_tensors(folder / "model.safetensors")
    estimator = from_config(estimators, config["estimator"])
    manifold = estimator.rebuild(ManifoldCard.of(saved, str(folder)), tensors)
    manifold.eval().requires_grad_(False)
    return _wrapped(manifold, tuple(config["shape"]))


def _wrapped(manifold: Fitted, shape: tuple[int, ...]) -> Any:
    r = manifold.card.pooling
    return Pooled(manifold, r, (shape[0], shape[1], shape[2])) if r > 1 else manifold

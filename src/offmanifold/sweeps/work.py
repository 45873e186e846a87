"""One run of a sweep, trained and audited.

The same on every machine: an executor needs no more of it than this command and the folder that it
leaves behind, which is a run's, with its audit and an `outcome.json`, written last.
"""

import time
from pathlib import Path
from typing import Any

from offmanifold._core.errors import Diverged, InputError, RunError
from offmanifold._core.files import read_json, write_json
from offmanifold._core.registry import from_config
from offmanifold.audits.config import AuditConfig
from offmanifold.audits.series import audit_gradients
from offmanifold.data.config import DataConfig
from offmanifold.data.types import Data
from offmanifold.manifolds import load_manifold
from offmanifold.models import load_model
from offmanifold.models.checkpoint import weights_hash
from offmanifold.models.load import start_content
from offmanifold.objectives import objectives
from offmanifold.sweeps.executors.base import OUTCOME, Inputs, Job
from offmanifold.training.recipe import Recipe
from offmanifold.training.train import train


def carry_out(path: Path, folder: Path, inputs: Inputs) -> None:
    """Train and audit the run of a job's config file, into its folder.

    A run that diverges is a result. Raises InputError where the job is refused, RunError where it
    fails; both are written down first.
    """
    config, started = read_json(path), time.time()
    digest = Job(folder.name, config).digest

    def end(state: str, error: str | None = None, audit: str | None = None) -> None:
        write_json(
            folder / OUTCOME,
            {
                "state": state,
                "error": error,
                "audit": audit,
                "digest": digest,
                "seconds": round(time.time() - started, 1),
            },
        )

    try:
        data = _images(config).load()
        _check_inputs(config, data, inputs)
        _train(config, data, folder, inputs)
        audit = _audit(config, data, folder, inputs)
    except Diverged as error:
        end("collapsed", str(error))
        return
    except InputError as error:
        end("refused", str(error))
        raise
    except RunError as error:
        end("failed", str(error))
        raise
    end("finished", audit=audit)


def _train(config: dict[str, Any], data: Data, folder: Path, inputs: Inputs) -> None:
    wanted = config["train"]
    train(
        wanted["model"],
        data,
        objective=from_config(objectives, wanted["objective"]),
        recipe=Recipe(**wanted["recipe"]),
        weights=inputs.weights,
        manifold=None if inputs.coach is None else load_manifold(inputs.coach),
        out=folder,
        device=config["device"],
        precision=wanted["precision"],
        allow_pickle=True,  # the sweep that wrote this config has checked that they may
        allow_code=True,
    )


def _audit(config: dict[str, Any], data: Data, folder: Path, inputs: Inputs) -> str:
    """Return the name of the audit's folder, in that of the run's audits."""
    asked = dict(config["audit"])
    label, manifold, second = asked.pop("label"), asked.pop("manifold"), asked.pop("second", None)

    def loaded(place: Path) -> Any:
        fitting = {"classes": data.classes, "shape": data.shape}
        return load_model(str(place), allow_code=True, **fitting)

    (audit,) = audit_gradients(
        [loaded(folder)],
        data,
        manifold if inputs.judge is None else str(inputs.judge),
        AuditConfig(**asked),
        label=label,
        folder="auto",
        second=second if inputs.second is None else str(inputs.second),
        label_randomised=None if inputs.randomised is None else loaded(inputs.randomised),
        device=config["device"],
    )
    assert audit.folder is not None
    return audit.folder.name


def _check_inputs(config: dict[str, Any], data: Data, inputs: Inputs) -> None:
    """Raise InputError where images, weights or code are others than when the sweep was begun."""
    wanted = config["train"]
    if data.fingerprint != config["data"]:
        raise InputError(
            f"{config['images']['data']} holds other images here ({data.fingerprint}) than where "
            f"the sweep was begun ({config['data']}); give each machine the same files"
        )
    found = None if inputs.weights is None else weights_hash(inputs.weights)
    if found != wanted["weights"]:
        raise InputError(
            f"the weights to begin with are others now ({found}) than when the sweep was begun "
            f"({wanted['weights']}); give it the same file, or another `out`"
        )
    if (
        "start" in wanted
        and start_content(wanted["model"], data.classes, data.shape) != wanted["start"]
    ):
        raise InputError(
            f"{wanted['model']} is another model now than when the sweep was begun; give each "
            "machine the same files, or the sweep another `out`"
        )


def _images(config: dict[str, Any]) -> DataConfig:
    fields = dict(config["images"])
    size = fields.pop("image_size")
    return DataConfig(**fields, image_size=None if size is None else (size[0], size[1]))

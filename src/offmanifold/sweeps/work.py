"""One run of a sweep, trained and audited.

The same on every machine: an executor needs no more of it than this command and the folder that it
leaves behind, which is a run's, with its audit and an `outcome.json`, written last.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from offmanifold._core.errors import Diverged, InputError, RunError
from offmanifold._core.files import read_json, write_json
from offmanifold._core.registry import from_config
from offmanifold.cli.audit import AuditCommand
from offmanifold.cli.base import Images
from offmanifold.cli.train import Train
from offmanifold.models.checkpoint import weights_hash
from offmanifold.models.load import start_content
from offmanifold.objectives import objectives
from offmanifold.sweeps.executors.base import OUTCOME, Inputs, Job
from offmanifold.training.recipe import Recipe


def carry_out(argv: Sequence[str]) -> int:
    """Run the job that a command line (CONFIG FOLDER --judge PLACE …) names; return 0."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("folder", type=Path)
    for name in Inputs.__dataclass_fields__:
        parser.add_argument(f"--{name}", type=Path)
    given = vars(parser.parse_args(argv))
    return _run(given.pop("config"), given.pop("folder"), Inputs(**given))


def _run(path: Path, folder: Path, inputs: Inputs) -> int:
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
        _check_inputs(config, inputs)
        _train(config, folder, inputs)
        audit = _audit(config, folder, inputs)
    except Diverged as error:
        end("collapsed", str(error))
        return 0
    except InputError as error:
        end("refused", str(error))
        raise
    except RunError as error:
        end("failed", str(error))
        raise
    end("finished", audit=audit)
    return 0


def _train(config: dict[str, Any], folder: Path, inputs: Inputs) -> None:
    wanted = dict(config["train"])
    Train(
        model=wanted["model"],
        weights=inputs.weights,
        allow_pickle=True,  # the sweep that wrote this config has checked that they may
        allow_code=True,
        images=_images(config),
        recipe=Recipe(**wanted["recipe"]),
        objective=from_config(objectives, wanted["objective"]),
        precision=wanted["precision"],
        device=config["device"],
        manifold=None if inputs.coach is None else str(inputs.coach),
        out=folder,
    ).run()


def _audit(config: dict[str, Any], folder: Path, inputs: Inputs) -> str:
    """Return the name of the audit's folder, in that of the run's audits."""
    wanted = dict(config["audit"])
    here = {
        "manifold": inputs.judge,
        "second": inputs.second,
        "label_randomised": inputs.randomised,
    }
    wanted |= {name: str(path) for name, path in here.items() if path is not None}
    (audit,) = AuditCommand(
        model=(str(folder),),
        allow_code=True,
        images=_images(config),
        device=config["device"],
        **wanted,
    ).audited()
    assert audit.folder is not None  # a command's audits are kept
    return audit.folder.name


def _check_inputs(config: dict[str, Any], inputs: Inputs) -> None:
    """Raise InputError where images, weights or code are others than when the sweep was begun."""
    data, train = _images(config).load(show=False), config["train"]
    if data.fingerprint != config["data"]:
        raise InputError(
            f"{config['images']['data']} holds other images here ({data.fingerprint}) than where "
            f"the sweep was begun ({config['data']}); give each machine the same files"
        )
    found = None if inputs.weights is None else weights_hash(inputs.weights)
    if found != train["weights"]:
        raise InputError(
            f"the weights to begin with are others now ({found}) than when the sweep was begun "
            f"({train['weights']}); give it the same file, or another --out"
        )
    if (
        "start" in train
        and start_content(train["model"], data.classes, data.shape) != train["start"]
    ):
        raise InputError(
            f"{train['model']} is another model now than when the sweep was begun; give each "
            "machine the same files, or the sweep another --out"
        )


def _images(config: dict[str, Any]) -> Images:
    fields = dict(config["images"])
    size = fields.pop("image_size")
    return Images(**fields, image_size=None if size is None else (size[0], size[1]))

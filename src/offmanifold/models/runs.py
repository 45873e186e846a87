"""`runs/NAME`: a model that `offmanifold train` saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.files import read_json
from offmanifold.models.checkpoint import Checkpoint, read_checkpoint

CONFIG, WEIGHTS = "config.json", "model.safetensors"
LEAST_HASH = 4  # hex digits that name a run


@dataclass(frozen=True)
class Run:
    """A run's folder and its config."""

    folder: Path
    config: dict[str, Any]

    @property
    def spec(self) -> str:
        """Spec of the architecture."""
        return self.config["model"]["spec"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(self.config["model"]["classes"])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (c, h, w) of the images it was trained on."""
        model = self.config["model"]
        return model["channels"], model["height"], model["width"]

    def weights(self) -> Checkpoint:
        """Read the final weights; raises InputError for a run that has none yet."""
        path = self.folder / WEIGHTS
        if not path.is_file():
            raise InputError(f"{self.folder} has no {WEIGHTS} yet; run its training to the end")
        return Checkpoint(path, read_checkpoint(path, None).tensors, self.classes)


def find_run(spec: str) -> Run:
    """Find a run by its folder, or by the name or the first hash digits of `<name>-<hash>`.

    Raises InputError where there is none or more than one, or where it holds no model.
    """
    given = Path(spec)
    if (given / CONFIG).is_file():
        return _read(given)
    runs = sorted(path.parent for path in given.parent.glob(f"*/{CONFIG}"))
    found = [folder for folder in runs if given.name in _parts(folder)]
    if not found and len(given.name) >= LEAST_HASH:
        found = [folder for folder in runs if _parts(folder)[1].startswith(given.name)]
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found)
        raise InputError(f'"{spec}" names several runs: {names}; give one of them')
    if not found:
        raise unknown_name("run", spec, [str(folder) for folder in runs])
    return _read(found[0])


def _parts(folder: Path) -> tuple[str, str]:
    name, _, digits = folder.name.rpartition("-")
    return name, digits


def _read(folder: Path) -> Run:
    config = read_json(folder / CONFIG)
    model = config.get("model") if isinstance(config, dict) else None
    needed = {"spec": str, "classes": list, "channels": int, "height": int, "width": int}
    if not isinstance(model, dict) or not all(
        isinstance(model.get(key), kind) for key, kind in needed.items()
    ):
        raise InputError(f"{folder} holds no trained model; give a folder that train made")
    return Run(folder, config)

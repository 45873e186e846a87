"""What a command line names as models: `SPEC`, `NAME=SPEC@WEIGHTS`, or a TOML file of several."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offmanifold._core.errors import InputError

WEIGHTS = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors", ".json")
LABEL = re.compile(r"([\w. +-]+)=(.+)", re.S)
KEYS = ("spec", "name", "weights")


@dataclass(frozen=True)
class ModelSpec:
    """A model as it was named. name: in tables and figures. weights: a file of its own."""

    spec: str
    name: str | None = None
    weights: Path | None = None


def model_specs(given: Sequence[str]) -> list[ModelSpec]:
    """Return the models that strings name; FILE.toml holds [[model]] with spec, name and weights.

    A path that exists is itself, whatever signs are in it. Raises InputError for a TOML file that
    holds no models.

    >>> model_specs(["mine=net.py:make@best.pth", "timm:resnet50"])[0].name
    'mine'
    """
    found: list[ModelSpec] = []
    for one in given:
        found += _of_toml(Path(one)) if one.endswith(".toml") else [_parsed(one)]
    return found


def _parsed(text: str) -> ModelSpec:
    if Path(text).exists():
        return ModelSpec(text)
    label = LABEL.fullmatch(text)
    name, rest = (label[1], label[2]) if label else (None, text)
    spec, at, weights = rest.rpartition("@")
    if at and spec and (weights.endswith(WEIGHTS) or Path(weights).is_file()):
        return ModelSpec(spec, name, Path(weights))
    return ModelSpec(rest, name)


def _of_toml(path: Path) -> list[ModelSpec]:
    """Return the models of a file; places in it are relative to its folder."""
    try:
        saved = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid TOML ({error})") from error
    models = saved.get("model")
    if not isinstance(models, list) or not models:
        raise InputError(f"{path} holds no models; give each a [[model]] with its spec")
    found = []
    for one in models:
        unknown = [key for key in one if key not in KEYS]
        if unknown or not all(isinstance(value, str) for value in one.values()):
            raise InputError(f"{path}: a [[model]] holds {', '.join(KEYS)} as text, not {one}")
        if "spec" not in one:
            raise InputError(f"{path}: a [[model]] has no spec")
        weights = one.get("weights")
        found.append(
            ModelSpec(
                _beside(path, one["spec"]),
                one.get("name"),
                None if weights is None else path.parent / weights,
            )
        )
    return found


def _beside(path: Path, spec: str) -> str:
    """Return a spec whose file lies beside a TOML file, found from anywhere."""
    file, colon, function = spec.partition(":")
    here = path.parent / file
    return f"{here}{colon}{function}" if here.exists() else spec

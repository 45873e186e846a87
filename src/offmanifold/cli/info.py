"""`offmanifold info`."""

import platform
import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.extras import first_line, import_extra
from offmanifold._core.precision import has_bf16
from offmanifold._core.records import schema_of
from offmanifold._core.version import package_version
from offmanifold.attacks import attacks
from offmanifold.cli.base import print_json, print_table
from offmanifold.manifolds import estimators
from offmanifold.measures import measures
from offmanifold.objectives import objectives

EXTRAS = {
    "timm": "timm",
    "torchvision": "torchvision.models",
    "diffusers": "diffusers",
    "captum": "captum.attr",
    "lpips": "lpips",
    "ray": "ray",
    "hf": "datasets",
    "onnx": "onnxruntime",
    "pandas": "pandas",
}
"""{extra: the module of it that is used}."""
RECORDS = {
    "audit": "audits.schema:AuditRecord",
    "compare": "audits.schema:ComparisonRecord",
    "synthesis": "synthesis.schema:GalleryRecord",
}
"""{document: the module after `offmanifold.`, and its record}, imported when asked for."""


@dataclass(frozen=True)
class Info:
    """Show versions, devices, and the vocabularies of objectives, attacks, estimators, measures.

    Attributes:
        json: print as JSON on stdout.
        schema: print instead the JSON Schema of a saved document: audit, compare or synthesis.
    """

    json: bool = False
    schema: str | None = None

    def run(self) -> None:
        """Print what is here, or one schema."""
        if self.schema is not None:
            print_json(schema_of(record(self.schema)))
            return
        extras = {name: _lacks(name, module) for name, module in EXTRAS.items()}
        facts = {
            "offmanifold": package_version(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "cuda": torch.cuda.is_available(),
            "the CPU has bf16": has_bf16("cpu"),
            "extras installed": [name for name, lack in extras.items() if lack == ""],
            "extras that cannot be imported": [
                f"{name} ({lack})" for name, lack in extras.items() if lack
            ],
            "objectives": list(objectives),
            "attacks": list(attacks),
            "manifold estimators": list(estimators),
            "measures": list(measures),
        }
        if self.json:
            print_json(facts)
        else:
            rows = [
                [name, ", ".join(value) if isinstance(value, list) else str(value)]
                for name, value in facts.items()
            ]
            print_table(["", ""], rows)


def record(name: str) -> Any:
    """Return the record of a saved document. Raises InputError for a name that is not known."""
    if name not in RECORDS:
        raise unknown_name("schema", name, RECORDS)
    module, _, kind = RECORDS[name].partition(":")
    return getattr(import_module(f"offmanifold.{module}"), kind)


def _lacks(extra: str, module: str) -> str | None:
    """Return why an installed extra cannot be imported, "" where it can; None: not installed."""
    if find_spec(module.partition(".")[0]) is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_extra(module, extra)
    except InputError as error:
        return first_line(error.__cause__ or error)
    return ""

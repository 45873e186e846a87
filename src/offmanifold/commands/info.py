"""`offmanifold info`."""

import platform
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from offmanifold.attacks import attacks
from offmanifold.commands.base import print_json, print_table
from offmanifold.manifold import estimators
from offmanifold.measures import measures
from offmanifold.objectives import objectives
from offmanifold.precision import bf16_is_faster
from offmanifold.runs import package_version

EXTRAS = ("timm", "torchvision", "captum", "lpips")


@dataclass(frozen=True)
class Info:
    """Show versions, devices, and the vocabularies of objectives, attacks, estimators, measures.

    Attributes:
        json: print as JSON on stdout.
    """

    json: bool = False

    def run(self) -> None:
        """Print what is here."""
        facts = {
            "offmanifold": package_version(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "cuda": torch.cuda.is_available(),
            "bf16 is faster on the CPU": bf16_is_faster("cpu"),
            "extras installed": [e for e in EXTRAS if find_spec(e) is not None],
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

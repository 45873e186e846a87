"""Where is an image classifier sensitive: on the data manifold or off it?

import offmanifold as om
data = om.load_data("distractor:digits")
run = om.train("small-resnet", data, objective=om.objectives.PGD(eps=1.0))
manifold = om.fit_manifold(data)
audit = om.audit(run, data, manifold)
om.report([audit], "report.html")
"""

import sys

asked = {argument.removeprefix("-m").partition(".")[0] for argument in sys.orig_argv}
if sys.argv[:1] == ["-m"] and "offmanifold" in asked and not sys.flags.safe_path:
    del sys.path[0]  # the folder in which it is run may hold random.py and the like
del asked

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from offmanifold import attacks, manifolds, measures, objectives, synthesis
    from offmanifold._core.errors import InputError, MissingExtra, RunError
    from offmanifold.attacks.certification import certify
    from offmanifold.audits.compare import compare
    from offmanifold.audits.config import AuditConfig
    from offmanifold.audits.run import audit, audit_models
    from offmanifold.audits.schema import Regime
    from offmanifold.audits.store import Audit, read_audit
    from offmanifold.data import Batch, Data, Split, as_data, load_data
    from offmanifold.gradients import input_gradient
    from offmanifold.manifolds import as_manifold, fit_manifold, load_manifold
    from offmanifold.models import Loaded, ModelCard, load_model
    from offmanifold.reports import report
    from offmanifold.sweeps.config import SweepConfig
    from offmanifold.sweeps.recommend import Recommendation, recommend
    from offmanifold.sweeps.sweep import SweepResult, sweep
    from offmanifold.training.recipe import Recipe
    from offmanifold.training.train import train

_PLACES = {
    "_core.errors": ("InputError", "MissingExtra", "RunError"),
    "attacks.certification": ("certify",),
    "audits.compare": ("compare",),
    "audits.config": ("AuditConfig",),
    "audits.run": ("audit", "audit_models"),
    "audits.schema": ("Regime",),
    "audits.store": ("Audit", "read_audit"),
    "data": ("Batch", "Data", "Split", "as_data", "load_data"),
    "gradients": ("input_gradient",),
    "manifolds": ("as_manifold", "fit_manifold", "load_manifold"),
    "models": ("Loaded", "ModelCard", "load_model"),
    "reports": ("report",),
    "sweeps.config": ("SweepConfig",),
    "sweeps.recommend": ("Recommendation", "recommend"),
    "sweeps.sweep": ("SweepResult", "sweep"),
    "training.recipe": ("Recipe",),
    "training.train": ("train",),
}
_PLACE = {name: f"offmanifold.{room}" for room, names in _PLACES.items() for name in names}
_ROOMS = ("attacks", "manifolds", "measures", "objectives", "synthesis")
__all__ = sorted([*_PLACE, *_ROOMS])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import a public name, and torch with it, when it is first asked for.

    Python imports this package before the command line, which could not answer to Ctrl-C else.
    """
    if name in _PLACE:
        return getattr(import_module(_PLACE[name]), name)
    if name in _ROOMS:
        return import_module(f"offmanifold.{name}")
    if name == "__version__":
        return import_module("offmanifold._core.version").package_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})

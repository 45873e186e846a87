"""The public names, from the rooms where they are."""

from offmanifold import attacks, objectives, synthesis
from offmanifold.auditing import audit, audit_models
from offmanifold.audits import Audit, read_audit
from offmanifold.certification import certify
from offmanifold.comparing import compare
from offmanifold.data import Batch, Data, Split, load_data
from offmanifold.errors import InputError, MissingExtra, RunError
from offmanifold.gradients import input_gradient
from offmanifold.manifold import as_manifold, fit_manifold, load_manifold
from offmanifold.models import Loaded, ModelCard, load_model
from offmanifold.recipes import Recipe
from offmanifold.regimes import Regime
from offmanifold.reporting import report
from offmanifold.runs import package_version
from offmanifold.training import train

__version__ = package_version()
__all__ = [
    "Audit",
    "Batch",
    "Data",
    "InputError",
    "Loaded",
    "MissingExtra",
    "ModelCard",
    "Recipe",
    "Regime",
    "RunError",
    "Split",
    "as_manifold",
    "attacks",
    "audit",
    "audit_models",
    "certify",
    "compare",
    "fit_manifold",
    "input_gradient",
    "load_data",
    "load_manifold",
    "load_model",
    "objectives",
    "read_audit",
    "report",
    "synthesis",
    "train",
]

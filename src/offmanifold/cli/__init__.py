"""Commands: one a file, a frozen dataclass whose fields are its flags, and run()."""

from offmanifold.cli.audit import AuditCommand
from offmanifold.cli.compare import Compare
from offmanifold.cli.counterfactual import CounterfactualCommand
from offmanifold.cli.demo import Demo
from offmanifold.cli.denoise import Denoise
from offmanifold.cli.fit_manifold import FitManifold
from offmanifold.cli.generate import Generate
from offmanifold.cli.info import Info
from offmanifold.cli.inpaint import Inpaint
from offmanifold.cli.recommend import Recommend
from offmanifold.cli.report import ReportCommand
from offmanifold.cli.superresolve import Superresolve
from offmanifold.cli.sweep import SweepCommand
from offmanifold.cli.theory import Theory
from offmanifold.cli.train import Train

COMMANDS = {
    "demo": Demo,
    "train": Train,
    "fit-manifold": FitManifold,
    "audit": AuditCommand,
    "compare": Compare,
    "sweep": SweepCommand,
    "recommend": Recommend,
    "generate": Generate,
    "denoise": Denoise,
    "inpaint": Inpaint,
    "superresolve": Superresolve,
    "counterfactual": CounterfactualCommand,
    "theory": Theory,
    "report": ReportCommand,
    "info": Info,
}
"""{name: command}: a new command is a file here and a line above."""

"""Commands: one a file, a frozen dataclass whose fields are its flags, and run()."""

from offmanifold.commands.audit import AuditCommand
from offmanifold.commands.compare import Compare
from offmanifold.commands.counterfactual import CounterfactualCommand
from offmanifold.commands.demo import Demo
from offmanifold.commands.denoise import Denoise
from offmanifold.commands.fit_manifold import FitManifold
from offmanifold.commands.generate import Generate
from offmanifold.commands.info import Info
from offmanifold.commands.inpaint import Inpaint
from offmanifold.commands.recommend import Recommend
from offmanifold.commands.report import ReportCommand
from offmanifold.commands.superresolve import Superresolve
from offmanifold.commands.sweep import SweepCommand
from offmanifold.commands.theory import Theory
from offmanifold.commands.train import Train

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

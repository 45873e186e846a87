"""Commands: one a file, a frozen dataclass whose fields are its flags, and run()."""

from offmanifold.commands.audit import AuditCommand
from offmanifold.commands.compare import Compare
from offmanifold.commands.demo import Demo
from offmanifold.commands.fit_manifold import FitManifold
from offmanifold.commands.info import Info
from offmanifold.commands.recommend import Recommend
from offmanifold.commands.report import ReportCommand
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
    "theory": Theory,
    "report": ReportCommand,
    "info": Info,
}
"""{name: command}: a new command is a file here and a line above."""

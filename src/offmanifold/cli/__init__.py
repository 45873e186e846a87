"""Commands: one a file, a frozen dataclass whose fields are its flags, and run()."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Command:
    """Where a command is, imported when it is asked for: with torch each would take seconds.

    place: its dataclass, or the name of it after `offmanifold.cli.`. summary: the first sentence of
    its docstring, for the help that imports none.
    """

    place: str | type
    summary: str = ""

    def load(self) -> Any:
        """Return the dataclass."""
        if not isinstance(self.place, str):
            return self.place
        module, _, name = self.place.partition(".")
        return getattr(import_module(f"offmanifold.cli.{module}"), name)


COMMANDS = {
    "demo": Command(
        "demo.Demo",
        "See the claim with your own eyes: four models from standard to too robust, on "
        "handwriting.",
    ),
    "train": Command(
        "train.Train", "Train a classifier by an objective, which is one of the subcommands."
    ),
    "fit-manifold": Command(
        "fit_manifold.FitManifold",
        "Fit an estimate of the data manifold on the training images.",
    ),
    "audit": Command(
        "audit.AuditCommand",
        "Audit classifiers: accuracy, robustness, and where they are sensitive.",
    ),
    "compare": Command("compare.Compare", "Compare audits of the same images, image by image."),
    "sweep": Command(
        "sweep.SweepCommand",
        "Train and audit an objective at several strengths and seeds, beside the standard model.",
    ),
    "recommend": Command(
        "recommend.Recommend",
        "Find the strength to train with, from at most four runs judged on validation images.",
    ),
    "generate": Command(
        "generate.Generate",
        "Generate images of classes by a classifier's gradients, alone or guiding a denoiser.",
    ),
    "denoise": Command("denoise.Denoise", "Take Gaussian noise off images."),
    "inpaint": Command(
        "inpaint.Inpaint",
        "Fill holes of images; all other pixels are kept, exactly in images of 8 bits.",
    ),
    "superresolve": Command(
        "superresolve.Superresolve",
        "Give images more pixels, such that their means over blocks are the pixels given.",
    ),
    "counterfactual": Command(
        "counterfactual.CounterfactualCommand",
        "Find the smallest change of images that changes the decision, and show what changed.",
    ),
    "theory": Command(
        "theory.Theory",
        "Check the theorems by numbers: each claim, what was measured, its bound, whether it "
        "holds.",
    ),
    "report": Command(
        "report.ReportCommand",
        "Write one self-contained page of audits, of a comparison, or of a sweep.",
    ),
    "info": Command(
        "info.Info",
        "Show versions, devices, and the vocabularies of objectives, attacks, estimators, "
        "measures.",
    ),
}
"""{name: command}: a new command is a file here and an entry above."""

"""`offmanifold demo`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from offmanifold._core.log import note
from offmanifold._core.precision import Named
from offmanifold.audits.compare import compare, save_comparison
from offmanifold.audits.config import AuditConfig
from offmanifold.audits.run import Subject, audit_models
from offmanifold.cli.base import print_table
from offmanifold.data import load_data
from offmanifold.manifolds import fit_manifold
from offmanifold.objectives import ERM, PGD
from offmanifold.training.recipe import Recipe
from offmanifold.training.train import train

STRENGTHS = {
    "standard": ERM(),
    "low": PGD(eps=0.3),
    "middle": PGD(eps=1.0),
    "high": PGD(eps=3.0),
}
PRECISION: Named = "fp32"  # the same table on every processor
SHOWN = "alignment.cosine_posterior"


@dataclass(frozen=True)
class Demo:
    """See the claim with your own eyes: four models from standard to too robust, on handwriting.

    Half of each picture is a digit, half a letter that says nothing about the class. Takes about
    three minutes on two cores.

    Attributes:
        out: folder of everything made.
        limit: how many test images are audited.
        language: of the page and the table.
    """

    out: Path = Path("runs/demo")
    limit: int = 200
    language: Literal["en", "ja"] = "en"

    def run(self) -> None:
        """Train four, fit a manifold, audit, compare, report."""
        from offmanifold.reports import report, table

        started = time.time()
        data = load_data("distractor:digits")
        trained = {
            name: train(
                "small-resnet",
                data,
                objective=objective,
                recipe=Recipe(),
                out=self.out / name,
                precision=PRECISION,
            )
            for name, objective in STRENGTHS.items()
        }
        manifold = fit_manifold(data, out=self.out / "manifold", precision=PRECISION)
        audits = audit_models(
            [
                Subject(run, name, self.out / name / "audits" / "demo")
                for name, run in trained.items()
            ],
            data,
            manifold,
            AuditConfig(limit=self.limit, precision=PRECISION),
        )
        comparison = compare(audits, reference="standard")
        saved = save_comparison(comparison, self.out / "compare.json")
        page = report(saved, self.out / "report.html", self.language)
        print_table(*table(saved, self.language))
        for gap in comparison["differences"].get(SHOWN, []):
            if (gap["label"], gap["against"]) == ("high", "middle"):
                number = gap["difference"]
                note(
                    f"posterior cosine, high − middle: {number['value']:+.3f} "
                    f"[{number['low']:+.3f}, {number['high']:+.3f}]"
                )
        note(f"page: {page.resolve()}  ({time.time() - started:.0f} s)")

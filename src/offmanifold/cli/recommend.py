"""`offmanifold recommend`."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.log import note
from offmanifold.cli.base import print_json, print_table
from offmanifold.cli.subcommands import registered
from offmanifold.cli.tell_sweep import audit_asked
from offmanifold.objectives import PGD, objectives
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.recommend import MOST, SPLIT, recommend


@dataclass(frozen=True)
class Recommend:
    """Find the strength to train with, from at most four runs judged on validation images.

    Attributes:
        runs: how runs are made.
        wanted: the measure to be as high as possible.
        accuracy_loss: share of images at most that the standard model gets right and the
            recommended one may lose, net: 0.02 is two points of accuracy.
        robust_accuracy: least accuracy under attack, if any.
        start: strength tried first; by default that of the objective.
        most: runs at most, the standard model's among them.
        limit: images an audit sees; as in audit.
        attack_eps: radius of the attack, an l2 norm per image; --eps of audit.
        explain: judge explanations too; as in audit.
        language: of what is said.
        json: print the recommendation as JSON on stdout.
        objective: what is minimised; its own strength is tried first.
    """

    runs: Annotated[SweepConfig, tyro.conf.arg(name="")] = field(default_factory=SweepConfig)
    wanted: str = "alignment.cosine_posterior"
    accuracy_loss: float = 0.02
    robust_accuracy: float | None = None
    start: float | None = None
    most: int = MOST
    limit: int | None = None
    attack_eps: float | None = None
    explain: bool = False
    language: Literal["en", "ja"] = "en"
    json: bool = False
    objective: registered(objectives) = field(default_factory=PGD)  # type: ignore[valid-type]

    def run(self) -> None:
        """Train, judge, train again; then recommend, and say why."""
        from offmanifold.reports import recommendation_sentences, recommendation_table

        objective: Any = self.objective
        audit = audit_asked(self.limit, self.attack_eps, self.explain, SPLIT)
        saved = recommend(
            objective,
            wanted=self.wanted,
            accuracy_loss=self.accuracy_loss,
            robust_accuracy=self.robust_accuracy,
            start=self.start,
            most=self.most,
            config=replace(self.runs, audit=audit),
        ).saved
        if self.json:
            print_json(saved)
        else:
            print_table(*recommendation_table(saved, self.language))
        for sentence in recommendation_sentences(saved, self.language):
            note(sentence)

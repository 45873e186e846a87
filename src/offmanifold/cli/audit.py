"""`offmanifold audit`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold._core.files import PAGES, check_suffix
from offmanifold._core.log import note
from offmanifold.audits.config import AuditConfig
from offmanifold.audits.series import audit_gradients
from offmanifold.audits.store import Audit
from offmanifold.cli.tell_audits import show, tell
from offmanifold.data.config import DataConfig
from offmanifold.models import load_model
from offmanifold.models.load import open_models


@dataclass(frozen=True)
class AuditCommand:
    """Audit classifiers: accuracy, robustness, and where they are sensitive.

    Attributes:
        model: one or more models: runs/NAME, timm:NAME, torchvision:NAME, FILE.py:FUNCTION; each
            as LABEL=MODEL@WEIGHTS where it has those; or FILE.toml, [[model]] spec, name, weights.
        images: which images; the test part of them is audited.
        config: what is asked.
        weights: a file of weights for the model.
        allow_pickle: load weights that hold pickled objects, which can run code.
        allow_code: run the Python file that a run names as its model.
        classes: map.json, or by-index: how outputs are named where names do not match.
        manifold: auto, none, exact, a fitted manifold, or a denoiser: FILE.py:FUNCTION,
            diffusers:PATH.
        second: another manifold, specified alike, beside which the first is held: the ceiling of
            alignment, and the fraction on the manifold by it.
        label_randomised: a model trained on permuted labels (--data random-labels:DATA), as a
            control.
        gradient: what is looked at, one audit for each: the input gradient of log_prob, logit,
            logsumexp, logit_sum, loss or margin, or a variant of that of log_prob: smoothgrad,
            integrated_gradients, or projected (through a denoiser, the second one if given).
        attributions: FILE.npz with maps (N, c, h, w) of the pictures in their order, an explanation
            that is judged in place of a gradient (one model only).
        label: name in tables and figures (one model only).
        out: folder of the audit (one model only).
        device: auto, cpu, cuda or mps.
        report: write a page of the audits to this file.
        language: of the page and the table.
        json: print the audits as JSON on stdout.
    """

    model: Annotated[tuple[str, ...], tyro.conf.Positional]
    images: Annotated[DataConfig, tyro.conf.arg(name="")] = field(default_factory=DataConfig)
    config: Annotated[AuditConfig, tyro.conf.arg(name="")] = field(default_factory=AuditConfig)
    weights: Path | None = None
    allow_pickle: bool = False
    allow_code: bool = False
    classes: str | None = None
    manifold: str = "auto"
    second: str | None = None
    label_randomised: str | None = None
    gradient: tuple[str, ...] = ("log_prob",)
    attributions: Path | None = None
    label: str | None = None
    out: Path | None = None
    device: str = "auto"
    report: Path | None = None
    language: Literal["en", "ja"] = "en"
    json: bool = False

    def run(self) -> None:
        """Audit, save, and print the table."""
        self.audited()

    def audited(self) -> list[Audit]:
        """Do so, and return the audits."""
        if not self.model:
            raise InputError(
                "no model given; for example: offmanifold audit runs/erm --data digits"
            )
        if self.report is not None:
            check_suffix(self.report, PAGES, "a page")
        data, models = open_models(
            self.model,
            self.images,
            self.weights,
            allow_pickle=self.allow_pickle,
            allow_code=self.allow_code,
        )
        control = self.label_randomised and load_model(
            self.label_randomised,
            classes=data.classes,
            shape=data.shape,
            allow_code=self.allow_code,
        )
        audits = audit_gradients(
            models,
            data,
            self.manifold,
            self.config,
            self.gradient,
            label=self.label,
            folder=self.out or "auto",
            classes=self.classes,
            second=self.second,
            label_randomised=control or None,
            attributions=self.attributions,
            device=self.device,
        )
        show(audits, self.json, self.language)
        tell(audits, self.language, self.config.thorough)
        if self.report is not None:
            from offmanifold.reports import report  # matplotlib takes a second

            note(f"page: {report(audits, self.report, self.language)}")
        return audits

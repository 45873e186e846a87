"""`offmanifold audit`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from offmanifold._core.errors import InputError
from offmanifold._core.files import PAGES, check_suffix
from offmanifold._core.progress import note
from offmanifold.audits.plan import check_gradient, check_options
from offmanifold.audits.run import Subject, audit_models
from offmanifold.audits.store import Audit, standard_of, with_regimes
from offmanifold.cli.base import (
    Images,
    note_accuracy_unused,
    print_json,
    print_table,
    resolve_manifold,
)
from offmanifold.data import Data
from offmanifold.measures import measures
from offmanifold.measures.lpips import NO_PACKAGE, NO_WEIGHTS, find_weights
from offmanifold.models import Loaded, adapt_labels, load_model


@dataclass(frozen=True)
class AuditCommand:
    """Audit classifiers: accuracy, robustness, and where they are sensitive.

    Attributes:
        model: one or more models: runs/NAME, timm:NAME, torchvision:NAME, FILE.py:FUNCTION.
        images: which images; the test part of them is audited.
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
        lpips: weights of AlexNet for LPIPS; by default torch hub's, where they are.
        limit: how many images (default 200; 500 where images and model are small).
        split: part of the images that is audited: test, or val to choose among models by it.
        fast: a quarter of the images.
        gradient: what is looked at, one audit for each: the input gradient of log_prob, logit,
            logsumexp, logit_sum, loss or margin, or a variant of that of log_prob: smoothgrad,
            integrated_gradients, or projected (through a denoiser, the second one if given).
        eps: radius of the attack, an l2 norm per image in [0, 1] pixels.
        thorough: also attack by an ensemble in the manner of AutoAttack, and look for signs of
            masked gradients, at up to 7000 passes an image.
        explain: also judge the gradient as an explanation: by deleting pixels, against other
            scores and as the paper does, at up to 130 passes an image.
        certify: σ, standard deviation per pixel: also certify the classifier smoothed with such
            noise, at about 1100 forward passes an image.
        precision: fp32, or bf16 for the steps of attacks: faster where the processor has it, and a
            little weaker; all else is float32.
        only: names of the measures wanted; all by default.
        label: name in tables and figures (one model only).
        reference: label of the standard model, for the regime.
        reference_accuracy: accuracy of a standard model that is not at hand.
        allow_dependent: let a manifold judge a model trained with it, marked as dependent.
        seed: of the images drawn, of partners and of the noise that classifiers meet.
        out: folder of the audit (one model only).
        device: auto, cpu, cuda or mps.
        report: write a page of the audits to this file.
        language: of the page and the table.
        json: print the audits as JSON on stdout.
    """

    model: Annotated[tuple[str, ...], tyro.conf.Positional]
    images: Annotated[Images, tyro.conf.arg(name="")] = field(default_factory=Images)
    weights: Path | None = None
    allow_pickle: bool = False
    allow_code: bool = False
    classes: str | None = None
    manifold: str = "auto"
    second: str | None = None
    label_randomised: str | None = None
    lpips: Path | None = None
    limit: int | None = None
    split: Literal["test", "val"] = "test"
    fast: bool = False
    gradient: tuple[str, ...] = ("log_prob",)
    eps: float | None = None
    thorough: bool = False
    explain: bool = False
    certify: float | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    only: tuple[str, ...] = ()
    label: str | None = None
    reference: str | None = None
    reference_accuracy: float | None = None
    allow_dependent: bool = False
    seed: int = 0
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
        if len(self.model) > 1 and (self.out or self.label or self.weights):
            raise InputError("--out, --label and --weights are for one model at a time")
        if not self.gradient or len(set(self.gradient)) < len(self.gradient):
            raise InputError("--gradient wants one name or more, each once")
        if len(self.gradient) > 1 and self.out:
            raise InputError("--out is for one gradient at a time")
        for name in self.only:
            measures[name]
        if self.report is not None:
            check_suffix(self.report, PAGES, "a page")
        find_weights(self.lpips)  # refused before anything long is begun
        data = self.images.load(self._asked_shape())
        loaded = [
            load_model(
                spec,
                self.weights,
                classes=data.classes,
                shape=data.shape,
                allow_pickle=self.allow_pickle,
                allow_code=self.allow_code,
            )
            for spec in self.model
        ]
        for one in loaded:
            adapt_labels(one, data.classes, self.classes)  # said before anything long is begun
        for i, gradient in enumerate(self.gradient):
            check_options(
                self._labels(loaded, gradient),
                limit=self.limit,
                gradient=gradient,
                eps=self.eps,
                certify=self.certify,
                reference=None if i else self.reference,
                reference_accuracy=self.reference_accuracy,
            )
        manifold = resolve_manifold(self.manifold, data, device=self.device)
        second = None if self.second is None else self._second(manifold, data)
        randomised = None if self.label_randomised is None else self._randomised(data)
        for gradient in self.gradient:
            check_gradient(gradient, manifold, second)
        audits: list[Audit] = []
        for gradient in self.gradient:
            audits += self._audited(gradient, loaded, data, manifold, second, randomised, audits)
        audits = with_regimes(audits, self.reference, self.reference_accuracy)
        note_accuracy_unused(standard_of(audits, self.reference), self.reference_accuracy)
        show(audits, self.json, self.language)
        for one in audits:
            reason = one.regime.reason_ja if self.language == "ja" else one.regime.reason
            note(f"{one.label}: {one.regime.name}. {reason}")
            note(f"  audit in {one.folder}")
        for said in _without_lpips(audits, self.language):
            note(said)
        if self.thorough:
            from offmanifold.reports import masked_gradients

            for said in masked_gradients(audits, self.language):
                note(said)
        if self.report is not None:
            from offmanifold.reports import report  # matplotlib takes a second

            note(f"page: {report(audits, self.report, self.language)}")
        return audits

    def _audited(
        self,
        gradient: str,
        loaded: Sequence[Loaded],
        data: Data,
        manifold: Any,
        second: Any,
        randomised: Loaded | None,
        beside: Sequence[Audit],
    ) -> list[Audit]:
        """Return the audits of one gradient, those made before or now; beside: those of others."""
        subjects = [
            Subject(one, label, self.out, self.classes, kept=True)
            for one, label in zip(loaded, self._labels(loaded, gradient), strict=True)
        ]
        return audit_models(
            subjects,
            data,
            manifold,
            second=second,
            label_randomised=randomised,
            lpips=self.lpips,
            limit=self.limit,
            split=self.split,
            seed=self.seed,
            gradient=gradient,
            eps=self.eps,
            thorough=self.thorough,
            explain=self.explain,
            certify=self.certify,
            fast=self.fast,
            precision=self.precision,
            only=list(self.only) or None,
            reference=self.reference,
            reference_accuracy=self.reference_accuracy,
            device=self.device,
            allow_dependent=self.allow_dependent,
            beside=beside,
        )

    def _labels(self, loaded: Sequence[Loaded], gradient: str) -> list[str]:
        """Return the models' labels, with the gradient in them where several are asked for."""
        labels = [self.label or one.card.label for one in loaded]
        if gradient == self.gradient[0]:
            return labels
        return [f"{label} ({gradient})" for label in labels]

    def _second(self, manifold: Any, data: Data) -> Any:
        """Return the second manifold. Raises InputError where it is the first, or there is none."""
        assert self.second is not None
        if manifold is None:
            raise InputError("--second is held beside --manifold, and there is none")
        second = resolve_manifold(self.second, data, device=self.device)
        if second is not None and second.card.hash == manifold.card.hash:
            raise InputError(
                "--second is the very manifold that judges; fit another (offmanifold fit-manifold "
                "--halves, or another estimator)"
            )
        return second

    def _randomised(self, data: Data) -> Loaded:
        """Return the network trained on permuted labels."""
        assert self.label_randomised is not None
        loaded = load_model(
            self.label_randomised,
            classes=data.classes,
            shape=data.shape,
            allow_code=self.allow_code,
        )
        adapt_labels(loaded, data.classes, None)
        return loaded

    def _asked_shape(self) -> tuple[int, int, int] | None:
        """Return the image shape the model asks for, where the user says none and it knows one."""
        spec = self.model[0]
        if self.images.image_size or spec.startswith("small-resnet") or ".py:" in spec:
            return None
        return load_model(
            spec, self.weights, allow_pickle=self.allow_pickle, allow_code=self.allow_code
        ).card.input_shape


def show(audits: list[Audit], as_json: bool, language: str) -> None:
    """Print audits as JSON, or as the small table and that of what is held against controls."""
    if as_json:
        print_json([a.json for a in audits])
    else:
        from offmanifold.reports import controlled_table, table

        print_table(*table(audits, language))
        controlled = controlled_table(audits, language)
        if controlled.rows:
            print_table(*controlled)


def _without_lpips(audits: Sequence[Audit], language: str) -> list[str]:
    """Return the sentence that says what LPIPS lacks and what gets it, where audits left it out."""
    skipped = {reason for one in audits for reason in one.json["skipped"].values()}
    lacks = [said for said in (NO_PACKAGE, NO_WEIGHTS) if said[0] in skipped]
    return [ja if language == "ja" else en for en, ja in lacks]

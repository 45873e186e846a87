"""What is asked of an audit: one frozen dataclass is settings, flags, help and identity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.precision import check_precision
from offmanifold.gradients.variants import GRADIENTS
from offmanifold.measures import measures
from offmanifold.measures.lpips import find_weights


@dataclass(frozen=True)
class AuditConfig:
    """Everything that can be asked of an audit; what is None is chosen by images and model.

    Refuses, as it is made, what no audit can have: InputError.

    Attributes:
        limit: how many images (default 200; 500 where images and model are small), drawn by seed,
            class-balanced.
        split: part of the images that is audited: test, or val to choose among models by it.
        fast: a quarter of the images.
        gradient: what is looked at: the input gradient of log_prob, logit, logsumexp, logit_sum,
            loss or margin, or a variant of that of log_prob: smoothgrad, integrated_gradients, or
            projected (through a denoiser, the second one if given).
        eps: radius of the attack, an l2 norm per image in [0, 1] pixels; by default 0.5·√(d/3072),
            d numbers an image, and 1 for the specs digits and distractor:digits.
        thorough: also attack by an ensemble in the manner of AutoAttack, and look for signs of
            masked gradients, at up to 7000 passes an image.
        explain: also judge the gradient as an explanation: by deleting pixels, against other
            scores and as the paper does, at up to 130 passes an image.
        certify: σ, standard deviation per pixel: also certify the classifier smoothed with such
            noise, at about 1100 forward passes an image.
        precision: fp32, or bf16 for the steps of attacks: faster where the processor has it, and a
            little weaker; all else is float32.
        only: names of the measures wanted; all by default.
        lpips: weights of AlexNet for LPIPS; by default torch hub's, where they are.
        reference: label of the standard model, for the regime.
        reference_accuracy: accuracy of a standard model that is not at hand, from 0 to 1.
        allow_dependent: let a manifold judge a model trained with it, marked as dependent.
        seed: of the images drawn, of partners and of the noise that classifiers meet.
    """

    limit: int | None = None
    split: Literal["test", "val"] = "test"
    fast: bool = False
    gradient: Annotated[str, tyro.conf.Suppress] = "log_prob"
    eps: float | None = None
    thorough: bool = False
    explain: bool = False
    certify: float | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    only: tuple[str, ...] = ()
    lpips: Path | None = None
    reference: str | None = None
    reference_accuracy: float | None = None
    allow_dependent: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 2:
            raise InputError(f"`limit` must be at least 2, not {self.limit}")
        if self.eps is not None and not self.eps > 0:
            raise InputError(f"`eps` must be above 0 (an l2 norm per image), not {self.eps}")
        if self.certify is not None and not 0 < self.certify < math.inf:
            raise InputError(
                "`certify` must be finite and above 0 (a standard deviation per pixel), not "
                f"{self.certify}"
            )
        if self.gradient not in GRADIENTS:
            raise unknown_name("gradient", self.gradient, GRADIENTS)
        if self.split not in ("test", "val"):
            raise unknown_name("split", self.split, ("test", "val"))
        check_precision(self.precision)
        for name in self.only:
            measures[name]
        find_weights(self.lpips)
        check_reference_accuracy(self.reference_accuracy)


def check_reference_accuracy(accuracy: float | None) -> None:
    """Raise InputError for an accuracy that no standard model can have."""
    if accuracy is not None and not 0 <= accuracy <= 1:
        raise InputError(f"`reference_accuracy` is a share from 0 to 1, not {accuracy}")


def check_labels(labels: Sequence[str], reference: str | None) -> None:
    """Raise InputError for two audits under one label, or a reference that is none of them."""
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        raise InputError(f'two models are labelled "{twice.pop()}"; audit each with its `label`')
    if reference is not None and reference not in labels:
        raise unknown_name("label for `reference`", reference, labels)

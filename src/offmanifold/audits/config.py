"""What is asked of an audit: one frozen dataclass is settings, flags, help and identity."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class AuditConfig:
    """Everything that can be asked of an audit; what is None is chosen by images and model.

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
    gradient: str = "log_prob"
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

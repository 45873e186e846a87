"""The flags of the commands that make images."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, Method, SessionConfig, open_session
from offmanifold.synthesis.effects import check_use
from offmanifold.synthesis.session import Session


@dataclass(frozen=True)
class Options:
    """How images are made.

    Attributes:
        model: runs/NAME, timm:NAME, torchvision:NAME or FILE.py:FUNCTION.
        weights: a file of weights for the model.
        allow_pickle: load weights that hold pickled objects, which can run code.
        allow_code: run the Python file that a run names as its model.
        data: the images the model was trained on, where its run does not tell.
        classes: map.json, or by-index: how outputs are named where names do not match.
        data_seed: of the division of the images, as in the model's training.
        image_size: height and width of the images, where neither the model nor the data tell.
        channels: 1 for grey, 3 for colour, likewise.
        manifold: auto (fitted on the model's training images, or found again), none, exact, a
            fitted manifold, FILE.py:FUNCTION or diffusers:PATH.
        mode: ascent (the classifier's gradient alone), projected (its steps along the manifold),
            denoised (the image drawn to the manifold after each step), manifold (the denoiser
            guided by the classifier), or auto: denoised (manifold, for denoise), else projected,
            else ascent.
        guidance: weight of the classifier in the mode manifold; 1 is Bayes' rule.
        variety: in the mode denoised, from 0 (images of a class are alike) to 1 (they may miss it);
            0.35 for generate, 0 for the others.
        candidates: classes that inpaint and superresolve try where none is given, keeping the
            result that the classifier likes best; 1, the class that it sees first, is faster.
        steps: of an ascent.
        rule: of an ascent's steps: momentum or adam.
        copies: randomly shifted copies that each gradient of an ascent is averaged over.
        scales: resolutions of an ascent's steps, as factors: 4 2 1 is smoother than 1.
        eps: radius of an ascent's ball, an l2 norm per image in [0, 1] pixels.
        until: probability of the class at which an image is finished early, in the modes ascent and
            projected.
        patience: steps without a rise after which an image is finished early, likewise.
        precision: fp32, or bf16 for the gradients of an ascent: faster where the processor has it.
        seed: of all randomness.
        batch_size: images at a time; by default as many as fit.
        out: folder of the results; by default runs/<use>-<hash>.
        device: auto, cpu, cuda or mps.
        language: of the page.
        json: print what was made as JSON on stdout.
    """

    model: str
    weights: Path | None = None
    allow_pickle: bool = False
    allow_code: bool = False
    data: str | None = None
    classes: str | None = None
    data_seed: int = 0
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    manifold: str = "auto"
    mode: Literal["auto", "ascent", "projected", "denoised", "manifold"] = "auto"
    guidance: float | None = None
    variety: float | None = None
    candidates: int = 10
    steps: int = 60
    rule: Literal["momentum", "adam"] = "momentum"
    copies: int = 0
    scales: tuple[int, ...] = (1,)
    eps: float | None = None
    until: float | None = None
    patience: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0
    batch_size: int | None = None
    out: Path | None = None
    device: str = "auto"
    language: Literal["en", "ja"] = "en"
    json: bool = False

    def session(self, use: str, target: str | None = None, *, needs_data: bool = False) -> Session:
        """Return the session asked for; raises InputError for what makes no sense in this use."""
        method = self.method()
        check_use(method, use, target)
        config = SessionConfig(
            model=self.model,
            data=self.data,
            manifold=self.manifold,
            method=method,
            weights=self.weights,
            allow_pickle=self.allow_pickle,
            allow_code=self.allow_code,
            classes=self.classes,
            data_seed=self.data_seed,
            image_size=self.image_size,
            channels=self.channels,
            batch_size=self.batch_size,
            device=self.device,
        )
        return open_session(config, needs_data=needs_data)

    def method(self) -> Method:
        """Return the method asked for; raises InputError for settings that make no sense."""
        if self.until is not None and not 0 < self.until < 1:
            raise InputError(f"--until is a probability between 0 and 1, not {self.until}")
        ascent = Ascent(
            steps=self.steps,
            eps=self.eps,
            rule=self.rule,
            copies=self.copies,
            scales=self.scales,
            until=None if self.until is None else math.log(self.until),
            patience=self.patience,
            precision=self.precision,
            seed=self.seed,
        )
        return Method(
            self.mode,
            self.guidance,
            candidates=self.candidates,
            ascent=ascent,
            variety=self.variety,
        )

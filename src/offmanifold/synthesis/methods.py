"""The ways to an image that a classifier calls y: ascent, alone or near a manifold, or sampling."""

import math
from dataclasses import dataclass, field, replace

from offmanifold._core.errors import InputError, unknown_name
from offmanifold.manifolds import Manifold, Pooled
from offmanifold.synthesis.ascent import Ascent, Guide
from offmanifold.synthesis.guides import Denoised, Projected

MODES = ("auto", "ascent", "projected", "denoised", "manifold")


@dataclass(frozen=True)
class Method:
    """How images are made.

    Attributes:
        mode: ascent (the classifier's gradient alone), projected (each step along the manifold),
            denoised (the image drawn to the manifold after each step), manifold (the denoiser's
            sampler, guided by the classifier), or auto: where a manifold is given that can draw
            images, denoised (`denoise` takes manifold), else projected, else ascent.
        guidance: weight of the classifier in the mode manifold; 1 is Bayes' rule, and the default
            of every use but generation, which takes 6.
        draws: noise levels of the sampler in the mode manifold.
        candidates: classes tried where none is given, each at the cost of one; an image keeps the
            one whose result is of the highest objective. 1: the class seen in what is begun with.
        ascent: how the objective is climbed in the other modes.
        variety: in the mode denoised, the share of its noise that an image keeps from step to
            step: at 0, the default of every use but generation, images of a class are much alike.
    """

    mode: str = "auto"
    guidance: float | None = None
    draws: int = 32
    candidates: int = 10
    ascent: Ascent = field(default_factory=Ascent)
    variety: float | None = None

    def __post_init__(self):
        if self.mode not in MODES:
            raise unknown_name("mode", self.mode, MODES)
        if not 0 <= (self.guidance or 0) < math.inf or self.draws < 2:
            raise InputError("guidance must be finite and 0 or more, and draws 2 or more")
        if not 0 <= (self.variety or 0) <= 1:
            raise InputError(f"variety must be in [0, 1], not {self.variety}")
        if self.candidates < 1:
            raise InputError(f"candidates must be 1 class or more, not {self.candidates}")

    @property
    def weight(self) -> float:
        """Weight of the classifier in the mode manifold: the guidance, 1 where none is given."""
        return 1.0 if self.guidance is None else self.guidance

    def completed(
        self, *, eps: float, guidance: float | None = None, variety: float | None = None
    ) -> "Method":
        """Return the same with a use's own radius, guidance and variety where none are given."""
        ascent = self.ascent if self.ascent.eps else replace(self.ascent, eps=eps)
        guidance = guidance if self.guidance is None else self.guidance
        variety = variety if self.variety is None else self.variety
        return replace(self, ascent=ascent, guidance=guidance, variety=variety)

    def settled(self, manifold: Manifold | None, best: str = "denoised") -> "Method":
        """Return the same with a mode that this manifold (or None) can do.

        best: what `auto` becomes where the manifold can draw images. Raises InputError where it
        cannot do what is asked for.
        """
        if manifold is None or not manifold.card.usable:
            if self.mode not in ("auto", "ascent"):
                raise InputError(f"the mode {self.mode} needs a usable manifold; give `manifold`")
            return replace(self, mode="ascent")
        if self.mode == "auto":
            return replace(self, mode=best if can_draw(manifold) else "projected")
        if self.mode in ("denoised", "manifold") and not can_draw(manifold):
            raise InputError(
                f"the manifold {manifold.card.spec} gives tangent spaces but draws no images of "
                "this size; take the mode projected, or a denoiser"
            )
        return self


def can_draw(manifold: Manifold) -> bool:
    """Whether a manifold's denoiser takes all noise off images: one of block means does not."""
    return getattr(manifold, "scores", False) and not isinstance(manifold, Pooled)


def guide_of(method: Method, manifold: Manifold | None) -> Guide | None:
    """Return what keeps an ascent near the data in a settled mode, None for the mode ascent."""
    if manifold is None:
        return None
    if method.mode == "projected":
        return Projected(manifold)
    if method.mode == "denoised":
        passing = [row["sigma"] for row in manifold.card.gates if row["passes"]]
        sigmas = [*passing] if manifold.card.sigma is None else [manifold.card.sigma, *passing]
        how = method.ascent
        variety = method.variety or 0.0
        return Denoised(
            manifold, max(sigmas), min(sigmas), how.steps, seed=how.seed, variety=variety
        )
    return None

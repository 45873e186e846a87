"""Does the gradient look like the score? 1 − LPIPS of both, drawn on one scale."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.alignment import Alignment, Conditional, Posterior, Unconditional
from offmanifold.measures.base import measures
from offmanifold.measures.directions import drawn, is_zero
from offmanifold.measures.lpips import perceptual_similarity
from offmanifold.measures.probe import Scene


class Perception(Alignment):
    """1 − LPIPS (Zhang et al. 2018, AlexNet) of gradient and score, each ÷ 3 times its root mean
    square, clipped to [−1, 1].

    It was learned on photographs and is not zero for what is unlike: the value means something
    beside its controls alone. A field of more than three channels is judged by the first three, one
    below 31 px enlarged to 64.
    """

    unit: ClassVar[str] = "1 − LPIPS"

    def scaled(self, v: Tensor) -> Tensor:
        """Return a field (n, c, h, w) on the scale on which it is looked at, in [−1, 1]."""
        return drawn(v)

    def similarity(self, scene: Scene, a: Tensor, b: Tensor) -> Tensor:
        assert scene.perceptual is not None
        found = perceptual_similarity(scene.perceptual, self.scaled(a), self.scaled(b))
        return found.masked_fill(is_zero(a) | is_zero(b), 0.0)


@measures.register("alignment.lpips_posterior")
@dataclass(frozen=True)
class LpipsPosterior(Perception, Posterior):
    """1 − LPIPS of ∇log p(y|x) and T = s_σ(x̃|y) − s_σ(x̃)."""

    title: ClassVar[str] = N_("Likeness to the posterior score (1 − LPIPS)")
    needs: ClassVar = Posterior.needs | {"lpips"}


@measures.register("alignment.lpips_conditional")
@dataclass(frozen=True)
class LpipsConditional(Perception, Conditional):
    """1 − LPIPS of ∇f_y and s_σ(x̃|y)."""

    title: ClassVar[str] = N_(
        "Likeness of the logit's gradient to the conditional score (1 − LPIPS)"
    )
    needs: ClassVar = Conditional.needs | {"lpips"}


@measures.register("alignment.lpips_unconditional")
@dataclass(frozen=True)
class LpipsUnconditional(Perception, Unconditional):
    """1 − LPIPS of ∇log Σ exp f and s_σ(x̃)."""

    title: ClassVar[str] = N_(
        "Likeness of logsumexp's gradient to the unconditional score (1 − LPIPS)"
    )
    needs: ClassVar = Unconditional.needs | {"lpips"}

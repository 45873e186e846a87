"""Does the gradient point where Bayes' rule says it must?"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.alignment import Alignment, Conditional, Posterior, Unconditional
from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import cosine
from offmanifold.measures.probe import Probe, Scene


class Cosine(Alignment):
    """cos(gradient, score): 1 in the same direction, 0 for unrelated ones."""

    def similarity(self, scene: Scene, a: Tensor, b: Tensor) -> Tensor:
        return cosine(a, b)


@measures.register("alignment.cosine_posterior")
@dataclass(frozen=True)
class CosinePosterior(Cosine, Posterior):
    """cos(∇log p(y|x), T), T = s_σ(x̃|y) − s_σ(x̃), mean over draws of x̃ = x + σz.

    T is a small difference of two large estimates, so the value is to be read beside its controls
    and its ceiling.
    """

    title: ClassVar[str] = N_("Cosine to the posterior score")


@measures.register("alignment.cosine_conditional")
@dataclass(frozen=True)
class CosineConditional(Cosine, Conditional):
    """cos(∇f_y, s_σ(x̃|y)); changes with any h(x) added to all logits."""

    title: ClassVar[str] = N_("Cosine of the logit's gradient to the conditional score")


@measures.register("alignment.cosine_unconditional")
@dataclass(frozen=True)
class CosineUnconditional(Cosine, Unconditional):
    """cos(∇log Σ exp f, s_σ(x̃)), nearly all normal to the manifold; changes with any h(x)."""

    title: ClassVar[str] = N_("Cosine of logsumexp's gradient to the unconditional score")


class CosineElsewhere(Measure):
    """The cosine with the posterior score at a multiple of σ, where the manifold may be asked."""

    better: ClassVar[str | None] = "higher"
    times: ClassVar[float]

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        sigma = self.times * probe.scene.settings.sigma
        target = probe.scene.score("posterior", sigma=sigma)
        return {self.name: cosine(probe.gradient(), target)}


@measures.register("alignment.cosine_posterior_half_sigma")
@dataclass(frozen=True)
class CosinePosteriorHalfSigma(CosineElsewhere):
    """The cosine with the target at σ/2."""

    title: ClassVar[str] = N_("Cosine to the posterior score at σ/2")
    needs: ClassVar = frozenset({"manifold", "labels", "posterior", "half_sigma"})
    times: ClassVar[float] = 0.5


@measures.register("alignment.cosine_posterior_double_sigma")
@dataclass(frozen=True)
class CosinePosteriorDoubleSigma(CosineElsewhere):
    """The cosine with the target at 2σ."""

    title: ClassVar[str] = N_("Cosine to the posterior score at 2σ")
    needs: ClassVar = frozenset({"manifold", "labels", "posterior", "double_sigma"})
    times: ClassVar[float] = 2

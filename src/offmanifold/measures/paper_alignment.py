"""Paper-compatible alignment: score at the clean image, σ = .25, as Srinivas et al. 2023 take it.

Their published panels hold Σ_c f_c against the unconditional score (PGD) and f_y against the
conditional one (gradient norm, noise). The score is asked where a denoiser was not trained, and
both gradients change with any h(x) added to all logits; for comparison with published numbers only.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.alignment import Conditional, Unconditional
from offmanifold.measures.base import measures
from offmanifold.measures.cosine import Cosine
from offmanifold.measures.directions import by_largest
from offmanifold.measures.lpips_similarity import Perception

SIGMA = 0.25


class PaperSum(Unconditional):
    """∇Σ_c f_c against s(x) at the clean x, σ = .25."""

    gradient: ClassVar[str | None] = "logit_sum"
    shares: ClassVar[str | None] = "logit_sum"
    clean: ClassVar[bool] = True
    sigma: ClassVar[float | None] = SIGMA


class PaperConditional(Conditional):
    """∇f_y against s(x|y) at the clean x, σ = .25."""

    clean: ClassVar[bool] = True
    sigma: ClassVar[float | None] = SIGMA


@measures.register("alignment.paper_sum_cosine")
@dataclass(frozen=True)
class PaperSumCosine(Cosine, PaperSum):
    """cos(∇Σ_c f_c, s(x)) at the clean x, σ = .25: the paper's pair, by its cosine."""

    title: ClassVar[str] = N_("Paper's pair for PGD, by its cosine")


@measures.register("alignment.paper_conditional_cosine")
@dataclass(frozen=True)
class PaperConditionalCosine(Cosine, PaperConditional):
    """cos(∇f_y, s(x|y)) at the clean x, σ = .25: the paper's pair, by its cosine."""

    title: ClassVar[str] = N_("Paper's pair for noise and gradient norm, by its cosine")


class PaperLikeness(Perception):
    """1 − LPIPS, each field ÷ its largest absolute value, at native size."""

    def scaled(self, v: Tensor) -> Tensor:
        return by_largest(v)


@measures.register("alignment.paper_sum")
@dataclass(frozen=True)
class PaperSumLpips(PaperLikeness, PaperSum):
    """1 − LPIPS of ∇Σ_c f_c and s(x) at the clean x, σ = .25: the paper's panel for PGD."""

    title: ClassVar[str] = N_("Paper's pair for PGD (1 − LPIPS)")
    needs: ClassVar = PaperSum.needs | {"lpips"}


@measures.register("alignment.paper_conditional")
@dataclass(frozen=True)
class PaperConditionalLpips(PaperLikeness, PaperConditional):
    """1 − LPIPS of ∇f_y and s(x|y) at the clean x, σ = .25: the paper's panels for gradient norm
    and noise."""

    title: ClassVar[str] = N_("Paper's pair for noise and gradient norm (1 − LPIPS)")
    needs: ClassVar = PaperConditional.needs | {"lpips"}

"""Alignment: how alike a named gradient and a named score are, beside all controls of it.

By Bayes' rule ∇log p_σ(y|x̃) is the difference of the conditional and the unconditional score. Read
as an energy (Grathwohl et al. 2020), a logit's partner is the conditional score and that of
logsumexp the unconditional one; both change when any h(x) is added to all logits, which leaves the
classifier as it is, so that only the first is a property of the classifier.
"""

from typing import ClassVar

import torch
from torch import Tensor

from offmanifold.measures.base import Measure
from offmanifold.measures.controls import FIELDS
from offmanifold.measures.directions import is_zero
from offmanifold.measures.probe import At, Kind, Probe, Scene

OTHERS: dict[Kind, tuple[At, ...]] = {
    "posterior": ("wrong_class", "wrong_image"),
    "conditional": ("wrong_class", "wrong_image"),
    "unconditional": ("wrong_image",),
}
"""Targets that belong to another class or image, as far as the score has any."""


class Alignment(Measure):
    """Similarity of a gradient and a score, mean over draws of x̃ = x + σz.

    gradient: name of the scalar, None for the one that is audited. score: posterior, conditional or
    unconditional. clean: score at the clean image, at `sigma`, as the paper takes it. Columns:
    controls that are fields (white noise, noise with the image's spectrum, the image, class mean −
    image), networks (shuffled weights, mean of 3; trained on permuted labels) and targets (of
    another class, and at an image of another class); the ceiling is the similarity of the scores of
    two manifolds, above which no gradient can be expected to come.
    """

    better: ClassVar[str | None] = "higher"
    gradient: ClassVar[str | None] = None
    score: ClassVar[Kind] = "posterior"
    clean: ClassVar[bool] = False
    sigma: ClassVar[float | None] = None

    def similarity(self, scene: Scene, a: Tensor, b: Tensor) -> Tensor:
        """Return how alike fields (n, c, h, w) are, (n,)."""
        raise NotImplementedError

    def target(self, scene: Scene, at: At = "own", *, second: bool = False) -> Tensor:
        """Return the score that the gradient is held against; see `Scene.score`."""
        return scene.score(self.score, at=at, sigma=self.sigma, second=second, clean=self.clean)

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        scene, gradient = probe.scene, probe.gradient(self.gradient)
        target = self.target(scene)
        controls = dict(scene.memo.once(self.name, lambda: self._shared(scene, target)))
        for at in OTHERS[self.score]:
            controls[at] = self.similarity(scene, gradient, self.target(scene, at))
        for name, networks in probe.controls().items():
            each = [self.similarity(scene, p.gradient(self.gradient), target) for p in networks]
            controls[name] = torch.stack(each).mean(0)
        return {
            self.name: self.similarity(scene, gradient, target),
            **{f"{self.name}/{control}": values for control, values in controls.items()},
            f"{self.name}/is_zero": is_zero(gradient).float(),
        }

    def _shared(self, scene: Scene, target: Tensor) -> dict[str, Tensor]:
        """Return what is the same for every model: fields, and the ceiling."""
        fields = {name: field(scene) for name, field in FIELDS.items()}
        found = {n: self.similarity(scene, v, target) for n, v in fields.items() if v is not None}
        if scene.second_scores:
            found["ceiling"] = self.similarity(scene, target, self.target(scene, second=True))
        return found


class Posterior(Alignment):
    """The audited gradient against s(x̃|y) − s(x̃)."""

    needs: ClassVar = frozenset({"manifold", "labels", "posterior"})
    cost: ClassVar[float] = 8
    shares: ClassVar[str | None] = "audited gradient"


class Conditional(Alignment):
    """∇f_y against s(x̃|y)."""

    needs: ClassVar = frozenset({"manifold", "labels", "posterior", "own_gradient", "explain"})
    gradient: ClassVar[str | None] = "logit"
    score: ClassVar[Kind] = "conditional"
    cost: ClassVar[float] = 8
    shares: ClassVar[str | None] = "logit"


class Unconditional(Alignment):
    """∇log Σ exp f against s(x̃)."""

    needs: ClassVar = frozenset({"manifold", "score", "own_gradient", "explain"})
    gradient: ClassVar[str | None] = "logsumexp"
    score: ClassVar[Kind] = "unconditional"
    cost: ClassVar[float] = 8
    shares: ClassVar[str | None] = "logsumexp"

"""Does the gradient point where Bayes' rule says it must?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import cosine, is_zero
from offmanifold.probe import Probe


@measures.register("alignment.cosine_posterior")
@dataclass(frozen=True)
class CosinePosterior(Measure):
    """cos(∇log p(y|x), T), T = s_σ(x̃|y) − s_σ(x̃), mean over draws of x̃ = x + σz.

    By Bayes' rule T is what ∇log p_σ(y|x̃) equals. T is a small difference of two large estimates,
    so the value is to be read beside its controls: white noise, the image, class mean − image, the
    same network with shuffled weights (mean of 3), and the target of another class.
    """

    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = "Cosine to the posterior score"
    title_ja: ClassVar[str] = "事後スコアとのコサイン類似度"
    needs: ClassVar = frozenset({"manifold", "labels", "posterior"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        scene = probe.scene
        target, gradient = scene.score("posterior"), probe.gradient()

        def shared() -> dict[str, Tensor]:
            assert scene.class_means is not None
            return {
                "white_noise": cosine(scene.noise("white"), target),
                "image": cosine(scene.x, target),
                "class_mean": cosine(scene.class_means[probe.y] - scene.x, target),
            }

        controls = dict(scene.memo.once(self.name, shared))
        controls["wrong_class"] = cosine(gradient, scene.score("posterior_wrong_class"))
        untrained = [cosine(p.gradient(), target) for p in probe.untrained()]
        if untrained:
            controls["untrained"] = torch.stack(untrained).mean(0)
        return {
            self.name: cosine(gradient, target),
            **{f"{self.name}/{control}": values for control, values in controls.items()},
            f"{self.name}/is_zero": is_zero(gradient).float(),
        }

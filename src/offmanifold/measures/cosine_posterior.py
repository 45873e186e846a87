"""Does the gradient point where Bayes' rule says it must?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import cosine, is_zero, spectrum_noise
from offmanifold.probe import Probe


@measures.register("alignment.cosine_posterior")
@dataclass(frozen=True)
class CosinePosterior(Measure):
    """cos(∇log p(y|x), T), T = s_σ(x̃|y) − s_σ(x̃), mean over draws of x̃ = x + σz.

    By Bayes' rule T is what ∇log p_σ(y|x̃) equals. T is a small difference of two large estimates,
    so the value is to be read beside its controls: white noise, noise with the image's own
    spectrum, the image, class mean − image, the same network with shuffled weights (mean of 3), one
    trained on permuted labels, the target of another class, and that at an image of another class.
    ceiling: the cosine between the targets of two manifolds; no gradient can be expected above it.
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
            white = scene.noise("white")
            found = {
                "white_noise": cosine(white, target),
                "spectrum_noise": cosine(spectrum_noise(scene.x, white), target),
                "image": cosine(scene.x, target),
                "class_mean": cosine(scene.class_means[probe.y] - scene.x, target),
            }
            if scene.second_scores:
                found["ceiling"] = cosine(target, scene.posterior(second=True))
            return found

        controls = dict(scene.memo.once(self.name, shared))
        controls["wrong_class"] = cosine(gradient, scene.score("posterior_wrong_class"))
        controls["wrong_image"] = cosine(gradient, scene.posterior(at=scene.partner))
        for name, networks in probe.controls().items():
            each = [cosine(p.gradient(), target) for p in networks]
            controls[name] = torch.stack(each).mean(0)
        return {
            self.name: cosine(gradient, target),
            **{f"{self.name}/{control}": values for control, values in controls.items()},
            f"{self.name}/is_zero": is_zero(gradient).float(),
        }


class CosineElsewhere(Measure):
    """The same cosine with the target at a multiple of σ, where the manifold may be asked there."""

    better: ClassVar[str | None] = "higher"
    times: ClassVar[float]

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        sigma = self.times * probe.scene.settings.sigma
        return {self.name: cosine(probe.gradient(), probe.scene.posterior(sigma=sigma))}


@measures.register("alignment.cosine_posterior_half_sigma")
@dataclass(frozen=True)
class CosinePosteriorHalfSigma(CosineElsewhere):
    """The cosine with the target at σ/2."""

    title: ClassVar[str] = "Cosine to the posterior score at σ/2"
    title_ja: ClassVar[str] = "σ/2での事後スコアとのコサイン類似度"
    needs: ClassVar = frozenset({"manifold", "labels", "posterior", "half_sigma"})
    times: ClassVar[float] = 0.5


@measures.register("alignment.cosine_posterior_double_sigma")
@dataclass(frozen=True)
class CosinePosteriorDoubleSigma(CosineElsewhere):
    """The cosine with the target at 2σ."""

    title: ClassVar[str] = "Cosine to the posterior score at 2σ"
    title_ja: ClassVar[str] = "2σでの事後スコアとのコサイン類似度"
    needs: ClassVar = frozenset({"manifold", "labels", "posterior", "double_sigma"})
    times: ClassVar[float] = 2

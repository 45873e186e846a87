"""Does the gradient look like what Bayes' rule says it must be?"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from offmanifold.measures.base import Measure, measures
from offmanifold.measures.directions import drawn, is_zero, spectrum_noise
from offmanifold.perceptual import perceptual_similarity
from offmanifold.probe import Probe


def likeness(network: nn.Module, u: Tensor, v: Tensor) -> Tensor:
    """Return 1 − LPIPS of each pair of fields as `drawn`, (n,); 0 where one has no direction."""
    blank = is_zero(u) | is_zero(v)
    return perceptual_similarity(network, drawn(u), drawn(v)).masked_fill(blank, 0)


@measures.register("alignment.lpips_posterior")
@dataclass(frozen=True)
class LpipsPosterior(Measure):
    """1 − LPIPS(∇log p(y|x), T), T = s_σ(x̃|y) − s_σ(x̃), mean over draws of x̃ = x + σz.

    Both as drawn: divided by three times their own root mean square, and clipped to [−1, 1]. LPIPS
    (Zhang et al. 2018, AlexNet) was learned on photographs and is not zero for what is unlike: the
    value means something beside its controls alone, which are those of the cosine. A field of more
    than three channels is judged by the first three, one below 31 px enlarged to 64. A zero or
    non-finite gradient counts as 0.
    """

    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = "Likeness to the posterior score (1 − LPIPS)"
    title_ja: ClassVar[str] = "事後スコアとの知覚的類似度（1 − LPIPS）"
    needs: ClassVar = frozenset({"manifold", "labels", "posterior", "lpips"})

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        scene, network = probe.scene, probe.scene.perceptual
        assert network is not None
        target, gradient = scene.score("posterior"), probe.gradient()

        def shared() -> dict[str, Tensor]:
            assert scene.class_means is not None
            white = scene.noise("white")
            found = {
                "white_noise": likeness(network, white, target),
                "spectrum_noise": likeness(network, spectrum_noise(scene.x, white), target),
                "image": likeness(network, scene.x, target),
                "class_mean": likeness(network, scene.class_means[probe.y] - scene.x, target),
            }
            if scene.second_scores:
                found["ceiling"] = likeness(network, target, scene.posterior(second=True))
            return found

        controls = dict(scene.memo.once(self.name, shared))
        wrong_class = scene.score("posterior_wrong_class")
        controls["wrong_class"] = likeness(network, gradient, wrong_class)
        wrong_image = scene.posterior(at=scene.partner)
        controls["wrong_image"] = likeness(network, gradient, wrong_image)
        for name, networks in probe.controls().items():
            each = [likeness(network, p.gradient(), target) for p in networks]
            controls[name] = torch.stack(each).mean(0)
        return {
            self.name: likeness(network, gradient, target),
            **{f"{self.name}/{control}": values for control, values in controls.items()},
            f"{self.name}/is_zero": is_zero(gradient).float(),
        }

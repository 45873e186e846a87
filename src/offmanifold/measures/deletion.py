"""Do gradients rank pixels by what matters to the classifier? Delete them in order, and see."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from offmanifold._core.reasons import N_
from offmanifold.measures.base import Curve, Measure, measures
from offmanifold.measures.directions import is_zero, pixel_energy
from offmanifold.measures.probe import Probe

SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)
ORDERS = ("most", "least")  # most relevant first (MoRF), least relevant first (LeRF)


def ranks(energy: Tensor, order: str) -> Tensor:
    """Return each pixel's place (n, h, w) in an order of their energy.

    Equal pixels keep their places in both orders, so that a field of zeros has a gap of 0.
    """
    first = energy.flatten(1).argsort(dim=1, descending=order == "most", stable=True)
    return first.argsort(1).view_as(energy)


def deleted(x: Tensor, mean: Tensor, rank: Tensor, share: float) -> Tensor:
    """Return x (n, c, h, w), the first share of its pixels (one at least) those of the mean image.

    mean: (c, h, w); rank: (n, h, w).
    """
    count = max(1, round(share * rank[0].numel()))
    return torch.where((rank < count)[:, None], mean, x)


def probabilities(probe: Probe, field: Tensor) -> Tensor:
    """Return p of the class given to x, pixels deleted by a field: (orders, SHARES, n).

    field: (n, c, h, w). At the fitted temperature; 2n images at a time are classified.
    """
    mean, given = probe.scene.mean, probe.logits.argmax(1)
    assert mean is not None
    by_order = [ranks(pixel_energy(field), order) for order in ORDERS]

    def at(share: float) -> Tensor:
        x = torch.cat([deleted(probe.x, mean, rank, share) for rank in by_order])
        p = (probe.classify(x) / probe.temperature).softmax(1)
        return p.gather(1, given.repeat(len(ORDERS))[:, None]).view(len(ORDERS), -1)

    return torch.stack([at(share) for share in SHARES], 1)


def gap(p: Tensor) -> Tensor:
    """Return the mean over shares (n,) of p under LeRF − p under MoRF."""
    most, least = p
    return (least - most).mean(0)


def _column(order: str, share: float) -> str:
    return f"deletion.{order}@{share:g}"


def _curve(order: str, title: str) -> Curve:
    columns = tuple(_column(order, share) for share in SHARES)
    return Curve(SHARES, "share of pixels", columns, title)


@measures.register("deletion.gap")
@dataclass(frozen=True)
class DeletionGap(Measure):
    """Mean over shares of p(LeRF) − p(MoRF), p that of the class given. Samek et al. 2017.

    Pixels (all their channels) are ordered by the gradient's energy, and the first share of them
    replaced by the mean of the training images. 0: no better than a random order. Controls order
    the same pixels of the same classifier: by white noise, by |x − mean|², which the replacement
    changes most, by the gradient of one network with shuffled weights (of the three, since each
    costs ten passes), and by that of one trained on permuted labels, for 12 passes more.
    """

    unit: ClassVar[str] = "probability"
    better: ClassVar[str | None] = "higher"
    title: ClassVar[str] = N_("Deletion of pixels: least − most relevant first")
    needs: ClassVar = frozenset({"explain"})
    cost: ClassVar[float] = 42

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        scene, gradient = probe.scene, probe.gradient()
        assert scene.mean is not None
        fields = {"white_noise": scene.noise("white"), "deviation": scene.x - scene.mean}
        fields |= {name: networks[0].gradient() for name, networks in probe.controls().items()}
        own = probabilities(probe, gradient)
        return {
            self.name: gap(own),
            **{f"{self.name}/{k}": gap(probabilities(probe, v)) for k, v in fields.items()},
            f"{self.name}/is_zero": is_zero(gradient).float(),
            **{
                _column(order, share): p
                for order, each in zip(ORDERS, own, strict=True)
                for share, p in zip(SHARES, each, strict=True)
            },
        }

    def curves(self, step: float) -> dict[str, Curve]:
        return {
            "deletion.most": _curve(
                "most",
                N_("Probability, most relevant pixels deleted first"),
            ),
            "deletion.least": _curve(
                "least",
                N_("Probability, least relevant pixels deleted first"),
            ),
        }

"""What randomised smoothing proves: a lower bound, for the smoothed classifier alone."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise
from offmanifold._core.reasons import N_
from offmanifold._core.statistics import Columns, proportion
from offmanifold.attacks.certification import Certificates, certify, radius_cap
from offmanifold.measures.base import Curve, Measure, measures
from offmanifold.measures.probe import Probe

POINTS = 9  # of the curve: eight steps from 0 to the largest radius that can be certified
RADII, RIGHT = "accuracy.certified@radii", "accuracy.certified@right"


def certificates(probe: Probe) -> Certificates:
    """Return the certificates of the probe's images at the audit's σ, draws and α, made once."""
    settings, sigma = probe.scene.settings, _sigma(probe)
    noise = ImageNoise(probe.index, seed=settings.seed, name="certify")
    return probe.memo.once(
        "certificates",
        lambda: certify(
            probe.model,
            probe.x,
            sigma,
            n0=settings.certify_choice,
            n=settings.certify_draws,
            alpha=settings.certify_alpha,
            generator=noise,
        ),
    )


def _sigma(probe: Probe) -> float:
    """Return σ of the smoothed classifier; raises InputError where the settings give none."""
    sigma = probe.scene.settings.certify
    if sigma is None:
        raise InputError("certificates need the σ of the smoothed classifier; set `certify`")
    return sigma


def right(probe: Probe) -> Tensor:
    """Return (n,) whether the smoothed classifier gives the label; abstention is wrong."""
    return certificates(probe).prediction == probe.y.cpu()


def radii(probe: Probe) -> Tensor:
    """Return (n,) float64 certified l2 norms, 0 where the smoothed classifier is not right."""
    return certificates(probe).radius * right(probe)


@dataclass(frozen=True)
class _Curve(Curve):
    """Shares certified at radii that the columns hold, since they depend on the audit's σ."""

    def reduce(self, columns: Columns, n: int) -> dict[str, Any]:
        at: np.ndarray = columns[RADII][0]
        held: np.ndarray = columns[RIGHT].sum(0)
        return {
            "x": at.tolist(),
            "x_unit": self.x_unit,
            "title": self.title,
            "points": [proportion(float(h), n, unit="share").json() for h in held],
        }


class _Certified(Measure):
    better: ClassVar[str | None] = "higher"
    needs: ClassVar = frozenset({"labels", "certify"})


@measures.register("accuracy.certified")
@dataclass(frozen=True)
class CertifiedAccuracy(_Certified):
    """Share of images that the smoothed classifier gets right, certified at the audit's eps.

    A lower bound of what any attack in that l2 ball leaves right, at a confidence of 1 − α an
    image. It holds for the smoothed classifier, whose accuracy without an attack is its own
    (`accuracy.smoothed`), not for the classifier that is audited. It is 0 where eps is above the
    largest radius that the draws can certify. Cohen et al. 2019.
    """

    unit: ClassVar[str] = "share"
    title: ClassVar[str] = N_("Certified accuracy of the smoothed classifier (l2)")
    cost: ClassVar[float] = 1100
    method: ClassVar[str] = "wilson"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        settings, radius = probe.scene.settings, radii(probe)
        cap = radius_cap(_sigma(probe), settings.certify_draws, settings.certify_alpha)
        at = torch.linspace(0, 1, POINTS, dtype=torch.float64) * cap
        reached = right(probe)[:, None] & (radius[:, None] >= at * (1 - 1e-9))
        return {
            self.name: (right(probe) & (radius >= settings.eps)).float(),
            RADII: at.expand(len(radius), -1),
            RIGHT: reached.float(),
        }

    def curves(self, step: float) -> dict[str, Curve]:
        return {
            self.name: _Curve(
                x=(),
                x_unit="l2 norm per image, pixels in [0,1]",
                columns=(RADII, RIGHT),
                title=N_("Certified accuracy by radius"),
            )
        }


@measures.register("accuracy.smoothed")
@dataclass(frozen=True)
class SmoothedAccuracy(_Certified):
    """Share of images that the smoothed classifier gets right; an abstention is wrong."""

    unit: ClassVar[str] = "share"
    title: ClassVar[str] = N_("Accuracy of the smoothed classifier")
    method: ClassVar[str] = "wilson"

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {self.name: right(probe).float()}


@measures.register("robustness.certified_radius")
@dataclass(frozen=True)
class CertifiedRadius(_Certified):
    """Average certified radius (ACR), 0 where wrong or abstained. Zhai et al. 2020."""

    unit: ClassVar[str] = "l2 norm per image, pixels in [0,1]"
    title: ClassVar[str] = N_("Average certified radius")

    def columns(self, probe: Probe) -> dict[str, Tensor]:
        return {self.name: radii(probe).float()}

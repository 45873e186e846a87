"""What an audit will measure, on which images, with which settings; and why not the rest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.extras import import_extra
from offmanifold._core.frozen import frozen
from offmanifold._core.reasons import Reason
from offmanifold._core.statistics import proportion
from offmanifold.audits.config import AuditConfig
from offmanifold.audits.regime import CHANCE_MARGIN
from offmanifold.data.radius import default_eps
from offmanifold.data.types import Data, Split
from offmanifold.gradients.attributions import NAME as ATTRIBUTIONS
from offmanifold.gradients.attributions import Attributions
from offmanifold.gradients.variants import VARIANTS
from offmanifold.manifolds.gates import PREFERRED, may_ask
from offmanifold.measures import Measure, measures
from offmanifold.measures.lpips import NO_WEIGHTS, find_weights, lpips_lacks
from offmanifold.measures.probe import Scene, Settings, has_scores, projects
from offmanifold.models import Loaded

EIGENVECTORS = 10**9  # numbers of all hard projectors of an audit; see results/manifold-large
RANDOMISED_IMAGES = 500  # on which a control of permuted labels is judged
SMALL_PIXELS, SMALL_PARAMETERS = 4096, 2_000_000  # below both, 500 images cost little
LACKS = (
    "labels",
    "masks",
    "manifold",
    "score",
    "posterior",
    "pooling",
    "thorough",
    "explain",
    "own_gradient",
    "certify",
    "second",
    "second_scores",
    "randomised",
    "half_sigma",
    "double_sigma",
    "lpips",
)
ASKED = ("thorough", "explain", "certify")
OPTIONAL = {
    "alignment.cosine_posterior/ceiling": ("posterior", "second_scores"),
    "alignment.cosine_posterior/label_randomised": ("posterior", "randomised"),
}
NO_IMAGE, ZERO = Reason("missing.no_image"), Reason("missing.zero_denominator")
"""LACKS: what measures need, in the order in which the lacking is told; lpips last, looked for
where nothing else is lacking. ASKED: those of the needs that are settings, met where the setting is
given. OPTIONAL: parts of measures that need more than these, the last told as lacking.
"""


@dataclass(frozen=True)
class Plan:
    """What will be measured on which images, and why the rest will not.

    lpips: the file of LPIPS's weights, where a measure uses it. attributions: a user's own
    explanation, where that is judged.
    """

    part: str
    images: Split
    running: list[Measure]
    reasons: dict[str, Reason]
    has: set[str]
    settings: Settings
    independent: bool
    lpips: Path | None = None
    attributions: Attributions | None = None


def plan(
    config: AuditConfig,
    models: Sequence[Loaded],
    data: Data,
    manifold: Any = None,
    second: Any = None,
    label_randomised: Loaded | None = None,
    attributions: Attributions | None = None,
) -> Plan:
    """Return what an audit of these models will measure; what it will not, with the reason.

    Raises InputError where a model was trained with the manifold that judges it (unless
    `allow_dependent`), or the gradient asked for cannot be taken.
    """
    independent = check_gradient(config.gradient, manifold, second) and all(
        check_independence(models, judge, config.allow_dependent) for judge in (manifold, second)
    )
    part, images = judged(models, data, manifold, config.split)
    attributions = _own(config, attributions, images, models)
    largest = max(m.card.parameters for m in models)
    limit = default_limit(data, largest, manifold) if config.limit is None else config.limit
    limit = min(limit, max(20, limit // 4)) if config.fast else limit
    images = images.subset(limit, config.seed)
    settings = settings_of(config, data, manifold)
    wanted = [measures[name]() for name in (config.only or list(measures))]
    scene = Scene(images.read(images.rows[:1]), images, manifold, None, settings, second)
    has = _capabilities(scene) | ({"randomised"} if label_randomised is not None else set())
    has |= {need for need in ASKED if getattr(settings, need)}
    has |= set() if settings.gradient in VARIANTS else {"own_gradient"}
    without, weights = None, find_weights(config.lpips)
    if any("lpips" in m.needs and m.needs <= has | {"lpips"} for m in wanted):
        without = lpips_lacks(weights)
        has |= set() if without else {"lpips"}
    lacks = {
        m.name: next((need for need in LACKS if need in m.needs and need not in has), None)
        for m in wanted
    }
    reasons = {name: _lacking(lack, without) for name, lack in lacks.items() if lack is not None}
    running = [m for m in wanted if lacks[m.name] is None]
    measured = {m.name for m in running}
    for name, (first, last) in OPTIONAL.items():
        if name.split("/")[0] in measured and first in has and last not in has:
            reasons[name] = _lacking(last, without)
    used = weights if "lpips" in has else None
    return Plan(part, images, running, reasons, has, settings, independent, used, attributions)


def _own(
    config: AuditConfig, given: Attributions | None, images: Split, models: Sequence[Loaded]
) -> Attributions | None:
    """Return a user's own explanation for these images; refused where it does not fit them."""
    if (config.gradient == ATTRIBUTIONS) != (given is not None):
        raise InputError(
            f"the gradient `{ATTRIBUTIONS}` is that of `attributions`; give both, or neither"
        )
    if given is not None and given.maps is not None and len(models) > 1:
        raise InputError("maps of `attributions` are of one model; audit each with its own")
    return None if given is None else given.judging(images.rows)


def _lacking(need: str, lpips: Reason | None) -> Reason:
    """Return the reason for what a need lacks; lpips: what LPIPS does, if that was looked for."""
    return (lpips or NO_WEIGHTS) if need == "lpips" else Reason(f"lacks.{need}")


def judged(
    models: Sequence[Loaded], data: Data, manifold: Any, split: str = "test"
) -> tuple[str, Split]:
    """Return "val" and its images if they are asked for; else "test" and its images, or "all".

    All images are judged where we divided them ourselves, and neither a manifold nor a model was
    made on any of them, as far as is known: a bare module may have been.
    """
    if split == "val":
        if not len(data.val):
            raise InputError(f"{data.info.get('spec')} has no validation images: give `split` test")
        return "val", data.val
    foreign = all(m.card.config.keys() == {"spec", "weights_hash"} for m in models)
    if manifold is not None or not foreign or not data.info.get("divided"):
        return "test", data.test
    rows = np.concatenate([part.rows for part in (data.train, data.val, data.test)])
    return "all", Split(data.test.source, np.sort(rows), data.classes)


def _capabilities(scene: Scene) -> set[str]:
    images, manifold = scene.split, scene.manifold
    has = set()
    if images.labels is not None:
        has.add("labels")
    if scene.batch.mask is not None:
        has.add("masks")
    if manifold is None or not manifold.card.usable:
        return has
    card, sigma = manifold.card, scene.settings.sigma
    has.add("manifold")
    if images.classes is not None and card.classes == images.classes:
        has.add("posterior")
    if card.pooling > 1:
        has.add("pooling")
    for name, times in (("half_sigma", 0.5), ("double_sigma", 2)):
        if may_ask(card, times * sigma):
            has.add(name)
    if has_scores(manifold):
        has.add("score")
    if scene.second is not None and scene.second.card.usable:
        has.add("second")
        if scene.second_scores:
            has.add("second_scores")
    return has


def settings_of(config: AuditConfig, data: Data, manifold: Any) -> Settings:
    """Return the settings of an audit, those that were left open by the size of the images."""
    chosen = None if manifold is None else manifold.card.sigma
    eps = default_eps(data.shape, data.info.get("eps")) if config.eps is None else config.eps
    return Settings(
        seed=config.seed,
        gradient=config.gradient,
        eps=eps,
        reference_step=0.0476 * math.sqrt(math.prod(data.shape)),
        sigma=PREFERRED if chosen is None else chosen,
        thorough=config.thorough,
        explain=config.explain,
        certify=config.certify,
        precision=config.precision,
    )


def default_limit(data: Data, parameters: int, manifold: Any = None) -> int:
    """Return how many images an audit sees by default.

    Fewer of large images on manifolds of many dimensions, whose hard projectors take most of the
    time.
    """
    small = math.prod(data.shape) <= SMALL_PIXELS and parameters <= SMALL_PARAMETERS
    most = 500 if small else 200
    if manifold is None or not manifold.card.usable:
        return most
    pixels = math.prod(data.shape) / manifold.card.pooling**2
    return min(most, max(20, int(EIGENVECTORS / (pixels * manifold.card.dimension))))


def check_gradient(gradient: str, manifold: Any, second: Any) -> bool:
    """Return whether a gradient owes nothing to the manifold that judges it.

    Raises InputError for one that cannot be taken: without captum, or without a denoiser.
    """
    if gradient == "integrated_gradients":
        import_extra("captum.attr", "integrated gradients")
    if gradient != "projected" or projects(second):
        return True
    if not projects(manifold):
        raise InputError(
            "the projected gradient goes through a denoiser, and there is none that is usable; fit "
            "one with offmanifold fit-manifold"
        )
    return False


@torch.no_grad()
def check_randomised(module: nn.Module, label: str, val: Split, device: torch.device) -> None:
    """Raise InputError for a network that knows the labels: no control that knows but the images.

    module: whose outputs are the classes of the data. What tells is its accuracy on at most
    RANDOMISED_IMAGES validation images, whatever its run says of itself.
    """
    seen = val.subset(RANDOMISED_IMAGES)
    if seen.labels is None or not len(seen):
        return
    with frozen(module):
        right = sum(
            int((module(b.x.to(device)).argmax(1).cpu() == b.y).sum())
            for b in seen.batches(seen.comfortable_batch)
        )
    accuracy = proportion(right, len(seen))
    if accuracy.above(np.bincount(seen.labels).max() / len(seen) + CHANCE_MARGIN):
        raise InputError(
            f"{label} (`label_randomised`) is right on {100 * right / len(seen):.1f} % of "
            f"{len(seen)} validation images, far above chance: it was trained on their true "
            "labels, and as a control it wants permuted ones (offmanifold train --data "
            "random-labels:DATA)"
        )


def check_independence(models: Sequence[Loaded], manifold: Any, allow_dependent: bool) -> bool:
    """Return whether no model was trained with the manifold that judges it; else refuse.

    Raises InputError unless `allow_dependent`: no coach is judge.
    """
    if manifold is None:
        return True
    trained = [m.card.label for m in models if m.card.manifold == manifold.card.hash]
    if trained and not allow_dependent:
        raise InputError(
            f"{trained[0]} was trained with this very manifold, which therefore cannot judge it; "
            "fit another with another `seed`, or force it with `allow_dependent`"
        )
    return not trained

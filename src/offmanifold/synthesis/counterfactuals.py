"""The smallest change of an image that changes the decision, and the map of what changed."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.precision import in_float32
from offmanifold._core.progress import Bar
from offmanifold.data.checks import check_given
from offmanifold.manifolds import Manifold
from offmanifold.synthesis.ascent import SILENT, Ascent, ascend
from offmanifold.synthesis.filling import checked_classes, device_of, likely, predicted, value_of
from offmanifold.synthesis.guides import Projected
from offmanifold.synthesis.inputs import check_manifold_takes
from offmanifold.synthesis.result import Synthesis, change_norms, in_8_bits
from offmanifold.synthesis.shapes import Classes, Images, Index

STEP = 0.02  # l2 norm of a first step, in √d
AGAIN = 20  # steps of a climb in a ball, which begins where another ended
HALVINGS = 12  # of the way back to the image
FURTHER = (1.0, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5)  # of a change, where rounding turns it back


@dataclass(frozen=True)
class Counterfactuals(Synthesis):
    """Changed images; `start` are the images as they were, `norms` the sizes of the changes.

    found: (n,) bool, whether the decision is the class asked for, y.
    """

    found: Tensor

    @property
    def change(self) -> Tensor:
        """What changed, (n, c, h, w): images − start."""
        return self.images - self.start


@in_float32()
def counterfactual(
    model: nn.Module,
    x: Images,
    y: Classes,
    how: Ascent | None = None,
    *,
    manifold: Manifold | None = None,
    rounds: int = 8,
    index: Index | None = None,
    bar: Bar = SILENT,
) -> Counterfactuals:
    """Return the images nearest to x (n, c, h, w), in l2, that the classifier decides to be y (n,).

    First the margin of y is climbed without a ball until it is above 0 and the way back to x halved
    until the decision turns; then, `rounds` times, the same in a ball between the largest radius
    that failed and the smallest that succeeded. With a manifold every step goes along it (J̄g), so
    that the change is one that images can undergo. how: steps of each climb (`steps`, `step_size`);
    its objective, ball and `until` are set here. An image that already is y stays as it is. For a
    linear classifier the change tends to |margin| ÷ ‖w_y − w_c‖, the distance to the boundary.
    Raises InputError for classes out of range, or a manifold without tangent spaces.
    """
    if rounds < 0:
        raise InputError(f"a counterfactual needs 0 rounds or more, not {rounds}")
    check_given(x)
    x = x.to(device_of(model))
    y = checked_classes(model, x, y)
    index = torch.arange(len(x)) if index is None else index
    size = STEP * x[0].numel() ** 0.5 if len(x) else 1.0
    how = Ascent(steps=60) if how is None else how
    how = replace(
        how,
        objective="margin",
        eps=None,
        step_size=how.step_size or size,
        until=1e-6,
        precision="fp32",
    )
    if manifold is not None:
        check_manifold_takes(manifold, x)
    guide = None if manifold is None else Projected(manifold)
    taken = torch.zeros(len(x), dtype=torch.long)

    def climb(
        rows: Tensor, begin: Tensor, radii: Tensor | None, how: Ascent
    ) -> tuple[Tensor, Tensor]:
        """Return images (m, c, h, w) that are y, or the last ones, and whether they are."""
        climbed = ascend(
            model,
            x[rows],
            y[rows],
            how,
            index=index[rows],
            begin=begin,
            radii=radii,
            guide=guide,
            bar=bar,
        )
        taken[rows] += climbed.steps
        found = climbed.objective > 0
        return torch.where(
            found[:, None, None, None],
            _nearest(model, x[rows], climbed.images, y[rows]),
            climbed.images,
        ), found

    everything = torch.arange(len(x))
    images, found = climb(everything, x, None, how)
    again = replace(how, steps=min(how.steps, AGAIN))
    failed, reached = torch.zeros(len(x)).to(x), change_norms(images, x)
    for _ in range(rounds):
        rows = (found & (reached > 0)).nonzero().flatten().cpu()
        if not len(rows):
            bar.advance(again.steps)
            continue
        radii = (failed[rows] + reached[rows]) / 2
        share = (radii / reached[rows]).clamp(max=1)[:, None, None, None]
        tried, nearer = climb(rows, x[rows] + share * (images[rows] - x[rows]), radii, again)
        better = nearer & (change_norms(tried, x[rows]) < reached[rows])
        images[rows] = torch.where(better[:, None, None, None], tried, images[rows])
        failed[rows] = torch.where(better, failed[rows], radii)
        reached = change_norms(images, x)
    return Counterfactuals(
        images=images,
        start=x,
        y=y,
        objective=value_of(model, images, y, "margin"),
        norms=reached,
        steps=taken,
        found=predicted(model, images) == y,
    )


@in_float32()
def as_written(model: nn.Module, found: Counterfactuals) -> Counterfactuals:
    """Return the same in 8 bits, as files hold them, with the numbers of those.

    A decision that has only just turned may turn back when pixels are rounded. Such a change is
    made a little larger (at most half as much again), and not found where that does not do.
    """
    x, change = found.start, found.change
    images, objective = in_8_bits(found.images), found.objective
    turned = torch.zeros_like(found.found)
    for t in FURTHER:
        at = in_8_bits(x + t * change)
        margin = value_of(model, at, found.y, "margin")
        better = ~turned & found.found & (margin > 0) if t > 1 else torch.ones_like(turned)
        images = torch.where(better[:, None, None, None], at, images)
        objective = torch.where(better, margin, objective)
        turned |= found.found & (margin > 0)
    images = torch.where((found.norms == 0)[:, None, None, None], x, images)
    return replace(
        found,
        images=images,
        objective=objective,
        norms=change_norms(images, x),
        found=turned,
    )


def _nearest(model: nn.Module, x: Tensor, moved: Tensor, y: Tensor) -> Tensor:
    """Return the points on the way from x to moved where the decision turns to y."""
    low, high = torch.zeros_like(x[:, 0, 0, 0]), torch.ones_like(x[:, 0, 0, 0])
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        at = x + middle[:, None, None, None] * (moved - x)
        turned = value_of(model, at, y, "margin") > 0
        low, high = torch.where(turned, low, middle), torch.where(turned, middle, high)
    nearest = x + high[:, None, None, None] * (moved - x)
    return torch.where((high < 1)[:, None, None, None], nearest, moved)


def second_best(model: nn.Module, x: Images) -> Classes:
    """Return the class of the second largest logit of each image, (n,)."""
    check_given(x)
    return likely(model, x, 2)[:, 1]

"""Images of a class asked for."""

import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.precision import in_float32
from offmanifold._core.progress import Bar
from offmanifold.manifolds import Manifold
from offmanifold.synthesis.ascent import SILENT
from offmanifold.synthesis.constraints import Box
from offmanifold.synthesis.filling import fill
from offmanifold.synthesis.inputs import check_classes
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.seeds import ClassGaussians
from offmanifold.synthesis.shapes import Classes, Index

RADIUS = 0.285  # of the ball, in √d: 8 for 28×28
VARIETY = 0.35  # on digits: 88 % of the distances of real images, and 99 % of the right class
GUIDANCE = 6.0  # robust classifiers are modest: at 1 a third of digits' images miss their class


@in_float32()
def generate(
    model: nn.Module,
    y: Classes,
    seeds: ClassGaussians | None = None,
    method: Method | None = None,
    *,
    manifold: Manifold | None = None,
    index: Index | None = None,
    bar: Bar = SILENT,
) -> Synthesis:
    """Return images (n, c, h, w) of classes y (n,), one a class and index.

    By ascent (Santurkar et al. 2019): from a seed of the class's Gaussian of block means
    (`fit_seeds`), within an l2 ball around it (radius .285·√d by default). In the mode manifold: by
    the denoiser's sampler under the classifier's guidance; `start` is then the image that the
    denoiser draws alone. index: (n,) names of the images, by which their noise is drawn. Raises
    InputError for classes out of range, or without seeds where the mode needs them.
    """
    check_classes(y)
    method = (method or Method()).settled(manifold)
    index = torch.arange(len(y)) if index is None else index
    if method.mode == "manifold":
        assert manifold is not None
        start = torch.zeros(len(y), *manifold.card.shape)  # its shape alone counts
    elif seeds is None:
        raise InputError(
            f"the mode {method.mode} starts from seeds; give those of fit_seeds(train)"
        )
    else:
        start = seeds.draw(y, index, method.ascent.seed)
    eps = RADIUS * start[0:1].numel() ** 0.5 or 1.0
    method = method.completed(eps=eps, guidance=GUIDANCE, variety=VARIETY)
    return fill(model, start, y, method, manifold=manifold, index=index, constraint=Box(), bar=bar)

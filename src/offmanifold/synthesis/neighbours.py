"""The training image nearest to a made one, so that copying is visible."""

import numpy as np
import torch

from offmanifold.data.types import Split
from offmanifold.synthesis.shapes import Images, Numbers


def nearest(train: Split, images: Images) -> tuple[Images, Numbers]:
    """Return the training image nearest to each of images (n, c, h, w), and how far it is (n,).

    In l2; distances are compared by products in float32, exact to about 1e-3, and that of the image
    returned is computed anew.
    """
    flat = images.flatten(1).cpu()
    best = torch.full((len(flat),), torch.inf)
    place = torch.zeros(len(flat), dtype=torch.long)
    for batch in train.batches(train.comfortable_batch):
        others = batch.x.flatten(1)
        squares = others.square().sum(1) - 2 * flat @ others.T  # less ‖image‖², the same for all
        low, at = squares.min(1)
        place = torch.where(low < best, batch.index[at], place)
        best = torch.minimum(best, low)
    found = train.read(np.unique(place.numpy()))
    row = {int(i): k for k, i in enumerate(found.index)}
    near = found.x[[row[int(i)] for i in place]]
    return near, (near - images.cpu()).flatten(1).norm(dim=1)

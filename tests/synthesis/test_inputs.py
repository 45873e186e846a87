"""What cannot be used is refused by every use, in one sentence."""

import math

import pytest
import torch

from gaussian_data import SHAPE, D, GaussianManifold, Linear
from offmanifold._core.errors import InputError
from offmanifold.data.checks import check_given
from offmanifold.synthesis import (
    Ascent,
    Method,
    ascend,
    counterfactual,
    denoise,
    generate,
    inpaint,
    superresolve,
)
from offmanifold.synthesis.inputs import check_classes, check_classifier_takes

MODEL = Linear(torch.randn(3, D, generator=torch.Generator().manual_seed(0)))
MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), 0.05 * torch.eye(D))
X, Y = torch.full((4, *SHAPE), 0.5), torch.tensor([0, 1, 2, 0])
HOLE = torch.zeros(1, 1, *SHAPE[1:])
HOLE[..., :2, :2] = 1
HOW = Method("ascent", ascent=Ascent(steps=2))
USES = {
    "ascend": lambda x, y: ascend(MODEL, x, y, Ascent(steps=2, eps=0.1)),
    "counterfactual": lambda x, y: counterfactual(MODEL, x, y, Ascent(steps=2)),
    "denoise": lambda x, y: denoise(MODEL, x, 0.1, y, HOW),
    "denoise by the sampler": lambda x, y: denoise(MODEL, x, 0.1, y, manifold=MANIFOLD),
    "inpaint": lambda x, y: inpaint(MODEL, x, HOLE, y, HOW),
}
BAD_IMAGES = {
    "no batch": (X[0], r"shape \(n, c, h, w\)"),
    "whole numbers": (torch.ones(4, *SHAPE, dtype=torch.uint8), "floating-point"),
    "NaN": (torch.full_like(X, math.nan), "NaN or infinite"),
    "infinity": (torch.full_like(X, math.inf), "NaN or infinite"),
    "255": (X * 510, r"from .* to 255; images must lie in \[0, 1\] \(divide 8-bit images by 255"),
}
BAD_CLASSES = {
    "one too few": (Y[:3], r"shape \(4,\)"),
    "columns": (Y[:, None], r"shape \(4,\)"),
    "fractions": (Y.float(), "whole numbers"),
    "out of range": (Y + 1, "1 to 3"),
    "negative": (Y - 1, "-1 to 1"),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("case", BAD_IMAGES)
def test_images_that_are_none(use, case):
    x, words = BAD_IMAGES[case]
    for y in (Y,) if use in ("ascend", "counterfactual") else (Y, None):
        with pytest.raises(InputError, match=words):
            USES[use](x, y)


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_small_images_that_are_none(case):
    x, words = BAD_IMAGES[case]
    with pytest.raises(InputError, match=words):
        superresolve(MODEL, x, 2, method=HOW)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("case", BAD_CLASSES)
def test_classes_that_are_none(use, case):
    y, words = BAD_CLASSES[case]
    with pytest.raises(InputError, match=words):
        USES[use](X, y)


@pytest.mark.parametrize("case", ["columns", "fractions", "out of range", "negative"])
def test_classes_of_which_no_image_can_be_made(case):
    y = BAD_CLASSES[case][0]
    with pytest.raises(InputError):
        generate(MODEL, y, method=Method("manifold", draws=2), manifold=MANIFOLD)


@pytest.mark.parametrize("use", USES)
def test_images_of_a_size_that_the_classifier_does_not_take(use):
    c, h, w = SHAPE
    x, call = torch.full((4, c, h, w + 1), 0.5), USES[use]
    if use == "inpaint":
        hole = torch.cat([HOLE, HOLE[..., :1] * 0], 3)

        def call(x, y):
            return inpaint(MODEL, x, hole, y, HOW)

    who = "manifold was fitted on" if "sampler" in use else "classifier did not accept"
    with pytest.raises(InputError, match=f"the {who} images of shape"):
        call(x, Y)


@pytest.mark.parametrize("mode", ["projected", "denoised", "manifold"])
def test_images_of_a_size_that_the_manifold_does_not_take(mode):
    c, h, w = SHAPE
    x, model = torch.full((4, c, h, 2 * w), 0.5), Linear(torch.randn(3, 2 * D))
    method = Method(mode, draws=2, ascent=Ascent(steps=2))
    with pytest.raises(InputError, match="the manifold was fitted on images of shape"):
        inpaint(model, x, torch.cat([HOLE, HOLE], 3), Y, method, manifold=MANIFOLD)
    with pytest.raises(InputError, match="the manifold was fitted on images of shape"):
        counterfactual(model, x, Y, manifold=MANIFOLD)


def test_what_is_under_a_hole_is_not_looked_at():
    x = torch.where(HOLE > 0, math.nan, X)
    assert inpaint(MODEL, x, HOLE, Y, HOW).images.isfinite().all()


def test_whole_numbers_of_any_width_are_classes():
    for y in (Y.int(), Y.to(torch.uint8)):
        check_classes(y, 4)
        assert torch.equal(USES["ascend"](X, y).images, USES["ascend"](X, Y).images)


def test_rounding_is_no_fault_and_no_image_is_no_image():
    check_given(X * 2 + 1e-5)
    check_given(X[:0])
    check_classifier_takes(MODEL, X[:0])


def test_memory_that_ends_is_no_fault_of_the_images():
    class Full(torch.nn.Module):
        def forward(self, x):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        check_classifier_takes(Full(), X)

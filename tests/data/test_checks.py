"""Every public function that takes images names the range of those that are none, and the mend."""

import numpy as np
import pytest
import torch

import offmanifold as om
from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance
from offmanifold._core.errors import InputError
from offmanifold._core.randomness import ImageNoise
from offmanifold.data.checks import check_given, check_images, check_noisy
from offmanifold.manifolds import Pooled

MODEL = Linear(torch.randn(3, D, generator=torch.Generator().manual_seed(0)))
GAUSS = GaussianManifold(torch.full((1, D), 0.5), covariance(torch.full((D,), 0.04)))
POOLED = Pooled(GAUSS, 2, (1, 8, 10))
X = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 2, 0])
HOLE = torch.zeros(1, 1, *SHAPE[1:], dtype=torch.bool)
HOLE[..., :2, :2] = True
NOISE = ImageNoise(torch.arange(4), seed=0, name="test")
S = om.synthesis
FEW = S.Ascent(steps=1, eps=0.5)
CALLS = {
    "certify": lambda x: om.certify(MODEL, x, 0.1, n=8, n0=8, generator=NOISE),
    "manifold.score": lambda x: GAUSS.score(x, Y),
    "manifold.tangent": lambda x: GAUSS.tangent(x, torch.ones_like(x)),
    "manifold.energy": lambda x: GAUSS.energy(x, torch.ones_like(x)),
    "manifold.basis": lambda x: GAUSS.basis(x, 2),
    "manifold.dimension": lambda x: GAUSS.dimension(x),
    "synthesis.ascend": lambda x: S.ascend(MODEL, x, Y, FEW),
    "synthesis.counterfactual": lambda x: S.counterfactual(MODEL, x, Y, FEW),
    "synthesis.denoise": lambda x: S.denoise(MODEL, x, 0.1, Y, manifold=GAUSS),
    "synthesis.inpaint": lambda x: S.inpaint(MODEL, x, HOLE, Y, S.Method(ascent=FEW)),
    "synthesis.mean_fill": lambda x: S.mean_fill(x, HOLE),
    "synthesis.bicubic": lambda x: S.bicubic(x, 2),
    "synthesis.second_best": lambda x: S.second_best(MODEL, x),
    "synthesis.noise_level": lambda x: S.noise_level(x),
}
BAD = {
    "8 bits": (255 * X, "divide 8-bit images by 255"),
    "12 bits": (4000 * X, "divide 12-bit images by 4095"),
    "normalised": (40 * (X - 0.5), "put the normalisation into the model"),
    "infinite": (X / 0, "NaN or infinite"),
    "whole numbers": ((255 * X).to(torch.uint8), r"in \[0, 1\], not torch.uint8"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("call", CALLS)
def test_images_out_of_range_are_refused_by_name(call, case):
    x, mend = BAD[case]
    with pytest.raises(InputError, match=mend):
        CALLS[call](x)


@pytest.mark.parametrize("call", CALLS)
def test_images_as_they_should_be_are_taken_with_rounding(call):
    CALLS[call](X)
    CALLS[call]((X + 1e-5).clamp(0, 1.00001))


def test_a_manifold_of_large_images_checks_them_too():
    big = torch.rand(2, 1, 8, 10)
    POOLED.score(big, None)
    with pytest.raises(InputError, match=r"from .* \(divide 8-bit"):
        POOLED.score(255 * big, None)


def test_noisy_points_may_lie_outside_and_are_asked_about():
    noisy = X + torch.randn(X.shape, generator=torch.Generator().manual_seed(2))
    assert GAUSS.denoise(noisy, None, 1.0).isfinite().all()
    assert POOLED.denoise(4 * torch.randn(2, 1, 8, 10), None, 1.0).isfinite().all()
    check_noisy(noisy, 1.0)
    check_noisy(noisy, torch.full((4,), 1.0))
    check_noisy(noisy[:0], torch.ones(0))
    with pytest.raises(InputError, match="noisy images holds values from"):
        check_noisy(255 * X, 0.5)


def test_no_image_is_no_fault_and_no_tensor_is():
    check_given(X[:0])
    with pytest.raises(InputError, match="must be floating-point tensors"):
        check_given(X.numpy())  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("values", "message"),
    [([0.0, np.nan], "NaN"), ([0.0, np.inf], "NaN or infinite"), ([-0.5, 1.5], "from -0.5 to 1.5")],
)
def test_check_images_names_the_range(values, message):
    with pytest.raises(InputError, match=message):
        check_images(np.array(values), "x_train")
    check_images(np.array([0.0, 1.0]), "x_train")

"""The shapes that signatures name are those of what goes in and comes out."""

import pytest
import torch
from beartype import beartype
from jaxtyping import TypeCheckError, jaxtyped
from torch import nn

from offmanifold.synthesis import (
    Ascent,
    Method,
    ascend,
    bicubic,
    counterfactual,
    denoise,
    fit_seeds,
    generate,
    inpaint,
    mean_fill,
    noise_level,
    second_best,
    superresolve,
)
from offmanifold.synthesis.baselines import for_denoising, for_inpainting, for_superresolution
from offmanifold.synthesis.diversity import within_class
from offmanifold.synthesis.neighbours import nearest
from offmanifold.synthesis.result import change_norms
from offmanifold.synthesis.scales import multi_resolution
from offmanifold.synthesis.scores import covered, frechet, psnr, spread
from small_training import images

HOW = Ascent(steps=2, eps=0.5)
METHOD = Method(mode="ascent", candidates=2, ascent=HOW)
X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 1])
HOLE = torch.zeros(1, 1, 8, 8)
HOLE[..., 2:4, 2:4] = 1
POINTS = torch.rand(6, 2, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


def checked(function):
    return jaxtyped(typechecker=beartype)(function)


def test_uses(model):
    seeds = fit_seeds(images(n=96).train)
    made = [
        checked(ascend)(model, X, Y, HOW, radii=torch.ones(3)),
        checked(generate)(model, Y, seeds, METHOD, index=Y),
        checked(denoise)(model, X, 0.1, None, METHOD),
        checked(denoise)(model, X, torch.full((3,), 0.1), Y, METHOD),
        checked(inpaint)(model, X, HOLE, None, METHOD),
        checked(inpaint)(model, X, HOLE.expand(3, 1, 8, 8).bool(), Y, METHOD),
        checked(superresolve)(model, X[..., :4, :4], 2, Y, METHOD),
        checked(counterfactual)(model, X, Y, HOW, rounds=1),
    ]
    for one in made:
        assert one.images.shape == (3, 1, 8, 8) and one.norms.shape == one.y.shape == (3,)


def test_functions_of_images(model):
    assert checked(bicubic)(X, 2).shape == (3, 1, 16, 16)
    assert checked(mean_fill)(X, HOLE.bool()).shape == X.shape
    assert checked(noise_level)(X).shape == checked(second_best)(model, X).shape == (3,)
    assert checked(change_norms)(X, X).tolist() == [0, 0, 0]
    assert checked(multi_resolution)(X, (2, 1)).shape == X.shape
    assert checked(psnr)(X, X).shape == checked(spread)(X, Y).shape == (3,)
    assert checked(within_class)(X, Y.float()) is not None
    assert checked(frechet)(POINTS, POINTS[:4]) >= 0
    assert checked(covered)(POINTS, POINTS[:5], 2).shape == (6,)
    near, distance = checked(nearest)(images(n=96).train, X)
    assert near.shape == X.shape and distance.shape == (3,)
    for plain in (
        checked(for_denoising)(X, 0.1),
        checked(for_inpainting)(X, HOLE.bool().expand(3, 1, 8, 8)),
        checked(for_superresolution)(X[..., :4, :4], 2),
    ):
        assert all(x.shape == X.shape for x in plain.values())


def test_another_shape_is_seen(model):
    with pytest.raises(TypeCheckError):
        checked(ascend)(model, X, Y[:2], HOW)
    with pytest.raises(TypeCheckError):
        checked(psnr)(X, X[:, :, :4])

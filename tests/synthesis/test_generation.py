"""Images of a class asked for: the ball around the seed, and Bayes' rule where it is exact."""

import pytest
import torch
from torch.nn.functional import normalize

from gaussian_data import SHAPE, D, GaussianManifold, Linear, covariance, images
from offmanifold._core.errors import InputError
from offmanifold.synthesis import Ascent, Method, fit_seeds, generate
from offmanifold.synthesis.diversity import within_class
from offmanifold.synthesis.generation import RADIUS, VARIETY

SEEDS = fit_seeds(images(60, 3))
MODEL = Linear(torch.randn(3, D, generator=torch.Generator().manual_seed(0)))
MANIFOLD = GaussianManifold(torch.full((1, D), 0.5), covariance(0.05 * torch.linspace(0.1, 1, D)))
Y = torch.tensor([0, 1, 2, 2])
INDEX = torch.tensor([10, 3, 4, 5])


def test_by_ascent_it_is_the_optimum_of_the_ball_around_the_seed():
    how = Method("ascent", ascent=Ascent("logit", eps=0.01))
    found = generate(MODEL, Y, SEEDS, how, index=INDEX)
    assert torch.equal(found.start, SEEDS.draw(Y, INDEX))
    inside = (found.start > 0.01) & (found.start < 0.99)
    expected = found.start + 0.01 * normalize(MODEL.linear.weight[Y], dim=1).reshape(-1, *SHAPE)
    torch.testing.assert_close(found.images[inside], expected[inside], atol=2e-3, rtol=0)
    assert (found.norms <= 0.01).all()


def test_the_radius_is_eight_for_28_by_28():
    found = generate(MODEL, Y, SEEDS, Method("ascent", ascent=Ascent("logit")), index=INDEX)
    assert found.norms.max() <= RADIUS * D**0.5
    assert abs(RADIUS * 28 - 8) < 0.03


@pytest.mark.parametrize("mode", ["ascent", "projected", "denoised", "manifold"])
def test_an_image_is_named_by_its_index_whatever_the_batch(mode):
    how = Method(mode, draws=6, ascent=Ascent(steps=6))
    whole = generate(MODEL, Y, SEEDS, how, manifold=MANIFOLD, index=INDEX)
    alone = generate(MODEL, Y[3:], SEEDS, how, manifold=MANIFOLD, index=INDEX[3:])
    torch.testing.assert_close(alone.images, whole.images[3:], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone.start, whole.start[3:], atol=1e-5, rtol=0)
    assert not torch.allclose(whole.images[2], whole.images[3])
    assert whole.steps.tolist() == [{"manifold": 11}.get(mode, 6)] * 4


def test_images_of_a_class_are_less_alike_with_variety():
    y = torch.zeros(12, dtype=torch.long)

    def apart(variety: float | None) -> float:
        how = Method("denoised", ascent=Ascent(steps=20), variety=variety)
        found = within_class(generate(MODEL, y, SEEDS, how, manifold=MANIFOLD).images, y)
        assert found is not None
        return found

    assert apart(0.0) < 0.9 * apart(0.5)
    assert apart(None) == apart(VARIETY)


def test_guided_images_are_more_of_their_class_than_the_denoisers_own():
    found = generate(MODEL, Y, None, Method("manifold", guidance=1.0, draws=8), manifold=MANIFOLD)
    with torch.no_grad():
        own = MODEL(found.start).log_softmax(1).gather(1, Y[:, None])[:, 0]
    assert (found.objective > own).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 1


def test_what_cannot_be_generated_is_said():
    with pytest.raises(InputError, match="seeds"):
        generate(MODEL, Y)
    with pytest.raises(InputError, match="0 to 2"):
        generate(MODEL, Y + 1, SEEDS)
    with pytest.raises(InputError, match="0 to 2|3 classes"):
        generate(MODEL, Y + 1, None, Method("manifold", draws=2), manifold=MANIFOLD)

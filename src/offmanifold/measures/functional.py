"""Measures as functions of tensors: one value an image, without an audit around them."""

from jaxtyping import Float, Integer
from torch import Tensor

from offmanifold.data.checks import check_given
from offmanifold.manifolds.base import Score, Tangent
from offmanifold.measures.directions import cosine, unit

Images = Float[Tensor, "n c h w"]
PerImage = Float[Tensor, " n"]


def on_manifold_fraction(
    gradient: Images, x: Images, manifold: Tangent, sigma: float | None = None
) -> PerImage:
    """Return gᵀJ̄g / ‖g‖² (n,): the share of a field's energy on the manifold; chance is tr J̄ / d.

    gradient: any field (n, c, h, w), as `input_gradient` gives it, or a control. x: the images in
    [0, 1] at which it is held. sigma: per pixel; by default the manifold's. 0 where the field is.
    Raises InputError for images that the manifold does not take. Not clipped: an estimate may lie a
    little outside [0, 1].
    """
    check_given(x)
    return manifold.energy(x, unit(gradient), sigma)


def cosine_posterior(
    gradient: Images,
    x: Images,
    y: Integer[Tensor, " n"],
    manifold: Score,
    sigma: float | None = None,
) -> PerImage:
    """Return cos(g, s_σ(x̃ | y) − s_σ(x̃)) (n,): whether a field points where Bayes' rule says.

    y: (n,) classes, as the manifold was fitted with. The target is a small difference of two large
    estimates: read the value beside that of a control. Raises InputError as above.
    """
    check_given(x)
    return cosine(gradient, manifold.score(x, y, sigma) - manifold.score(x, None, sigma))

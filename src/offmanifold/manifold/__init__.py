"""The data manifold: one estimator a file behind two small protocols, Tangent and Score."""

from offmanifold.manifold.base import Manifold, ManifoldCard, Score, Tangent
from offmanifold.manifold.denoiser import Denoiser, DenoiserManifold
from offmanifold.manifold.fitting import (
    LEAST_IMAGES,
    Estimator,
    Place,
    estimators,
    fit_manifold,
    load_manifold,
)
from offmanifold.manifold.pooled import Blocks, Pooled
from offmanifold.manifold.tweedie import TweedieManifold

__all__ = [
    "LEAST_IMAGES",
    "Blocks",
    "Denoiser",
    "DenoiserManifold",
    "Estimator",
    "Manifold",
    "ManifoldCard",
    "Place",
    "Pooled",
    "Score",
    "Tangent",
    "TweedieManifold",
    "estimators",
    "fit_manifold",
    "load_manifold",
]

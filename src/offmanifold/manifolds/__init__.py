"""The data manifold: one estimator a file behind two small protocols, Tangent and Score."""

from offmanifold.manifolds.adapters.adapt import as_manifold, load_denoiser, names_denoiser
from offmanifold.manifolds.adapters.ddpm import DDPMDenoiser
from offmanifold.manifolds.adapters.functions import CallableManifold
from offmanifold.manifolds.agreement import agreement, halves
from offmanifold.manifolds.base import Fitted, Manifold, ManifoldCard, Score, Tangent
from offmanifold.manifolds.estimators.autoencoder import Autoencoder, AutoencoderManifold
from offmanifold.manifolds.estimators.denoiser import Denoiser, DenoiserManifold
from offmanifold.manifolds.estimators.exact import exact_manifold
from offmanifold.manifolds.estimators.local_pca import LocalPCA
from offmanifold.manifolds.estimators.score_svd import ScoreSVD
from offmanifold.manifolds.fakes import FakeManifold, global_pca, low_pass
from offmanifold.manifolds.fit import (
    LEAST_IMAGES,
    Estimator,
    Place,
    estimators,
    fit_manifold,
    load_manifold,
    other_manifolds,
)
from offmanifold.manifolds.frames import Frame, FrameManifold
from offmanifold.manifolds.pooled import Blocks, Pooled
from offmanifold.manifolds.sampler import sample
from offmanifold.manifolds.tweedie import TweedieManifold

__all__ = [
    "LEAST_IMAGES",
    "Autoencoder",
    "AutoencoderManifold",
    "Blocks",
    "CallableManifold",
    "DDPMDenoiser",
    "Denoiser",
    "DenoiserManifold",
    "Estimator",
    "FakeManifold",
    "Fitted",
    "Frame",
    "FrameManifold",
    "LocalPCA",
    "Manifold",
    "ManifoldCard",
    "Place",
    "Pooled",
    "Score",
    "ScoreSVD",
    "Tangent",
    "TweedieManifold",
    "agreement",
    "as_manifold",
    "estimators",
    "exact_manifold",
    "fit_manifold",
    "global_pca",
    "halves",
    "load_denoiser",
    "load_manifold",
    "names_denoiser",
    "low_pass",
    "other_manifolds",
    "sample",
]

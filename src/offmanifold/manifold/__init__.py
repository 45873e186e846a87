"""The data manifold: one estimator a file behind two small protocols, Tangent and Score."""

from offmanifold.manifold.adapting import as_manifold, load_denoiser, names_denoiser
from offmanifold.manifold.agreement import agreement, halves
from offmanifold.manifold.autoencoder import Autoencoder, AutoencoderManifold
from offmanifold.manifold.base import Fitted, Manifold, ManifoldCard, Score, Tangent
from offmanifold.manifold.ddpm import DDPMDenoiser
from offmanifold.manifold.denoiser import Denoiser, DenoiserManifold
from offmanifold.manifold.exact import exact_manifold
from offmanifold.manifold.fakes import FakeManifold, global_pca, low_pass
from offmanifold.manifold.fitting import (
    LEAST_IMAGES,
    Estimator,
    Place,
    estimators,
    fit_manifold,
    load_manifold,
    other_manifolds,
)
from offmanifold.manifold.foreign import CallableManifold
from offmanifold.manifold.frames import Frame, FrameManifold
from offmanifold.manifold.local_pca import LocalPCA
from offmanifold.manifold.pooled import Blocks, Pooled
from offmanifold.manifold.sampling import sample
from offmanifold.manifold.score_svd import ScoreSVD
from offmanifold.manifold.tweedie import TweedieManifold

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

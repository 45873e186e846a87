"""Measures: one concept a file; a new one is a file here and a line below."""

from offmanifold._core.statistics import Number
from offmanifold.measures.accuracy import Accuracy
from offmanifold.measures.base import Curve, Measure, measures, passes
from offmanifold.measures.certified_accuracy import (
    CertifiedAccuracy,
    CertifiedRadius,
    SmoothedAccuracy,
)
from offmanifold.measures.deletion import DeletionGap
from offmanifold.measures.directions import cosine
from offmanifold.measures.ensemble_accuracy import EnsembleAccuracy
from offmanifold.measures.functional import cosine_posterior, on_manifold_fraction
from offmanifold.measures.lpips_similarity import (
    LpipsConditional,
    LpipsPosterior,
    LpipsUnconditional,
)
from offmanifold.measures.manifold_fraction import (
    OnManifoldFraction,
    OnManifoldFractionHard,
    ProjectedNorm,
    UnresolvedFraction,
)
from offmanifold.measures.on_off_change import ChangeRatio, OffChange, OnChange
from offmanifold.measures.other_manifolds import (
    GlobalPcaFraction,
    LowPassFraction,
    OnManifoldFractionSecond,
)
from offmanifold.measures.output_spread import Spread
from offmanifold.measures.paper_alignment import (
    PaperConditionalCosine,
    PaperConditionalLpips,
    PaperSumCosine,
    PaperSumLpips,
)
from offmanifold.measures.pointing_game import SignalPointing
from offmanifold.measures.relative_noise_robustness import RhoPaper, RhoRelative, RhoTotal
from offmanifold.measures.resolution import CosinePosteriorCoarse, MagnitudePosterior
from offmanifold.measures.robust_accuracy import RobustAccuracy
from offmanifold.measures.score_cosine import (
    CosineConditional,
    CosinePosterior,
    CosinePosteriorDoubleSigma,
    CosinePosteriorHalfSigma,
    CosineUnconditional,
)
from offmanifold.measures.signal import SignalFraction, SignalNoiseRatio, signal_share
from offmanifold.measures.ssim import (
    SsimConditional,
    SsimPosterior,
    SsimUnconditional,
    structural_similarity,
)

__all__ = [
    "Accuracy",
    "CertifiedAccuracy",
    "CertifiedRadius",
    "ChangeRatio",
    "CosineConditional",
    "CosinePosterior",
    "CosinePosteriorCoarse",
    "CosinePosteriorDoubleSigma",
    "CosinePosteriorHalfSigma",
    "CosineUnconditional",
    "Curve",
    "DeletionGap",
    "EnsembleAccuracy",
    "GlobalPcaFraction",
    "LowPassFraction",
    "LpipsConditional",
    "LpipsPosterior",
    "LpipsUnconditional",
    "MagnitudePosterior",
    "Measure",
    "Number",
    "OffChange",
    "OnChange",
    "OnManifoldFraction",
    "OnManifoldFractionHard",
    "OnManifoldFractionSecond",
    "PaperConditionalCosine",
    "PaperConditionalLpips",
    "PaperSumCosine",
    "PaperSumLpips",
    "ProjectedNorm",
    "RhoPaper",
    "RhoRelative",
    "RhoTotal",
    "RobustAccuracy",
    "SignalFraction",
    "SignalNoiseRatio",
    "SignalPointing",
    "SmoothedAccuracy",
    "Spread",
    "SsimConditional",
    "SsimPosterior",
    "SsimUnconditional",
    "UnresolvedFraction",
    "cosine",
    "cosine_posterior",
    "measures",
    "on_manifold_fraction",
    "passes",
    "signal_share",
    "structural_similarity",
]

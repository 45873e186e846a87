"""Measures: one concept a file; a new one is a file here and a line below."""

from offmanifold.measures.accuracy import Accuracy
from offmanifold.measures.base import Curve, Measure, measures
from offmanifold.measures.certified_accuracy import (
    CertifiedAccuracy,
    CertifiedRadius,
    SmoothedAccuracy,
)
from offmanifold.measures.cosine_posterior import (
    CosinePosterior,
    CosinePosteriorDoubleSigma,
    CosinePosteriorHalfSigma,
)
from offmanifold.measures.ensemble_accuracy import EnsembleAccuracy
from offmanifold.measures.lpips_posterior import LpipsPosterior
from offmanifold.measures.on_manifold_fraction import (
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
from offmanifold.measures.relative_noise_robustness import RhoPaper, RhoRelative, RhoTotal
from offmanifold.measures.robust_accuracy import RobustAccuracy
from offmanifold.measures.signal import SignalFraction, SignalNoiseRatio
from offmanifold.measures.spread import Spread
from offmanifold.measures.statistics import Number

__all__ = [
    "Accuracy",
    "CertifiedAccuracy",
    "CertifiedRadius",
    "ChangeRatio",
    "CosinePosterior",
    "CosinePosteriorDoubleSigma",
    "CosinePosteriorHalfSigma",
    "Curve",
    "EnsembleAccuracy",
    "GlobalPcaFraction",
    "LowPassFraction",
    "LpipsPosterior",
    "Measure",
    "Number",
    "OffChange",
    "OnChange",
    "OnManifoldFraction",
    "OnManifoldFractionHard",
    "OnManifoldFractionSecond",
    "ProjectedNorm",
    "RhoPaper",
    "RhoRelative",
    "RhoTotal",
    "RobustAccuracy",
    "SignalFraction",
    "SignalNoiseRatio",
    "SmoothedAccuracy",
    "Spread",
    "UnresolvedFraction",
    "measures",
]

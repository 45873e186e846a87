"""Classifiers: small ones of our own, and those of others behind one contract.

A classifier maps images (n, c, h, w) in [0, 1] to logits (n, k ≥ 2).
"""

from offmanifold.models.card import Loaded, ModelCard
from offmanifold.models.checks import check_classifier, check_state
from offmanifold.models.first_batch import some_images
from offmanifold.models.labels import LabelJoin, adapt_labels, match_labels
from offmanifold.models.load import build_model, check_code, load_model
from offmanifold.models.runs import Run, find_run
from offmanifold.models.small_resnet import SmallResNet

__all__ = [
    "LabelJoin",
    "Loaded",
    "ModelCard",
    "Run",
    "SmallResNet",
    "adapt_labels",
    "build_model",
    "check_classifier",
    "check_code",
    "check_state",
    "find_run",
    "load_model",
    "match_labels",
    "some_images",
]

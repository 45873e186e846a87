"""What an audit will see: defaults, the part of the data, options no audit can have."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from torch import nn

import offmanifold as om
from offmanifold.audits.config import AuditConfig, check_labels
from offmanifold.audits.plan import default_limit, judged
from offmanifold.data.radius import default_eps
from offmanifold.manifolds import ManifoldCard


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


def test_defaults_as_designed(digits):
    assert default_eps((1, 16, 16), 1.0) == 1
    assert default_eps((3, 32, 32)) == 0.5
    assert default_limit(digits, 10**5) == 500
    assert default_limit(digits, 25 * 10**6) == 200


def test_fewer_images_are_seen_where_projectors_cost_most(digits):
    def manifold(dimension: float | None, pooling: int = 1):
        sigma = None if dimension is None else 0.25
        card = ManifoldCard("m", "h", digits.shape, sigma=sigma, dimension=dimension)
        return SimpleNamespace(card=replace(card, pooling=pooling))

    pixels = math.prod(digits.shape)
    assert default_limit(digits, 10**5, manifold(20)) == 500
    assert default_limit(digits, 10**5, manifold(None)) == 500
    assert default_limit(digits, 10**9, manifold(10**7 / pixels)) == 100
    assert default_limit(digits, 10**9, manifold(4 * 10**7 / pixels, pooling=2)) == 100
    assert default_limit(digits, 10**5, manifold(10.0**12)) == 20


def foreign(**config) -> om.Loaded:
    card = om.ModelCard("timm:x", config={"spec": "timm:x", "weights_hash": "h", **config})
    return om.Loaded(nn.Linear(1, 2), card)


def test_all_images_are_judged_only_where_nothing_was_made_on_any(digits):
    part, images = judged([foreign()], digits, None)
    assert part == "all"
    assert len(images) == 1797
    assert len(set(images.rows)) == 1797
    for models, data, manifold in (
        ([foreign(), foreign(recipe={})], digits, None),  # one of them is a run of ours
        ([om.Loaded(nn.Linear(1, 2), om.ModelCard("bare"))], digits, None),
        ([foreign()], digits, object()),
        ([foreign()], replace(digits, info={"source": "train/test given"}), None),
    ):
        part, images = judged(models, data, manifold)
        assert part == "test"
        assert images is data.test


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"limit": 1}, "`limit`"),
        ({"eps": 0.0}, "`eps`"),
        ({"eps": float("nan")}, "`eps`"),
        ({"certify": float("inf")}, "`certify`"),
        ({"gradient": "logprob"}, "log_prob"),
        ({"only": ("accuracy.cleen",)}, "accuracy.clean"),
        ({"split": "train"}, "val"),
        ({"precision": "fp16"}, "fp16"),
        ({"reference_accuracy": 97.0}, "`reference_accuracy`"),
        ({"reference_accuracy": float("nan")}, "`reference_accuracy`"),
    ],
)
def test_a_config_that_no_audit_can_have(options, word):
    with pytest.raises(om.InputError, match=word):
        AuditConfig(**options)


def test_equal_labels_and_a_reference_that_is_not_there_are_refused():
    check_labels(["a", "b"], "b")
    with pytest.raises(om.InputError, match="labelled"):
        check_labels(["a", "a"], None)
    with pytest.raises(om.InputError, match="standard"):
        check_labels(["standard"], "standrad")

import json

import pytest
import torch

from gaussian_data import GaussianManifold, covariance
from offmanifold._core.errors import InputError
from offmanifold.manifolds import ManifoldCard, Score, Tangent
from offmanifold.manifolds.base import check_shape


def card(**known) -> ManifoldCard:
    return ManifoldCard("exact", "0" * 12, (1, 28, 28), **known)


def test_a_card_is_usable_where_it_has_a_sigma():
    assert card(sigma=0.25).usable
    assert not card().usable
    assert card(sigma=0.25).summary()["usable"] is True
    assert json.loads(json.dumps(card().summary()))["sigma"] is None


def test_images_of_another_shape_are_refused_with_the_mend():
    check_shape(torch.zeros(2, 1, 28, 28), card())
    with pytest.raises(InputError, match=r"\(1, 27, 28\).*fitted at \(1, 28, 28\); refit"):
        check_shape(torch.zeros(2, 1, 27, 28), card())


def test_a_denoiser_is_both_protocols():
    manifold = GaussianManifold(torch.zeros(1, 20), covariance(torch.ones(20)))
    assert isinstance(manifold, Tangent)
    assert isinstance(manifold, Score)

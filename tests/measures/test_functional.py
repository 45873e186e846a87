"""Measures of tensors of one's own: what an audit says of the same, and exact cases."""

import pytest
import torch

import offmanifold as om
from asking import asked
from offmanifold.manifolds import exact_manifold


@pytest.fixture(scope="module")
def known() -> tuple[om.Data, object]:
    data = om.load_data("mixture:4")
    return data, exact_manifold(data)


def test_they_are_those_of_an_audit(known):
    data, manifold = known
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, len(data.classes)))
    only = ["alignment.on_manifold_fraction", "alignment.cosine_posterior"]
    audit = om.audit(model, data, manifold, **asked(limit=12, only=only, show=False))
    batch = data.test.read(audit.columns["index"])
    gradient = om.input_gradient(model, batch.x, batch.y)
    sigma = audit.json["settings"]["sigma"]
    by_hand = om.measures.on_manifold_fraction(gradient, batch.x, manifold, sigma)
    assert by_hand.shape == (12,)
    # the audit draws noise by the image's index in the data, here by its place in the batch
    assert float(by_hand.mean()) == pytest.approx(audit[only[0]].value, rel=0.05)
    cosine = om.measures.cosine_posterior(gradient, batch.x, batch.y, manifold, sigma)
    assert float(cosine.mean()) == pytest.approx(audit[only[1]].value, abs=0.03)


def test_a_field_in_the_subspace_is_on_it_and_one_across_is_off():
    data = om.load_data("subspace:3")
    manifold = exact_manifold(data)
    x = data.test.read(data.test.rows[:5]).x
    basis = manifold.basis(x, 3)
    along = basis[:, 0].reshape(x.shape)
    share = om.measures.on_manifold_fraction(along, x, manifold)
    across = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    flat = across.flatten(1)[:, :, None]
    across = (flat - basis.mT @ (basis @ flat))[:, :, 0].reshape(x.shape)
    off = om.measures.on_manifold_fraction(across, x, manifold)
    assert float(share.min()) > 0.8 and float(off.abs().max()) < 0.02
    zero = om.measures.on_manifold_fraction(torch.zeros_like(x), x, manifold)
    assert zero.equal(torch.zeros(5))


def test_images_out_of_range_are_refused(known):
    _, manifold = known
    x = torch.full((1, 1, 28, 28), 2.0)
    with pytest.raises(om.InputError, match="from 2 to 2"):
        om.measures.on_manifold_fraction(x, x, manifold)

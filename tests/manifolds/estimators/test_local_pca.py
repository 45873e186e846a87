"""On linear subspaces and Gaussians, which it must find, and on a sphere."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gaussian_data import SHAPE, D, data_of, rotated, subspace_data
from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError
from offmanifold.data import Data
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Split
from offmanifold.manifolds import LocalPCA, ManifoldCard, Place, fit_manifold, load_manifold
from offmanifold.manifolds.estimators.local_pca import NEIGHBOURS, LocalPCAManifold

QUICK = {"precision": "fp32", "device": "cpu", "show": False}
CARD = ManifoldCard("local_pca", "0" * 12, SHAPE, sigma=0.25, dimension=3)


def fit(data: Data, estimator: LocalPCA | None = None, **options):
    return fit_manifold(data, estimator or LocalPCA(), **{"save": False, **QUICK, **options})


def of(split: Split) -> torch.Tensor:
    return split.read(split.rows).x


def test_a_linear_subspace_is_found_to_the_precision_of_the_bank():
    data = subspace_data(3, 260, 30)
    manifold = fit(data)
    x, top = of(data.test), rotated(D)[:, :3].float()
    q = manifold.basis(x, 3)
    assert torch.linalg.svdvals(q @ top).min() > 1 - 1e-5
    off = rotated(D)[:, 3:].sum(1).float().expand(len(x), -1).reshape(x.shape)
    assert manifold.energy(x, off).max() < 1e-3 * (D - 3)  # of the squared norm D − 3
    assert manifold.spectrum(x, D)[:, 3:].max() < 1e-4
    assert manifold.card.usable
    assert manifold.card.rank is not None


def test_with_all_images_it_is_their_gaussian():
    generator = torch.Generator().manual_seed(0)
    spread = torch.linspace(0.02, 0.2, D)
    x = 0.5 + torch.randn(70, D, generator=generator) * spread @ rotated(D).float()
    bank = x.half()
    manifold = LocalPCAManifold(CARD, bank, 70)
    mean, c = bank.double().mean(0), np.cov(bank.double().numpy().T)
    gain = torch.from_numpy(c @ np.linalg.inv(c + 0.3**2 * np.eye(D)))
    asked = torch.rand(4, *SHAPE).double()
    frame = manifold.at(asked)
    torch.testing.assert_close(frame.origin, mean.expand(4, D))
    torch.testing.assert_close(
        frame.variances[0, :D], torch.linalg.eigvalsh(torch.from_numpy(c)).flip(0)
    )
    v = torch.rand(4, *SHAPE).double() - 0.5
    torch.testing.assert_close(manifold.tangent(asked, v, 0.3).flatten(1), v.flatten(1) @ gain)
    expected = mean + (asked.flatten(1) - mean) @ gain
    torch.testing.assert_close(manifold.denoise(asked, None, 0.3).flatten(1), expected)


def test_the_neighbours_are_the_nearest():
    x = torch.rand(50, D, generator=torch.Generator().manual_seed(0))
    manifold = LocalPCAManifold(CARD, x, 5)
    asked = torch.rand(3, *SHAPE)
    for one, origin in zip(asked.flatten(1), manifold.at(asked).origin, strict=True):
        nearest = x[(x - one).square().sum(1).argsort()[:5]]
        torch.testing.assert_close(origin, nearest.mean(0))


def test_the_tangent_of_a_sphere_where_images_are_dense():
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(3000, 3, generator=generator).double()
    u = u / u.norm(dim=1, keepdim=True)
    data = data_of((0.5 + 0.5 * u @ rotated(D)[:, :3].T).reshape(-1, *SHAPE), 50)
    manifold = fit(data, LocalPCA(neighbours=16))
    x = of(data.test)
    q = manifold.basis(x, 2)
    outward = 2 * (x.flatten(1) - 0.5)[:, :, None]
    assert torch.linalg.vecdot(outward, outward, dim=1).sub(1).abs().max() < 1e-5
    assert (q @ outward).norm(dim=1).max() < 0.25  # neighbours lie within an angle of 2√(16/3000)
    assert (q @ outward).norm(dim=1).mean() < 0.08


def test_rows_are_orthonormal_and_their_projector_idempotent():
    manifold = LocalPCAManifold(CARD, torch.rand(60, D), 12)
    q = manifold.basis(torch.rand(3, *SHAPE), 11)
    assert q.shape == (3, 11, D)
    torch.testing.assert_close(
        q @ q.transpose(1, 2), torch.eye(11).expand(3, 11, 11), rtol=0, atol=1e-5
    )
    p = q.transpose(1, 2) @ q
    torch.testing.assert_close(p @ p, p, rtol=0, atol=1e-5)
    assert manifold.basis(torch.rand(3, *SHAPE), D).shape == (3, 11, D)  # neighbours − 1


def test_copies_of_few_images_leave_rows_of_zero():
    few = torch.rand(3, D, generator=torch.Generator().manual_seed(0)).half()
    manifold = LocalPCAManifold(CARD, few.repeat(10, 1), 30)
    x = few.float().reshape(3, *SHAPE)
    q = manifold.basis(x, 5)
    torch.testing.assert_close(q.square().sum(2), torch.tensor([1.0, 1, 0, 0, 0]).expand(3, 5))
    assert (manifold.spectrum(x, 5)[:, 2:] == 0).all()
    p = q.transpose(1, 2) @ q
    torch.testing.assert_close(p @ p, p, rtol=0, atol=1e-5)


def test_an_image_is_seen_alike_in_any_batch():
    manifold = LocalPCAManifold(CARD, torch.rand(300, D), 16)
    x, v = torch.rand(40, *SHAPE), torch.rand(40, *SHAPE)
    whole = manifold.tangent(x, v)
    order = torch.randperm(40)
    torch.testing.assert_close(
        manifold.tangent(x[order], v[order]), whole[order], rtol=0, atol=1e-5
    )
    for i in (0, 17):
        alone = manifold.tangent(x[i : i + 1], v[i : i + 1])
        torch.testing.assert_close(alone, whole[i : i + 1], rtol=0, atol=1e-5)


def chosen(data: Data, estimator: LocalPCA) -> tuple[int, list[dict[str, float]]]:
    place = Place(show=False)
    manifold = estimator.fit(data, CARD, Engine("cpu", "fp32"), place)
    return int(manifold.neighbours), place.log


def test_the_number_of_neighbours_is_that_of_the_least_error():
    # Two clusters far apart: their span reaches from one to the other where both are neighbours.
    generator = torch.Generator().manual_seed(0)
    side = torch.arange(200)[:, None] % 2
    x = 0.2 + 0.6 * side + 0.02 * torch.randn(200, D, generator=generator)
    data = data_of(x.reshape(-1, *SHAPE), 40)
    k, log = chosen(data, LocalPCA())
    assert [row["neighbours"] for row in log] == [n for n in NEIGHBOURS if n < 120]
    assert k == min(log, key=lambda row: row["error"])["neighbours"]
    assert len({row["error"] for row in log}) == len(log)
    assert chosen(data, LocalPCA(neighbours=9))[0] == 9


def test_held_out_images_alone_choose(monkeypatch):
    read, seen = Split.read, []

    def recorded(self, index):
        seen.append(set(np.asarray(index).tolist()))
        return read(self, index)

    data = subspace_data(3, 60, 15)
    monkeypatch.setattr(Split, "read", recorded)
    fit(data)
    train, val = set(range(30)), set(range(30, 45))
    assert all(rows <= train or rows <= val for rows in seen)
    assert train in seen
    assert val in seen


def test_what_is_saved_is_what_was_fitted(tmp_path):
    data = subspace_data(3, 120, 20)
    saved, unsaved = fit(data, save=True, out=tmp_path / "m"), fit(data)
    x, v = torch.rand(3, *SHAPE), torch.rand(3, *SHAPE)
    for again in (unsaved, load_manifold(tmp_path / "m")):
        assert torch.equal(again.tangent(x, v, 0.2), saved.tangent(x, v, 0.2))
        assert replace(again.card, spec="") == replace(saved.card, spec="")
    assert saved.bank.dtype == torch.float16
    assert saved.card.classes is None


def test_fewer_images_than_dimensions():
    data = data_of(torch.rand(20, 1, 12, 12), 5)
    manifold = fit(data)
    assert int(manifold.neighbours) == len(data.train)
    x = of(data.test)
    assert manifold.basis(x, 200).shape == (5, 9, 144)
    assert manifold.tangent(x, x, 0.25).isfinite().all()


def test_images_are_kept_up_to_a_number():
    data = subspace_data(3, 120, 20)
    manifold = fit(data, LocalPCA(images=40))
    assert manifold.bank.shape == (40, D)
    training = {tuple(row) for row in of(data.train).flatten(1).half().tolist()}
    assert all(tuple(row) in training for row in manifold.bank.tolist())
    assert fit(data, LocalPCA(images=40), seed=1).card.hash != manifold.card.hash


def test_one_class_only():
    data = subspace_data(3, 60, 10)
    source = ArraySource(
        data.train.source._pixels, np.zeros(60, np.int64), [str(i) for i in range(60)]
    )
    parts = (Split(source, s.rows, ("only",)) for s in (data.train, data.val, data.test))
    manifold = fit(Data(*parts))
    assert manifold.card.classes is None
    assert manifold.card.usable


def test_constant_images_carry_no_manifold():
    with pytest.raises(InputError, match="all training images are the same"):
        fit(data_of(torch.full((30, *SHAPE), 0.3), 5))
    ramp = torch.linspace(0, 1, D).reshape(1, *SHAPE).expand(30, -1, -1, -1)
    with pytest.raises(InputError, match="all training images are the same"):
        fit(data_of(ramp, 5))


@pytest.mark.parametrize("wrong", [{"images": 2}, {"neighbours": 2}, {"neighbours": 0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(InputError, match="at least 3 images and 3 neighbours"):
        LocalPCA(**wrong)


def test_more_neighbours_than_images_are_refused():
    with pytest.raises(InputError, match="wants 50 neighbours of 40 images"):
        fit(subspace_data(3, 60, 10), LocalPCA(neighbours=50))
    with pytest.raises(InputError, match="at least 3 training images, not 2"):
        fit(data_of(torch.rand(6, *SHAPE), 2))


def test_images_of_another_size_are_refused():
    with pytest.raises(InputError, match="fitted at"):
        fit(subspace_data(3, 60, 10)).tangent(torch.rand(1, 1, 5, 5), torch.rand(1, 1, 5, 5), 0.25)

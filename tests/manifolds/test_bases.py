"""A kept tangent space is the computed one; any other image, noise or σ has its own."""

from dataclasses import replace
from pathlib import Path

import torch

from gaussian_data import images, subspace_manifold
from offmanifold.manifolds import bases
from offmanifold.manifolds.bases import remembered_basis


class Counting:
    """A manifold that counts how often its basis is asked for."""

    def __init__(self):
        self.inner = subspace_manifold(4)
        self.card, self.draws, self.seed = self.inner.card, 4, 0
        self.asked = 0

    def basis(self, x, *, index):
        self.asked += 1
        return self.inner.basis(x, index=index)


def test_the_second_audit_reads_what_the_first_computed(tmp_path: Path):
    split = images()
    batch, manifold = split.read(split.rows), Counting()
    first = remembered_basis(manifold, batch.x, batch.index, tmp_path)
    second = remembered_basis(manifold, batch.x, batch.index, tmp_path)
    assert manifold.asked == 1
    assert torch.equal(first, second)
    for change in (
        lambda: remembered_basis(manifold, batch.x + 1e-3, batch.index, tmp_path),
        lambda: remembered_basis(manifold, batch.x, batch.index + 1, tmp_path),
    ):
        before = manifold.asked
        change()
        assert manifold.asked == before + 1
    manifold.seed = 1
    remembered_basis(manifold, batch.x, batch.index, tmp_path)
    manifold.card = replace(manifold.card, sigma=0.3)
    remembered_basis(manifold, batch.x, batch.index, tmp_path)
    assert manifold.asked == 5


def test_broken_files_large_batches_and_no_folder_are_computed(tmp_path, monkeypatch):
    split = images()
    batch, manifold = split.read(split.rows), Counting()
    expected = remembered_basis(manifold, batch.x, batch.index, tmp_path)
    (kept,) = tmp_path.glob("bases/*.safetensors")
    kept.write_bytes(b"half a fi")
    assert torch.equal(remembered_basis(manifold, batch.x, batch.index, tmp_path), expected)
    assert torch.equal(remembered_basis(manifold, batch.x, batch.index, None), expected)
    assert manifold.asked == 3
    kept.unlink()
    monkeypatch.setattr(bases, "LARGEST", 10)
    remembered_basis(manifold, batch.x, batch.index, tmp_path)
    assert not list(tmp_path.glob("bases/*.safetensors"))


def test_a_place_that_cannot_be_written_costs_only_time(tmp_path):
    (tmp_path / "bases").write_text("a file in the way")
    split = images()
    batch, manifold = split.read(split.rows), Counting()
    assert len(remembered_basis(manifold, batch.x, batch.index, tmp_path)) == 12

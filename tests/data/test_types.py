import numpy as np
import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split

LABELS = np.repeat(np.arange(3), [60, 20, 20])


def make_split(n=12, rows=None, classes=("a", "b", "c"), pixels=None, labels=None, names=None):
    if pixels is None:
        pixels = np.random.default_rng(0).integers(0, 256, (n, 1, 4, 3), dtype=np.uint8)
    labels = np.arange(n) % 3 if labels is None else labels
    names = [f"{i}.png" for i in range(n)] if names is None else names
    source = ArraySource(pixels, labels, names)
    return Split(source, np.arange(n) if rows is None else rows, classes)


def test_a_batch_of_one_equals_a_batch_of_all():
    split = make_split()
    whole = next(split.batches(12))
    for i, one in enumerate(split.batches(1)):
        assert torch.equal(one.x[0], whole.x[i])
        assert one.y is not None and whole.y is not None
        assert one.y[0] == whole.y[i]
        assert one.index[0] == whole.index[i]


def test_batches_are_float_images_with_their_source_index():
    split = make_split(rows=np.array([2, 5, 7]))
    batch = next(split.batches(8))
    assert batch.x.dtype == torch.float32
    assert batch.x.shape == (3, 1, 4, 3)
    assert batch.index.tolist() == [2, 5, 7]
    assert batch.y is not None
    assert batch.y.tolist() == [2, 2, 1]
    assert batch.mask is None
    assert split.paths == ["2.png", "5.png", "7.png"]


def test_shuffling_yields_every_image_once_in_another_order():
    split = make_split()
    shuffled = torch.cat([b.index for b in split.batches(5, torch.Generator().manual_seed(0))])
    again = torch.cat([b.index for b in split.batches(4, torch.Generator().manual_seed(0))])
    assert sorted(shuffled.tolist()) == list(range(12))
    assert shuffled.tolist() != list(range(12))
    assert torch.equal(shuffled, again)


def test_fingerprint_changes_with_a_pixel_a_label_a_name_or_a_class():
    pixels = np.zeros((12, 1, 4, 3), dtype=np.uint8)
    other_pixel, other_label = pixels.copy(), np.arange(12) % 3
    other_pixel[7, 0, 1, 2] = 1
    other_label[7] = 0
    fingerprints = [
        make_split(pixels=pixels).fingerprint,
        make_split(pixels=other_pixel).fingerprint,
        make_split(pixels=pixels, labels=other_label).fingerprint,
        make_split(pixels=pixels, names=[f"{i}.jpg" for i in range(12)]).fingerprint,
        make_split(pixels=pixels, classes=("a", "b", "d")).fingerprint,
        make_split(pixels=pixels, rows=np.arange(11)).fingerprint,
    ]
    assert len(set(fingerprints)) == 6
    assert make_split(pixels=pixels).fingerprint == fingerprints[0]


def test_fingerprint_ignores_the_order_of_images():
    pixels = np.random.default_rng(1).integers(0, 256, (12, 1, 4, 3), dtype=np.uint8)
    order = np.random.default_rng(2).permutation(12)
    shuffled = make_split(
        pixels=pixels[order], labels=(np.arange(12) % 3)[order], names=[f"{i}.png" for i in order]
    )
    assert shuffled.fingerprint == make_split(pixels=pixels).fingerprint


def test_subset_is_class_balanced_and_drawn_by_seed():
    source = ArraySource(np.zeros((100, 1, 2, 2), np.uint8), LABELS, list(map(str, range(100))))
    split = Split(source, np.arange(100), ("a", "b", "c"))
    subset = split.subset(30, seed=1)
    assert subset.labels is not None
    assert list(np.bincount(subset.labels)) == [10, 10, 10]
    assert np.array_equal(subset.rows, split.subset(30, seed=1).rows)
    assert not np.array_equal(subset.rows, split.subset(30, seed=2).rows)
    assert split.subset(100) is split


def test_class_means_and_a_class_without_images():
    pixels = np.zeros((4, 1, 2, 2), np.uint8)
    pixels[1], pixels[2] = 255, 51
    split = make_split(4, pixels=pixels, labels=np.array([0, 0, 1, 1]), classes=("a", "b", "none"))
    means = split.class_means.mean(dim=(1, 2, 3))
    assert means.tolist() == pytest.approx([0.5, 0.1, 0.3])


def test_the_mean_is_of_the_rows_with_labels_and_without():
    pixels = np.random.default_rng(0).random((9, 2, 3, 4), dtype=np.float32)
    rows = np.array([0, 1, 3, 4, 6, 8])  # four of class 0, two of class 1
    expected = torch.from_numpy(pixels[rows].mean(0))
    for labels, classes in ((np.arange(9) % 3 % 2, ("a", "b")), (None, None)):
        source = ArraySource(pixels, labels, [f"{i}.png" for i in range(9)])
        split = Split(source, rows, classes)
        torch.testing.assert_close(split.mean, expected)
    torch.testing.assert_close(Split(source, rows).mean, expected)


def test_both_means_read_each_image_once():
    class Counting(ArraySource):
        seen = 0

        def read(self, index: np.ndarray) -> torch.Tensor:
            self.seen += len(index)
            return super().read(index)

    pixels = np.random.default_rng(0).random((6, 1, 4, 3), dtype=np.float32)
    source = Counting(pixels, np.arange(6) % 2, [f"{i}.png" for i in range(6)])
    split = Split(source, np.arange(6), ("a", "b"))
    for _ in range(2):
        torch.testing.assert_close(split.class_means.mean(0), split.mean)
    assert source.seen == 6


def test_class_means_need_labels():
    source = ArraySource(np.zeros((4, 1, 2, 2), np.uint8), None, list("abcd"))
    with pytest.raises(InputError, match="labels"):
        _ = Split(source, np.arange(4)).class_means


def test_data_fingerprint_depends_on_the_division():
    parts = [make_split(rows=np.arange(a, b)) for a, b in ((0, 6), (6, 9), (9, 12))]
    assert Data(*parts).fingerprint != Data(parts[0], parts[2], parts[1]).fingerprint


def test_images_are_read_in_float32_inside_a_region_of_autocast():
    class Computed(ArraySource):
        def read(self, index: np.ndarray) -> torch.Tensor:
            x = super().read(index)
            return x.flatten(2) @ torch.eye(x[0, 0].numel()).reshape(-1, x[0, 0].numel())

    pixels = np.random.default_rng(0).random((3, 1, 4, 5), dtype=np.float32)
    split = Split(Computed(pixels, None, ["a", "b", "c"]), np.arange(3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = split.read(split.rows).x
    assert torch.equal(x.flatten(), torch.from_numpy(pixels).flatten())

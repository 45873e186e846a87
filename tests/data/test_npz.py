import re
import zipfile

import numpy as np
import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.data import load_data, npz

GENERATOR = np.random.default_rng(0)
X = GENERATOR.integers(0, 256, (60, 8, 6), dtype=np.uint8)
Y = np.arange(60) % 3


def write(path, **changes):
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:9], "y_test": Y[:9]} | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "toy.npz"


def test_given_parts_are_kept_and_val_is_stratified(file):
    data = load_data(write(file))
    assert [len(s) for s in (data.train, data.val, data.test)] == [51, 9, 9]
    assert data.val.labels is not None
    assert list(np.bincount(data.val.labels)) == [3, 3, 3]
    assert data.classes == ("0", "1", "2")
    assert data.info["source"] == "train/test given"
    assert data.info["name"] == "toy"
    test = next(data.test.batches(9))
    assert torch.equal(test.x, torch.from_numpy(X[:9, None]).float() / 255)
    assert test.index.tolist() == list(range(60, 69))
    assert data.test.paths[0] == "test/0"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((8, 6), (1, 8, 6)), ((8, 6, 1), (1, 8, 6)), ((8, 6, 3), (3, 8, 6)), ((3, 8, 6), (3, 8, 6))],
)
def test_layouts(file, shape, expected):
    x = GENERATOR.integers(0, 256, (60, *shape), dtype=np.uint8)
    data = load_data(write(file, x_train=x, x_test=x[:9]))
    assert data.shape == expected
    image = next(data.test.batches(1)).x[0]
    first = torch.from_numpy(x[0]).float() / 255
    if shape[-1] < 6:
        first = first.permute(2, 0, 1)
    assert torch.equal(image, first.reshape(expected))


def test_floats_and_wide_integers_give_the_same_images(file):
    bytes_, floats, wide = (
        next(load_data(write(file, x_train=x, x_test=x[:9])).train.batches(60)).x
        for x in (X, X / 255, X.astype(np.int64))
    )
    assert torch.allclose(bytes_, floats, atol=1e-7)
    assert torch.equal(bytes_, wide)


NAN = X / 255
NAN[3, 2, 1] = np.nan


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": X.astype(float)}, "x_train in .*toy.npz holds values from 0 to 255"),
        ({"x_train": X / 127.5 - 1}, "values from -1 to 1"),
        ({"x_test": NAN}, "x_test in .* NaN"),
        ({"x_train": X.astype(int) + 1}, "integers from 1 to 256"),
        ({"y_test": None}, "has no y_test .*it has x_train, y_train, x_test"),
        ({"y_train": Y[:-1]}, r"y_train in .* has shape \(59,\) for 60 images"),
        ({"y_train": Y / 1}, "float64"),
        ({"y_train": Y - 1}, "label -1"),
        ({"y_train": Y * 0, "y_test": Y[:9] * 0}, "one class only"),
        ({"y_test": Y[:9] + 1}, '"3" of .* is missing from train'),
        ({"y_train": np.array([None] * 60)}, "cannot read"),
        ({"x_test": X[:9, :7]}, r"differ: .*\(1, 8, 6\) against .*\(1, 7, 6\)"),
        ({"x_test": X[:9] / 255}, "uint8 .*against float32"),
        ({"x_test": X[:0], "y_test": Y[:0]}, r"x_test in .* has shape \(0, 8, 6\)"),
        ({"x_train": X[:, 0]}, "images must be"),
        ({"x_train": np.zeros((60, 8, 6, 8), np.uint8)}, "channels cannot be told"),
        ({"x_train": X.astype(str)}, "must be uint8 or float"),
    ],
)
def test_bad_arrays_are_named(file, changes, message):
    with pytest.raises(InputError, match=message):
        load_data(write(file, **changes))


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_npz(file, content):
    file.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(f"cannot read {file}")):
        load_data(file)


def test_a_cut_file_and_a_plain_npy(file, tmp_path):
    file.write_bytes(write(file).read_bytes()[:-200])
    with pytest.raises(InputError, match="cannot read"):
        load_data(file)
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(file)
    with pytest.raises(InputError, match="cannot read"):
        load_data(file)


def test_mnist(real):
    data = load_data(real / "mnist.npz")
    assert [len(s) for s in (data.train, data.val, data.test)] == [51_000, 9_000, 10_000]
    assert data.shape == (1, 28, 28)
    assert load_data(real / "mnist.npz", seed=1).fingerprint != data.fingerprint
    mean = np.mean([b.x.mean().item() for b in data.train.batches(1000)])
    assert mean * 255 == pytest.approx(31.5, abs=1.5)  # as shared/data/README.md says


def test_mnist_with_distractor(real):
    data = load_data(f"distractor:{real / 'mnist.npz'}")
    batch = next(data.test.batches(4))
    assert batch.x.shape == (4, 1, 56, 28)
    assert batch.mask is not None
    assert batch.mask.sum() == 4 * 28 * 28


def test_an_array_larger_than_memory_is_refused_by_its_header(file, monkeypatch):
    np.savez_compressed(
        file, x_train=np.zeros((50_000, 64, 64), np.uint8), y_train=Y, x_test=X[:9], y_test=Y[:9]
    )
    assert file.stat().st_size < 1e6
    monkeypatch.setattr(npz, "available_memory", lambda: 800_000_000)

    def load(*_, **__):
        pytest.fail("it was unpacked")

    monkeypatch.setattr(np, "load", load)
    with pytest.raises(
        InputError, match=r"unpacks to 0\.205 GB, more than an eighth of the 0\.8 GB"
    ):
        load_data(file)


def test_a_header_that_promises_more_than_there_is(file):
    write(file, x_train=X)
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["x_train.npy"] = members["x_train.npy"].replace(b"(60, 8, 6)", b"(6000000, 8, 6)", 1)
    header = members["x_train.npy"]
    members["x_train.npy"] = header.replace(b"     \n", b"\n", 1)  # as long as before
    with zipfile.ZipFile(file, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    with pytest.raises(InputError, match="cannot read"):
        load_data(file)


@pytest.mark.parametrize(
    ("high", "dtype", "white"),
    [
        (4095, np.uint16, 4095),
        (3000, np.uint16, 4095),
        (4000, np.int16, 4095),
        (900, np.uint16, 1023),
        (16000, np.uint16, 16383),
        (60000, np.uint16, 65535),
        (255, np.uint16, 255),
        (1, np.uint8, 1),
        (1, np.int64, 1),
        (1, bool, 1),
        (1, np.uint16, 1),
    ],
)
def test_white_is_that_of_the_data_and_said_where_it_is_not_usual(file, high, dtype, white):
    x = GENERATOR.integers(0, high + 1, (60, 8, 6)).astype(dtype)
    x[3, 2, 1] = high
    data = load_data(write(file, x_train=x, x_test=x[:9]))
    found = next(data.test.batches(9)).x
    expected = torch.from_numpy(x[:9, None].astype(np.float64) / white).float()
    assert torch.allclose(found, expected, atol=1e-6)
    usual = white in (255, 65535)
    assert any(f"{white} and not" in said for said in data.info["told"]) != usual


def test_white_is_one_for_both_parts(file):
    x = X.astype(np.uint16) * 16
    data = load_data(write(file, x_train=x, x_test=x[:9] // 64))
    assert torch.allclose(
        next(data.test.batches(1)).x[0, 0], torch.from_numpy(x[0] // 64 / 4095).float()
    )


def test_what_is_nearly_black_is_said(file):
    data = load_data(write(file, x_train=X // 16, x_test=X[:9] // 16))
    assert any(
        "nearly black: no value exceeds 15, and white is 255" in s for s in data.info["told"]
    )
    data = load_data(write(file, x_train=X / 255 / 255, x_test=X[:9] / 255 / 255))
    assert any("nearly black" in said for said in data.info["told"])
    assert load_data(write(file)).info["told"] == REPEATED


REPEATED = [
    "9 pictures are on both sides of a split, such as train/0 (train) and test/0 (test)",
]


@pytest.mark.parametrize("beyond", [1e-7, 5e-4])
def test_rounding_is_clipped_and_more_is_refused(file, beyond):
    x = X / 255
    x[0, 0, :2] = [-beyond, 1 + beyond]
    found = load_data(write(file, x_train=x, x_test=x[:9])).train.source.read(np.arange(60))
    assert found.min() == 0
    assert found.max() == 1
    x[0, 0, 0] = 1.002
    with pytest.raises(InputError, match=r"to 1\.002; images must lie"):
        load_data(write(file, x_train=x))


@pytest.mark.parametrize("place", [6, 8])
def test_what_zip_knows_and_this_reader_does_not_is_bad_input(tmp_path, place):
    file = tmp_path / "a.npz"
    np.savez(
        file, **{key: np.zeros((4, 3, 3) if key[0] == "x" else 4, np.uint8) for key in npz.KEYS}
    )
    content = bytearray(file.read_bytes())
    content[content.index(b"PK\x01\x02") + place + 2] = 0x61  # encrypted, or an unknown method
    file.write_bytes(content)
    with pytest.raises(InputError, match="cannot read"):
        load_data(file)

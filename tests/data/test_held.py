"""Whatever holds images becomes the same data, pixel for pixel, or is refused in one sentence."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

import offmanifold as om

N = 30
X = np.random.default_rng(0).integers(0, 256, (N, 6, 5, 3), dtype=np.uint8)
Y = np.arange(N) % 3


class Items(Dataset):
    """A map-style dataset of PIL pictures with names of classes."""

    classes = ("a", "b", "c")

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int):
        return Image.fromarray(X[i]), int(Y[i])


def hugging_face():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])}
    )
    pictures = [Image.fromarray(x) for x in X]
    return datasets.Dataset.from_dict({"image": pictures, "label": Y.tolist()}, features=features)


NCHW = torch.from_numpy(X).permute(0, 3, 1, 2)
HELD = {
    "arrays": lambda: (X, Y),
    "tensors": lambda: (NCHW, torch.from_numpy(Y)),
    "floats": lambda: (NCHW.float() / 255, Y),
    "int64": lambda: (X.astype(np.int64), Y),
    "tensor dataset": lambda: TensorDataset(NCHW, torch.from_numpy(Y)),
    "pictures": lambda: [(Image.fromarray(x), y) for x, y in zip(X, Y, strict=True)],
    "dataset": Items,
    "loader": lambda: DataLoader(TensorDataset(NCHW, torch.from_numpy(Y)), 7, shuffle=True),
    "dicts": lambda: [{"img": x, "label": y} for x, y in zip(X, Y, strict=True)],
    "hugging face": hugging_face,
}


@pytest.mark.parametrize("kind", HELD)
def test_the_same_images_are_the_same_data(kind):
    data, plain = om.as_data(HELD[kind]()), om.as_data((X, Y))
    assert data.shape == (3, 6, 5)
    named = kind in ("dataset", "hugging face")
    assert data.classes == (("a", "b", "c") if named else ("0", "1", "2"))
    for part in ("train", "val", "test"):
        own, other = getattr(data, part), getattr(plain, part)
        a, b = (s.read(s.rows) for s in (own, other))
        torch.testing.assert_close(a.x, b.x, rtol=0, atol=1e-7)
        assert a.y.equal(b.y) and len(own) > 0
    if kind != "floats" and not named:
        assert data.fingerprint == plain.fingerprint


def test_parts_are_kept_and_images_alone_have_no_labels():
    data = om.as_data({"train": (X[:20], Y[:20]), "test": (X[20:], Y[20:])}, classes="xyz")
    assert (len(data.test), data.classes) == (10, ("x", "y", "z"))
    assert len(data.train) + len(data.val) == 20
    alone = om.as_data(X)
    assert alone.classes is None
    assert om.as_data(data) is data


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (7, "a int holds no images"),
        ((X / 100.0, Y), "from 0 to 2.55"),
        ((X / 127.5 - 1, Y), "put the normalisation into the model"),
        ([Image.fromarray(X[0]), Image.fromarray(X[0][:4])], "different sizes"),
        ((X, Y[:5]), "5"),
        ([], "no image"),
        ([{"a": 1}], "has no image: a"),
        ({"train": (X, Y), "holdout": (X, Y)}, "name them train, val, test"),
        ({"train": (X, Y), "test": X}, "others none"),
        ({"train": (X, Y), "test": (X[:, :4], Y)}, "differ in size"),
    ],
)
def test_what_cannot_be_data_is_one_sentence(given, words):
    with pytest.raises(om.InputError, match=words):
        om.as_data(given)


def test_entry_points_take_what_is_held():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(90, 3))
    config = om.AuditConfig(limit=4, only=("accuracy.clean",))
    audit = om.audit(model, (X, Y), config=config, show=False)
    assert audit["accuracy.clean"].n == 4


def test_a_data_set_on_disk_is_a_spec(tmp_path):
    hugging_face().save_to_disk(str(tmp_path / "saved"))
    data = om.load_data(f"hf:{tmp_path / 'saved'}")
    assert data.fingerprint == om.as_data(hugging_face()).fingerprint
    assert data.info["spec"] == f"hf:{tmp_path / 'saved'}"
    small = om.load_data(f"hf:{tmp_path / 'saved'}", size=(4, 4), channels=1)
    assert small.shape == (1, 4, 4)
    with pytest.raises(om.InputError, match="cannot read the data set hf:"):
        om.load_data(f"hf:{tmp_path}")
    with pytest.raises(om.InputError, match="needs a path or a name"):
        om.load_data("hf:")

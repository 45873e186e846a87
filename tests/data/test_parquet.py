import io
import json
import os
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from offmanifold._core.errors import InputError, RunError
from offmanifold.data import encoded, load_data, parquet

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 6, 5, 3), dtype=np.uint8)
LABELS = [i % 3 for i in range(60)]


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


STRUCTS = [{"bytes": png(p), "path": None} for p in PIXELS]


def write(path, images=STRUCTS, labels=LABELS, names=None, column="image"):
    columns = {column: images} | ({} if labels is None else {"label": labels})
    table = pa.table(columns)
    if names:
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        info = json.dumps({"info": {"features": features}}).encode()
        table = table.replace_schema_metadata({b"huggingface": info})
    pq.write_table(table, path, row_group_size=25)
    return path


@pytest.fixture
def file(tmp_path):
    return tmp_path / "toy.parquet"


@pytest.mark.parametrize("images", [STRUCTS, [s["bytes"] for s in STRUCTS]])
def test_a_single_file_is_divided(file, images):
    data = load_data(write(file, images))
    assert [len(s) for s in (data.train, data.val, data.test)] == [42, 9, 9]
    assert data.info["source"] == "divided 70/15/15"
    assert data.classes == ("0", "1", "2")
    batch = next(data.val.batches(9))
    rows = data.val.rows
    assert torch.equal(batch.x, torch.from_numpy(PIXELS[rows]).permute(0, 3, 1, 2) / 255)
    assert batch.y is not None
    assert batch.y.tolist() == [LABELS[i] for i in rows]


def test_pixels_beyond_the_memory_limit_are_read_again(file, monkeypatch):
    kept = next(load_data(write(file)).test.batches(9)).x
    monkeypatch.setattr(encoded, "CACHE_BYTES", 0)
    assert torch.equal(next(load_data(file).test.batches(9)).x, kept)


def test_class_names_of_hugging_face(file):
    assert load_data(write(file, names=["ant", "bee", "cow"])).classes == ("ant", "bee", "cow")
    with pytest.raises(InputError, match="holds 2, but only 2 names"):
        load_data(write(file, names=["ant", "bee"]))


def test_without_labels(file):
    data = load_data(write(file, labels=None))
    assert data.classes is None
    assert data.train.labels is None
    assert next(data.train.batches(2)).y is None


def test_a_pair_is_loaded_from_either_file_and_from_its_folder(tmp_path):
    train = write(tmp_path / "toy-train.parquet")
    assert load_data(train).info["source"] == "divided 70/15/15"
    test = write(tmp_path / "toy-test.parquet", STRUCTS[:9], LABELS[:9])
    for spec in (train, test, tmp_path):
        data = load_data(spec)
        assert [len(s) for s in (data.train, data.val, data.test)] == [51, 9, 9]
        assert data.info["source"] == "train/test given"
        assert data.info["name"] == "toy"
        assert torch.equal(
            next(data.test.batches(1)).x[0], torch.from_numpy(PIXELS[0]).permute(2, 0, 1) / 255
        )


def test_a_pair_must_agree(tmp_path):
    write(tmp_path / "toy-train.parquet", names=["a", "b", "c"])
    test = write(tmp_path / "toy-test.parquet", names=["b", "a", "c"])
    with pytest.raises(InputError, match="differ in their classes"):
        load_data(test)


def test_broken_images_are_skipped(file):
    images = [{"bytes": b"junk", "path": None}, {"bytes": None, "path": "a.png"}, *STRUCTS[2:]]
    data = load_data(write(file, images))
    assert [bad["path"] for bad in data.info["skipped"]] == ["0", "1"]
    assert len(data.train.source) == 58
    batch = data.train.read(np.array([0]))
    assert torch.equal(batch.x[0], torch.from_numpy(PIXELS[2]).permute(2, 0, 1) / 255)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "picture"}, 'no column "image" .*picture, label'),
        ({"images": list(range(60))}, "is int64; it must hold encoded images"),
        ({"images": [{"path": "a.png"}] * 60}, "must hold encoded images"),
        ({"labels": ["cat"] * 60}, "labels must be integers"),
        ({"labels": [None, *LABELS[1:]]}, "labels must be integers"),
        ({"labels": [-1] * 60}, "label -1"),
        ({"labels": [0] * 60}, "one class only"),
    ],
)
def test_bad_tables_are_named(file, changes, message):
    with pytest.raises(InputError, match=message):
        load_data(write(file, **changes))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_an_error_of_the_run(file, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "wb", buffering=0))  # noqa: SIM115
    with pytest.raises(RunError, match="No space left"):
        load_data(write(file))


def test_a_table_without_rows(file):
    schema = pa.schema({"image": pa.binary(), "label": pa.int64()})
    pq.write_table(schema.empty_table(), file)
    with pytest.raises(InputError, match="holds no image"):
        load_data(file)


@pytest.mark.parametrize("content", [b"", b"PAR1 not really"])
def test_a_file_that_is_no_parquet(file, content):
    file.write_bytes(content)
    with pytest.raises(InputError, match="cannot read .*toy.parquet as parquet"):
        load_data(file)


def test_cifar10(real, tmp_path):
    for part, n in (("train", 1000), ("test", 300)):  # a slice: all 60,000 take some seconds
        name = f"cifar10-{part}.parquet"
        pq.write_table(pq.read_table(real / name).slice(0, n), tmp_path / name)
    data = load_data(tmp_path / "cifar10-test.parquet")
    assert data.shape == (3, 32, 32)
    assert data.classes == tuple("0123456789")
    assert [len(s) for s in (data.train, data.val, data.test)] == [850, 150, 300]
    batch = next(data.train.batches(850))
    assert 0.4 < batch.x.mean() < 0.55
    assert (batch.x[:, 0] - batch.x[:, 2]).abs().mean() > 0.02


@pytest.mark.parametrize("below", ["", "data"])
@pytest.mark.parametrize("tail", ["", "-0123abcdef456789"])
def test_shards_as_hubs_store_them(tmp_path, below, tail):
    place = tmp_path / "toys" / below
    place.mkdir(parents=True)
    for i, part in enumerate((slice(0, 30), slice(30, 60))):
        write(place / f"train-0000{i}-of-00002{tail}.parquet", STRUCTS[part], LABELS[part])
    write(place / f"validation-00000-of-00001{tail}.parquet", STRUCTS[:6], LABELS[:6])
    test = write(place / f"test-00000-of-00001{tail}.parquet", STRUCTS[6:15], LABELS[6:15])
    (tmp_path / "toys" / "README.md").write_text("a card")
    for spec in (tmp_path / "toys", place, test, place / f"train-00001-of-00002{tail}.parquet"):
        data = load_data(spec)
        assert [len(s) for s in (data.train, data.val, data.test)] == [60, 6, 9]
        assert data.info["source"] == "train/val/test given"
        assert data.info["name"] == "toys"
        assert data.info["told"][0].startswith("taken for training: train-00000-of-00002")
        assert torch.equal(
            data.train.read(np.array([59])).x[0],
            torch.from_numpy(PIXELS[59]).permute(2, 0, 1) / 255,
        )
    (place / f"train-00000-of-00002{tail}.parquet").unlink()
    with pytest.raises(InputError, match="one of 2 shards, and shards 0 are missing"):
        load_data(tmp_path / "toys")


def test_a_hub_s_folder_of_one_split_is_divided_and_what_is_not_used_named(tmp_path):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "train-00000-of-00001.parquet")
    write(tmp_path / "data" / "unsupervised-00000-of-00001.parquet")
    for spec in (tmp_path, tmp_path / "data" / "train-00000-of-00001.parquet"):
        data = load_data(spec)
        assert [len(s) for s in (data.train, data.val, data.test)] == [42, 9, 9]
        assert data.info["divided"]
    (told,) = load_data(tmp_path).info["told"]
    assert "not used" in told and "unsupervised-00000" in told


def test_a_folder_of_several_data_sets_is_refused_by_name(tmp_path):
    for name in ("a", "b"):
        for part in ("train", "test"):
            write(tmp_path / f"{name}-{part}.parquet")
    with pytest.raises(InputError, match=r"several data sets .*a-test\.parquet.*give one"):
        load_data(tmp_path)


def test_two_files_that_mean_one_split_are_refused(tmp_path):
    for part in ("train", "val", "validation"):
        write(tmp_path / f"toy-{part}.parquet")
    with pytest.raises(InputError, match="val and validation in .* all mean validation"):
        load_data(tmp_path)


def test_one_parquet_in_a_folder_is_read(tmp_path):
    write(tmp_path / "toys.parquet")
    assert load_data(tmp_path).info["name"] == "toys"


@pytest.mark.parametrize("below", ["", "default"])
def test_folders_of_shards_as_hubs_convert_them(tmp_path, below):
    for name in ("train/0000", "train/0001", "test/0000"):
        (tmp_path / below / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / below / f"{name}.parquet", names=["a", "b", "c"])
    data = load_data(tmp_path)
    assert (len(data.train) + len(data.val), len(data.test)) == (120, 60)
    assert data.info["told"][0] == (
        "taken for training: train/0000.parquet and 1 more, test: test/0000.parquet"
    )
    one = load_data(tmp_path / below / "train" / "0001.parquet")
    assert one.fingerprint == data.fingerprint
    (tmp_path / below / "train" / "0000.parquet").unlink()
    with pytest.raises(InputError, match="shards 0 are missing"):
        load_data(tmp_path)


def test_tables_of_several_configurations_are_named(tmp_path):
    (tmp_path / "plain_text").mkdir()
    write(tmp_path / "plain_text" / "train.parquet")
    with pytest.raises(InputError, match="plain_text holds .parquet files and no image; give that"):
        load_data(tmp_path)


def test_columns_as_hubs_call_them(tmp_path):
    names = ["a", "b\x1b[1m", "\ud800"]
    info = json.dumps({"info": {"features": {"fine_label": {"names": names}}}}).encode()
    table = pa.table({"img": STRUCTS, "fine_label": LABELS, "coarse_label": LABELS})
    pq.write_table(table.replace_schema_metadata({b"huggingface": info}), tmp_path / "a.parquet")
    assert load_data(tmp_path).classes == ("a", "b\\x1b[1m", "\\ud800")


def test_columns_that_are_not_used_are_named(file):
    pq.write_table(pa.table({"image": STRUCTS, "target": LABELS}), file)
    data = load_data(file)
    assert data.classes is None
    assert data.info["told"] == [f'without labels: {file} has no column "label" (but target)']


def test_two_classes_of_one_name_are_refused(file):
    with pytest.raises(InputError, match='two classes of .*toy.parquet are called "a"'):
        load_data(write(file, names=["a", "b", "a"]))


def test_names_that_are_no_unicode_are_bad_input(file):
    content = write(file).read_bytes()
    file.write_bytes(content.replace(b"path", b"pat\xb7"))
    with pytest.raises(InputError, match="cannot read .* as parquet"):
        load_data(file)


def test_a_picture_that_a_table_repeats_takes_its_room_once():
    large = png(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    assert len(large) > 2**16
    written = []
    store = parquet._Store()
    for content in (large, b"x", large, b"x", large):
        store.add(content)
        written.append(store._file.tell())
    assert written[-1] == len(large) + 2
    assert [store.get(i) for i in range(5)] == [large, b"x", large, b"x", large]

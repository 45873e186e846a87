import logging

import numpy as np
import pytest
import torch
from PIL import Image

from offmanifold._core.errors import InputError
from offmanifold.data import encoded
from offmanifold.data.encoded import EncodedSource
from offmanifold.data.request import Request


@pytest.fixture
def files(tmp_path, save):
    return [save(tmp_path / f"{i:03}.png") for i in range(40)]


def source_of(files, request=None, labels=None):
    names = [file.name for file in files]
    return EncodedSource(
        names, labels, lambda i: files[i].read_bytes(), request or Request(), "here"
    )


def test_images_are_the_same_whether_kept_or_decoded_again(files, monkeypatch):
    for request in (Request(), Request(size=(4, 4), channels=3)):
        kept = source_of(files, request).read(np.arange(40))
        monkeypatch.setattr(encoded, "CACHE_BYTES", 100)  # room for three images
        source = source_of(files, request)
        monkeypatch.undo()
        assert source._cache is None
        assert torch.equal(source.read(np.arange(40)), kept)
        assert torch.equal(source.read(np.array([7]))[0], kept[7])


def test_a_file_changed_behind_our_back_is_noticed(files, monkeypatch):
    monkeypatch.setattr(encoded, "CACHE_BYTES", 0)
    source = source_of(files)
    files[5].write_bytes(files[6].read_bytes())
    files[7].unlink()
    source.read(np.array([4, 6]))
    for i in (5, 7):
        with pytest.raises(InputError, match=f"00{i}.png in here has changed"):
            source.read(np.array([i]))


def test_broken_images_are_named_skipped_and_counted(files, caplog):
    files[3].write_bytes(b"")
    files[20].write_bytes(files[20].read_bytes()[:50])
    with caplog.at_level(logging.WARNING, "offmanifold"):
        source = source_of(files, labels=np.arange(40))
    assert "2 of 40 images in here" in caplog.text
    assert "003.png (it is empty)" in caplog.text
    assert [bad["path"] for bad in source.skipped] == ["003.png", "020.png"]
    assert len(source) == len(source.names) == len(source.hashes) == 38
    assert source.labels is not None
    assert source.labels.tolist() == source.kept.tolist()
    assert source.labels.tolist() == [i for i in range(40) if i not in (3, 20)]


def test_too_many_broken_images_are_an_error(files):
    for i in range(3):
        files[i].write_bytes(b"")
    with pytest.raises(InputError, match=r"3 of 40 .*000\.png.*at most 5% may be"):
        source_of(files)
    assert len(source_of(files, Request(max_bad_share=0.1))) == 37
    for file in files:
        file.write_bytes(b"")
    with pytest.raises(InputError, match="40 of 40"):
        source_of(files, Request(max_bad_share=1))


def test_grey_unless_one_is_coloured(files, tmp_path, save):
    assert source_of(files).shape == (1, 6, 5)
    mixed = [*files, save(tmp_path / "colour.png", (6, 5, 3))]
    source = source_of(mixed)
    x = source.read(np.array([0, 40]))
    assert source.shape == x.shape[1:] == (3, 6, 5)
    assert torch.equal(x[0, 0], x[0, 1])
    assert not torch.equal(x[1, 0], x[1, 1])
    assert source_of(mixed, Request(channels=1)).shape == (1, 6, 5)
    assert source_of(files, Request(channels=3)).shape == (3, 6, 5)


def test_mixed_sizes_need_a_size(files, tmp_path, save):
    mixed = [*files, save(tmp_path / "large.png", (9, 7))]
    with pytest.raises(InputError, match=r"2 sizes.*6×5 \(40.*9×7 \(1, such as large.png\).*224"):
        source_of(mixed)
    assert source_of(mixed, Request(size=(4, 4))).shape == (1, 4, 4)


def test_progress_goes_to_stderr(files, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as if on a terminal
    source_of(files)
    assert capfd.readouterr() == ("", "")
    source_of(files, Request(progress=True))
    out, err = capfd.readouterr()
    assert out == ""
    assert "reading images" in err


def test_12_bits_in_16_are_white_at_4095_over_all_images(tmp_path, save):
    values = np.random.default_rng(0).integers(0, 1000, (8, 6, 5), dtype=np.uint16)
    values[5, 0, 0] = 4095
    files = [tmp_path / f"{i}.png" for i in range(8)]
    for file, pixels in zip(files, values, strict=True):
        Image.fromarray(pixels).save(file)
    source = source_of(files)
    expected = np.rint(values / 4095 * 255) / 255
    assert torch.allclose(source.read(np.arange(8))[:, 0], torch.from_numpy(expected).float())
    assert "4095 and not 65535 is taken for white" in source.notes[0]
    usual = values.copy()
    usual[5, 0, 0] = 65535
    Image.fromarray(usual[5]).save(files[5])
    other = source_of(files)
    assert not [said for said in other.notes if "taken for white" in said]
    assert source.hashes[0] != other.hashes[0]  # the same file, other pixels
    assert other.read(np.array([0])).max() < 0.02


def test_masks_of_0_and_1_are_black_and_white(tmp_path, save, monkeypatch):
    bits = np.random.default_rng(0).integers(0, 2, (4, 6, 5), dtype=np.uint8)
    files = [save(tmp_path / f"{i}.png", pixels=bits[i]) for i in range(4)]
    source = source_of(files)
    assert torch.equal(source.read(np.arange(4))[:, 0], torch.from_numpy(bits).float())
    assert "1 and not 255" in source.notes[0]
    monkeypatch.setattr(encoded, "CACHE_BYTES", 0)
    assert torch.equal(source_of(files).read(np.arange(4))[:, 0], torch.from_numpy(bits).float())


def test_a_bomb_is_one_bad_image_and_warns_of_nothing(files):
    screen = (60000).to_bytes(2, "little") * 2
    bomb = b"GIF89a" + screen + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + screen + b"\0"
    files[3].write_bytes(bomb + b"\x02\x02\x44\x01\0;")
    source = source_of(files)
    assert len(source) == 39
    assert "declares" in source.skipped[0]["reason"]

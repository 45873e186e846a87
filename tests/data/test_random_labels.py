"""The same images in the same parts, with labels that say nothing."""

import numpy as np
import pytest

import offmanifold as om


def test_images_and_division_stay_and_labels_are_permuted_within_parts():
    plain, permuted = om.load_data("digits"), om.load_data("random-labels:digits")
    for mine, theirs in zip(
        (permuted.train, permuted.val, permuted.test),
        (plain.train, plain.val, plain.test),
        strict=True,
    ):
        assert (mine.rows == theirs.rows).all()
        assert mine.labels is not None
        assert theirs.labels is not None
        assert (np.bincount(mine.labels) == np.bincount(theirs.labels)).all()
        agree = float((mine.labels == theirs.labels).mean())
        assert agree < 0.2  # a tenth by chance
        a, b = mine.read(mine.rows[:3]), theirs.read(theirs.rows[:3])
        assert (a.x == b.x).all()
        assert a.y is not None
        assert a.y.tolist() == mine.labels[:3].tolist()
    assert permuted.fingerprint != plain.fingerprint
    assert permuted.info["name"] == "random-labels-digits"
    assert om.load_data("random-labels:digits").fingerprint == permuted.fingerprint
    other = om.load_data("random-labels:digits", seed=1)
    assert other.fingerprint != permuted.fingerprint


def test_masks_come_along():
    data = om.load_data("random-labels:distractor:digits")
    assert data.test.read(data.test.rows[:2]).mask is not None


def test_data_without_labels_are_refused(tmp_path):
    from PIL import Image

    for i in range(12):
        Image.new("L", (8, 8), i * 20).save(tmp_path / f"{i}.png")
    with pytest.raises(om.InputError, match="random-labels: needs labelled images"):
        om.load_data(f"random-labels:{tmp_path}")
    with pytest.raises(om.InputError, match="needs data after a colon"):
        om.load_data("random-labels:")

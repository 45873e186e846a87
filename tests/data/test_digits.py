import numpy as np
import pytest
from sklearn.datasets import load_digits

from offmanifold._core.errors import InputError
from offmanifold.data import load_data


def test_digits_are_the_embedded_handwriting_at_16_by_16():
    data = load_data("digits")
    assert data.shape == (1, 16, 16)
    assert data.classes == tuple("0123456789")
    assert [len(s) for s in (data.train, data.val, data.test)] == [1258, 270, 269]
    values, labels = load_digits(return_X_y=True)
    batch = next(data.train.batches(64))
    rows = data.train.rows[:64]
    assert batch.y is not None
    assert batch.y.tolist() == labels[rows].tolist()
    # Bilinear doubling, then averaging 2×2, keeps the inner mean of smooth parts and the range.
    means = batch.x.mean(dim=(1, 2, 3)).numpy()
    assert np.allclose(means, values[rows].mean(1) / 16, atol=0.02)
    assert batch.x.max() == 1


def test_digits_in_another_size_and_in_colour():
    data = load_data("digits", size=28, channels=3)
    assert data.shape == next(data.val.batches(2)).x.shape[1:] == (3, 28, 28)
    assert data.fingerprint != load_data("digits").fingerprint


def test_digits_take_nothing_after_a_colon():
    with pytest.raises(InputError, match="mnist"):
        load_data("digits:mnist")

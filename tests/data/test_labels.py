import numpy as np
import pytest

from offmanifold._core.errors import InputError
from offmanifold.data.labels import as_labels, numbered_classes


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_integers_of_any_width_are_labels(dtype, shape):
    labels = as_labels(np.array([2, 0, 1], dtype=dtype).reshape(shape), 3, "y")
    assert labels.dtype == np.int64
    assert labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1], r"y has shape \(2,\) for 3 images"),
        ([[0, 1]] * 3, "one label an image"),
        ([0.0, 1.0, 2.0], "float64"),
        ([True, False, True], "bool"),
        ([0, -1, 2], "label -1"),
    ],
)
def test_anything_else_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        as_labels(np.array(values), 3, "y")


def test_classes_are_numbered():
    assert numbered_classes(np.array([0, 2, 2]), "y") == ("0", "1", "2")
    with pytest.raises(InputError, match="label 1000000000 for 2 images"):
        numbered_classes(np.array([0, 1_000_000_000]), "y")

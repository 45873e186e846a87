import pytest

from offmanifold._core.errors import InputError
from offmanifold.data.splits import by_split, one_each, split_of


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "train TRAIN Training train_set trainset train-images"),
        ("val", "val Valid validation VALIDATION dev eval val_data"),
        ("test", "test Testing TEST test_set"),
        (None, "trainer trained vals tests-x contest good data set devil evaluate_me"),
    ],
)
def test_names_of_splits(split, names):
    assert [split_of(name) for name in names.split()] == [split] * len(names.split())


def test_two_of_one_are_named():
    found = by_split(["x", "test", "Train", "testing"])
    assert found == {"train": ["Train"], "test": ["test", "testing"]}
    with pytest.raises(InputError, match="test and testing in here all mean test images"):
        one_each(found, "here")

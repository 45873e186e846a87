import pytest

from offmanifold.models.imagenet import imagenet_names

pytest.importorskip("timm")


def test_names_and_synsets_of_imagenet():
    found = imagenet_names(1000)
    assert found is not None
    names, synonyms = found
    assert len(names) == len(synonyms) == 1000
    assert names[0] == "tench, Tinca tinca"
    assert synonyms[0] == ("n01440764", "tench", "Tinca tinca")


def test_another_number_of_outputs_is_not_imagenet():
    assert imagenet_names(17) is None

from dataclasses import dataclass

import pytest

from offmanifold.errors import InputError
from offmanifold.registry import Registry, from_config, to_config


@pytest.fixture
def shapes() -> Registry:
    registry: Registry = Registry("shape")

    @registry.register("round_disc")
    @dataclass(frozen=True)
    class Disc:
        radius: float = 1.0

    @registry.register("long-box")
    @dataclass(frozen=True)
    class Box:
        sides: int = 4

    return registry


@pytest.mark.parametrize("name", ["round_disc", "round-disc", "long_box", "long-box"])
def test_hyphens_and_underscores_name_the_same_class(shapes: Registry, name: str):
    assert shapes[name].name == name.replace("-", "_")
    assert name in shapes


def test_classes_come_in_order_of_registration(shapes: Registry):
    assert list(shapes) == [name for name, _ in shapes.items()] == ["round_disc", "long_box"]
    assert len(shapes) == 2


def test_unknown_name_shows_the_nearest_and_all_known(shapes: Registry):
    with pytest.raises(InputError, match='unknown shape "round-disk"; did you mean "round_disc"'):
        shapes["round-disk"]
    with pytest.raises(InputError, match='unknown shape "xyz"; known: long_box, round_disc'):
        shapes["xyz"]
    assert "xyz" not in shapes


def test_a_name_is_registered_once(shapes: Registry):
    with pytest.raises(ValueError, match='"round_disc" is registered twice'):
        shapes.register("round-disc")(type("Other", (), {}))
    shapes.remove("round-disc")
    assert list(shapes) == ["long_box"]
    shapes.register("round_disc")(type("Other", (), {}))


def test_config_there_and_back(shapes: Registry):
    disc = shapes["round_disc"](radius=2.5)
    assert to_config(disc) == {"name": "round_disc", "radius": 2.5}
    assert from_config(shapes, to_config(disc)) == disc

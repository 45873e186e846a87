from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.files import content_hash
from offmanifold._core.registry import Registry, from_config, to_config
from offmanifold.objectives import PGD, GradientNorm


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


def test_an_unknown_name_where_nothing_is_known_says_so():
    assert str(unknown_name("run", "a", [])) == 'unknown run "a"; known: none'


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


@dataclass(frozen=True)
class Fields:
    name: ClassVar[str] = "fields"
    plain: float = 0.5
    optional: float | None = None
    postponed: "float" = 0.5
    postponed_optional: "float | None" = None
    noted: Annotated[float, "a note"] = 0.5
    count: int = 5
    either: int | float = 5
    flag: bool = False
    text: str = ""
    pair: tuple[float, float] = (0.5, 0.5)


FLOATS = ("plain", "optional", "postponed", "postponed_optional", "noted")


@pytest.mark.parametrize("field", FLOATS)
def test_an_int_where_a_float_is_declared_is_the_same_config(field: str):
    whole, real = (to_config(Fields(**{field: value})) for value in (1, 1.0))
    assert type(whole[field]) is float
    assert content_hash(whole) == content_hash(real)
    assert content_hash(whole) != content_hash(to_config(Fields(**{field: 2})))


def test_all_else_is_left_as_it_was_given():
    given = {"plain": 0.1, "optional": None, "count": 3, "either": 1, "flag": True}
    given |= {"text": "1", "pair": (1, 2)}
    config = to_config(Fields(**given))
    for field, value in given.items():
        assert config[field] is value
    assert to_config(Fields(plain=True))["plain"] is True


def test_objectives_have_the_hashes_they_have_always_had_by_ints_too():
    hashes = {content_hash(to_config(PGD(eps=eps))) for eps in (1, 1.0)}
    assert hashes == {"8bde455162fc"}
    assert content_hash(to_config(GradientNorm(weight=10))) == "b7d30df9f8f5"

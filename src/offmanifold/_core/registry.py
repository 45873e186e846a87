"""Vocabularies of registered frozen dataclasses: objectives, attacks, estimators, measures."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from offmanifold._core.errors import unknown_name
from offmanifold._core.plugins import load_plugins

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """A vocabulary of classes by name: underscores in Python and JSON, hyphens accepted too."""

    def __init__(self, kind: str, plugins: str | None = None):
        """kind: what one of them is called. plugins: the group of entry points that add to it."""
        self.kind, self._plugins = kind, plugins
        self._own: dict[str, type[T]] = {}

    @property
    def _classes(self) -> dict[str, type[T]]:
        """The classes, those of other packages among them from the first look on."""
        if self._plugins is not None:
            group, self._plugins = self._plugins, None
            load_plugins(group)
        return self._own

    def register(self, name: str) -> Callable[[C], C]:
        """Return a decorator that adds a class under `name`, as its attribute `name` says too."""

        name = name.replace("-", "_")

        def add(cls: C) -> C:
            if name in self._own:
                raise ValueError(f'{self.kind} "{name}" is registered twice')
            cls.name = name  # type: ignore[attr-defined]
            self._own[name] = cls  # type: ignore[assignment]
            return cls

        return add

    def remove(self, name: str) -> None:
        """Forget a class (for tests that register one from outside the package)."""
        del self._classes[name.replace("-", "_")]

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._classes[name.replace("-", "_")]
        except KeyError:
            raise unknown_name(self.kind, name, self._classes) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.replace("-", "_") in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def items(self) -> list[tuple[str, type[T]]]:
        """Return (name, class) pairs in order of registration."""
        return list(self._classes.items())


def to_config(instance: Any) -> dict[str, Any]:
    """Return a registered dataclass as plain JSON values: its name and its fields.

    An int in a field declared as a float becomes one: eps=1 is eps=1.0, and the same run.
    """
    fields = {
        f.name: _as_declared(getattr(instance, f.name), f.type)
        for f in dataclasses.fields(instance)
    }
    return {"name": instance.name, **fields}


def from_config(registry: Registry[T], config: dict[str, Any]) -> T:
    """Return the registered dataclass that `to_config` described."""
    fields = {k: v for k, v in config.items() if k != "name"}
    return registry[config["name"]](**fields)


def _as_declared(value: Any, declared: Any) -> Any:
    """Return the value, an int as a float where the type is float, or float or None."""
    words = re.findall(r"\w+", str(declared))  # declared is text where annotations are postponed
    whole = type(value) is int and "float" in words and "int" not in words
    return float(value) if whole else value

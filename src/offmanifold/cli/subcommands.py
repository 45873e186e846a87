"""A registry as subcommands: its names with hyphens, its dataclasses' fields as flags."""

from typing import Annotated, Any, Union

import tyro

from offmanifold._core.registry import Registry

CONFIG = (
    tyro.conf.OmitSubcommandPrefixes,
    tyro.conf.CascadeSubcommandArgs,
    tyro.conf.OmitArgPrefixes,
    tyro.conf.FlagCreatePairsOff,
)


def registered(registry: Registry[Any]) -> Any:
    """Return a type for a field whose value is chosen by a subcommand of the registry's names."""
    choices = [
        Annotated[cls, tyro.conf.subcommand(name.replace("_", "-"))]
        for name, cls in registry.items()
    ]
    padding = Annotated[None, tyro.conf.Suppress]  # a union of one would be no union
    return Union[(*choices, padding)]

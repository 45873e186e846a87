"""Imports torchvision and timm where torchvision was built for CUDA and torch was not.

Such a torchvision fails at import, since it describes compiled operators that torch could not
load. No classifier uses them, so their descriptions are passed over during the import.
"""

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec

import torch


@contextlib.contextmanager
def _operators_of_torchvision_ignored() -> Iterator[None]:
    register_fake = torch.library.register_fake

    def register(op, *args, **kwargs):
        if isinstance(op, str) and op.startswith("torchvision::"):
            return lambda function: function
        return register_fake(op, *args, **kwargs)

    torch.library.register_fake = register
    try:
        yield
    finally:
        torch.library.register_fake = register_fake


with _operators_of_torchvision_ignored():
    if find_spec("torchvision"):
        import torchvision  # noqa: F401
    if find_spec("timm"):
        import timm  # noqa: F401

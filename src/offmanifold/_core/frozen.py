"""Use a network without leaving a trace on it."""

import contextlib
from collections.abc import Iterator

from torch import nn


@contextlib.contextmanager
def at_home(module: nn.Module) -> Iterator[nn.Module]:
    """Bring a module back, at the end, to the device on which it was found."""
    home = next((t.device for t in (*module.parameters(), *module.buffers())), None)
    try:
        yield module
    finally:
        if home is not None:
            module.to(home)


@contextlib.contextmanager
def frozen(module: nn.Module) -> Iterator[nn.Module]:
    """Evaluate a module in eval mode with parameters that need no gradient; restore all after.

    `training` is restored per submodule, `requires_grad` per parameter; `.grad` is not touched.
    Gradients with respect to the input then cost no weight gradients, which is much of the speed.
    """
    modes = [(m, m.training) for m in module.modules()]
    needs = [(p, p.requires_grad) for p in module.parameters()]
    try:
        module.eval()
        for parameter, _ in needs:
            parameter.requires_grad_(False)
        yield module
    finally:
        for submodule, training in modes:
            submodule.training = training
        for parameter, required in needs:
            parameter.requires_grad_(required)

"""A network as its source makes it: bare, with what is known of its head and its input."""

from dataclasses import dataclass

from torch import Tensor, nn

from offmanifold.models.checkpoint import Checkpoint

Names = tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What a source may need to make a network.

    classes, shape: the data's class names and image shape (c, h, w). checkpoint: the weights that
    will be loaded into it. pretrained: whether it comes with its published weights.
    """

    classes: Names | None
    shape: tuple[int, int, int] | None
    checkpoint: Checkpoint | None
    pretrained: bool


@dataclass(frozen=True)
class Network:
    """A network without preprocessing.

    heads: names of the layers that give the logits, empty where the head must stay as it is.
    classes, synonyms: names of its own outputs. mean, std: per channel, of its normalisation.
    input_shape: (c, h, w) it asks for. code: hash of the user's code that makes it, if any.
    """

    module: nn.Module
    heads: Names = ()
    classes: Names | None = None
    synonyms: tuple[Names, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    input_shape: tuple[int, int, int] | None = None
    licence: str | None = None
    code: str | None = None


def last_layer(module: nn.Module) -> Names:
    """Return the name of the last linear layer, which gives the logits of most classifiers."""
    names = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    return tuple(names[-1:])


def head_outputs(module: nn.Module, heads: Names) -> int | None:
    """Return how many logits the head gives, or None where the head is not known."""
    return int(module.get_submodule(heads[0]).weight.shape[0]) if heads else None  # type: ignore


def stored_outputs(tensors: dict[str, Tensor], heads: Names) -> int | None:
    """Return how many logits the head stored in a state dict gives, or None where it has none."""
    weight = tensors.get(f"{heads[0]}.weight") if heads else None
    return None if weight is None else int(weight.shape[0])


def replace_heads(module: nn.Module, heads: Names, outputs: int) -> None:
    """Put new layers, with another number of outputs, in place of the heads."""
    for name in heads:
        old = module.get_submodule(name)
        bias = old.bias is not None
        if isinstance(old, nn.Conv2d):
            new = nn.Conv2d(old.in_channels, outputs, 1, bias=bias)
        else:
            assert isinstance(old, nn.Linear)
            new = nn.Linear(old.in_features, outputs, bias=bias)
        module.set_submodule(name, new)

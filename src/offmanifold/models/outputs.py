"""What the outputs of a module are: logits, or probabilities that are taken back to logits."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold.models.adapters import LogitsOf, LogOddsOf, LogOf, TwoLogits

SUMS = 1e-3  # relative; in half precision 3e-2
NEAR = 0.01  # of 0 and of 1: probabilities come so near, shifted cosines do not
# Nodes of the graph that only put values elsewhere or scale them, and what stands before them.
MOVES = (
    *("View", "Reshape", "Squeeze", "Unsqueeze", "Slice", "Select", "Index", "T", "Transpose"),
    *("Permute", "Clone", "ToCopy", "Alias", "Expand", "AsStrided", "Cat", "Stack", "Unbind"),
    *("Split", "Rsub", "Mul", "Div", "CopySlices", "UnsafeView"),
)
LINEAR, SIGMOID = ("Addmm", "Mm", "Convolution"), ("Sigmoid", "Hardsigmoid", "Softmax")

SAID = {
    "softmax": "the model returns probabilities (none below 0, with the same sum for every image): "
    "their logarithms are taken as logits; return what goes into its softmax where it can",
    "sigmoids": "the model returns a probability for each class by itself ({why}): their log-odds "
    "are taken as logits of one softmax; return what goes into its sigmoid where it can",
    "sigmoid": "the model returns one probability ({why}), that of the second class: its log-odds "
    "s are read as the logits (0, s); return what goes into its sigmoid where it can",
    "logit": "the model returns one number, read as a logit s of the second class (0, s) though it "
    "lies in [0, 1] for the first images ({why}); return log-odds where it is a probability",
}
LOST = (
    "{n} of {all} first images have probabilities that rounded to 0 or 1 in float32 (1 beyond 16 "
    "nats), where order and gradient are lost: return what goes into the softmax or sigmoid instead"
)


def tensor_of(output: object) -> tuple[Tensor, dict[str, nn.Module]]:
    """Return the outputs, and the adapter that got them from an object with `.logits`, if any.

    Raises InputError that says what came back where that is no tensor of floating numbers.
    """
    adapters: dict[str, nn.Module] = {}
    if isinstance(getattr(output, "logits", None), Tensor):
        adapters["logits"] = LogitsOf()
        output = adapters["logits"](output)
    if not isinstance(output, Tensor):
        alone = "; return the logits alone" if isinstance(output, (tuple, list, dict)) else ""
        raise InputError(
            f"the model returned {type(output).__name__}; it must return logits, a tensor of "
            f"shape (images, classes){alone}"
        )
    if not output.is_floating_point():
        raise InputError(
            f"the model returned {str(output.dtype).removeprefix('torch.')} numbers, as of "
            "classes; it must return logits, without argmax"
        )
    return output, adapters


def read_as(
    output: Tensor, made: str, bounds: Callable[[], tuple[float, float]]
) -> tuple[dict[str, nn.Module], tuple[str, ...]]:
    """Return the adapters that make logits of the outputs (n, k) of several images, what is said.

    made: what `last_operation` tells. bounds: the least and largest output for images far outside
    of [0, 1], asked where nothing else tells.
    """
    p = output.detach().float()
    kind, why = _kind(p, output.dtype, made, bounds)
    adapters: dict[str, nn.Module] = {}
    rounded = (p <= 0).any(1)
    if kind == "softmax":
        adapters["log"] = LogOf()
    elif kind in ("sigmoid", "sigmoids"):
        adapters["log_odds"] = LogOddsOf()
        rounded |= (p >= 1).any(1)
    said = [SAID[kind].format(why=why)] if kind is not None else []
    if adapters and rounded.any():
        said.append(LOST.format(n=int(rounded.sum()), all=len(p)))
    if p.shape[1] == 1:
        adapters["two_logits"] = TwoLogits()
    return adapters, tuple(said)


def _kind(
    p: Tensor, dtype: torch.dtype, made: str, bounds: Callable[[], tuple[float, float]]
) -> tuple[str | None, str]:
    """Return what outputs are, a key of SAID or None for plain logits, and why."""
    one, inside = p.shape[1] == 1, bool(((p >= 0) & (p <= 1)).all())
    if made.startswith(LINEAR):
        return ("logit", "its last layer is linear") if one and inside else (None, "")
    if not one and _same_sums(p, dtype, made):
        return "softmax", ""
    if inside and made.startswith(SIGMOID):
        return "sigmoid" if one else "sigmoids", f"its last operation is a {made.lower()}"
    if not (inside and (p != p[0]).any()):
        return None, ""
    low, high = bounds()
    if one and low >= 0 and high <= 1:
        return "sigmoid", "it stays in [0, 1] whatever the image"
    if not one and 0 <= low < NEAR and 1 - NEAR < high <= 1:
        return "sigmoids", "they go from 0 to 1 and no further, whatever the image"
    if not one:
        return None, ""
    return "logit", "images far outside [0, 1] take it out of it"


def last_operation(output: Tensor) -> str:
    """Return the name of the operation that made an output, `Softmax`; "" where it has no graph.

    Those that only move or scale values are passed by.
    """
    node = output.grad_fn
    while node is not None and node.name().startswith(MOVES):
        node = next((n for n, _ in node.next_functions if n is not None), None)
    return "" if node is None else node.name().partition("Backward")[0]


def _same_sums(p: Tensor, dtype: torch.dtype, made: str) -> bool:
    """Return whether outputs are probabilities; up to a common factor (percent) after a softmax."""
    sums = p.sum(1)
    whole = sums[0] if made.startswith("Softmax") and sums[0] > 0 else 1.0
    tolerance = SUMS if dtype in (torch.float32, torch.float64) else 3e-2
    return bool((p >= 0).all() and ((sums / whole - 1).abs() < tolerance).all())

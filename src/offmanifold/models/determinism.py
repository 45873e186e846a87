"""Whether an answer depends on its image alone: not on the call, nor on the rest of the batch."""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from offmanifold._core.errors import InputError
from offmanifold._core.faults import of_user

# Largest changes of an output allowed: shares of the range of all outputs, and of the largest.
SAME_CALL, SAME_IMAGE = (1e-4, 1e-6), (5e-3, 1e-5)  # the order of sums depends on the batch's size
REPEATS = 4  # calls that tell chance, which may leave one of them alone, from a mixing of images
DROPS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
DRAWS = (
    *("rand", "randn", "randint", "rand_like", "randn_like", "randint_like", "randperm", "normal"),
    *("bernoulli", "multinomial", "uniform_", "normal_", "bernoulli_", "rrelu", "gumbel_softmax"),
)


def check_steadiness(
    module: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, output: Tensor
) -> None:
    """Raise InputError unless outputs (n, k) of images x are the same in any call, order and batch.

    run: module, in eval mode, which gave the output. What makes it depend on more is named.
    """
    backwards = run(x.flip(0)).flip(0)
    changed = _far(backwards, output, SAME_CALL)
    if changed and any(_far(run(x), output, SAME_CALL) for _ in range(REPEATS)):
        raise InputError(
            "the model gives the same images other outputs at each call, so that no number of it "
            f"could be believed: {_culprit(module, run, x, random=True)}"
        )
    few = x[[0, -2]] if len(x) > 1 else x  # a real image and a dim one, whose maximum is another's
    try:
        answers = [run(image[None]) for image in few]
    except InputError as error:
        if "more than 1 value per channel" not in str(error.__cause__):
            raise InputError(f"{error} (one image at a time, where several at once went)") from None
        answers = []
    unlike = next((a for a in answers if a.shape != output[:1].shape), None)
    if unlike is not None:
        raise InputError(
            f"the model returned shape {tuple(unlike.shape)} for one image, and "
            f"{tuple(output.shape)} for {len(x)}; let it keep the first dimension, as in "
            "squeeze(-1) for squeeze()"
        )
    if (
        not answers
        or _far(backwards, output, SAME_IMAGE)
        or _far(torch.cat(answers), output[[0, -2]] if len(x) > 1 else output, SAME_IMAGE)
    ):
        raise InputError(
            "the model's output for an image depends on the other images of its batch: "
            f"{_culprit(module, run, x, random=False)}"
        )


def _far(a: Tensor, b: Tensor, allowed: tuple[float, float]) -> bool:
    a, b = a.detach().double(), b.detach().double()
    if a.shape != b.shape:
        return True
    known = a.isfinite() & b.isfinite()
    if (a.isfinite() != b.isfinite()).any():
        return True
    if not known.any():
        return False
    spread, largest = b[known].max() - b[known].min(), b[known].abs().max()
    most = allowed[0] * spread + allowed[1] * largest
    return bool(((a - b)[known].abs() > most).any())


def _culprit(module: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, *, random: bool) -> str:
    """Return what is at work in eval mode, where, and the mend."""
    with _Watch(module) as watch:
        run(x)
    drops, norms, draws = watch.found["drop"], watch.found["norm"], watch.found["draw"]
    if drops:
        return (
            f"dropout is at work in eval mode ({drops[0]}); give F.dropout(…, "
            "training=self.training), or keep nn.Dropout as a submodule that follows model.eval()"
        )
    if norms:
        return (
            f"batch normalisation uses the statistics of the batch in eval mode ({norms[0]}); let "
            "it keep running ones (track_running_stats=True, a submodule that follows "
            "model.eval()), or normalise by groups (nn.GroupNorm)"
        )
    if draws or random:
        at = f" ({draws[0]})" if draws else ", or keeps a state between calls"
        return f"its forward draws at random{at}; leave that out in eval mode"
    return (
        "something in its forward mixes images (a mean or a maximum over dimension 0, a softmax "
        "over dimension 0); use dimensions after the first alone"
    )


class _Watch(TorchFunctionMode):
    """Notes where dropout, statistics of a batch and draws are at work."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.names = {m: name for name, m in module.named_modules()}
        self.found: dict[str, list[str]] = {"drop": [], "norm": [], "draw": []}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in DROPS and (kwargs.get("training", True) and False not in args[1:]):
            self.found["drop"].append(self._place())
        elif name == "batch_norm" and kwargs.get("training", True in args[3:]):
            self.found["norm"].append(self._place())
        elif name in DRAWS:
            self.found["draw"].append(self._place())
        return func(*args, **kwargs)

    def _place(self) -> str:
        """Return the layer that is being called, and the line in the user's own file."""
        layer = line = None
        frame = sys._getframe(2)
        while frame is not None and (layer is None or line is None):
            owner = frame.f_locals.get("self")
            if layer is None and isinstance(owner, nn.Module):
                name = self.names.get(owner)
                kind = type(owner).__name__
                layer = f"{kind}, no submodule" if name is None else f"{name} {kind}".strip()
            if line is None and of_user(frame.f_code):
                line = f"{frame.f_code.co_filename}:{frame.f_lineno}"
            frame = frame.f_back
        return ", at ".join(part for part in (layer, line) if part)

"""Whether a module is a classifier of images of one shape; what can be adapted is."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from offmanifold.errors import InputError
from offmanifold.models.adapters import LogitsOf, TwoLogits
from offmanifold.models.extras import first_line


def check_classifier(
    module: nn.Module, shape: tuple[int, int, int], device: torch.device | str | None = None
) -> tuple[nn.Module, int]:
    """Return a classifier images (n, c, h, w) → logits (n, k ≥ 2), and k.

    It is `module` itself, or an adapted one where that gives an object with `.logits`, or a single
    logit. Two grey images of `shape` (c, h, w) go through it in eval mode, on `device` (default:
    that of its parameters); its flags and the random generator are left as found. Raises
    InputError that names what came back where that is not logits.
    """
    device = device or next((p.device for p in module.parameters()), torch.device("cpu"))
    images = torch.full((2, *shape), 0.5, device=device)
    output = _forward(module, images)
    adapters: OrderedDict[str, nn.Module] = OrderedDict()
    if isinstance(getattr(output, "logits", None), Tensor):
        adapters["logits"] = LogitsOf()
        output = adapters["logits"](output)
    if not isinstance(output, Tensor):
        raise InputError(
            f"the model returned {type(output).__name__}; it must return logits, a tensor of "
            "shape (images, classes)"
        )
    if tuple(output.shape) == (2, 1):
        adapters["two_logits"] = TwoLogits()
        output = adapters["two_logits"](output)
    if output.ndim != 2 or len(output) != 2 or output.shape[1] < 2:
        raise InputError(
            f"the model returned shape {tuple(output.shape)} for 2 images of size {_size(shape)}; "
            "it must return logits of shape (2, classes)"
        )
    if not torch.isfinite(output).all():
        raise InputError("the model returned NaN or infinity for a grey image; check its weights")
    if adapters:  # the name "net" is removed again where weights are loaded
        module = nn.Sequential(OrderedDict(net=module, **adapters))
    return module, output.shape[1]


def _forward(module: nn.Module, images: Tensor) -> object:
    training = {m: m.training for m in module.modules()}
    module.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            return module(images)
    except (RuntimeError, AssertionError, ValueError, TypeError, IndexError) as error:
        raise InputError(
            f"the model did not accept images of size {_size(images.shape[1:])} "
            f"({first_line(error)}); give what it was made for with --image-size and --channels"
        ) from error
    finally:
        for m, flag in training.items():
            m.training = flag


def _size(shape: tuple[int, ...]) -> str:
    c, h, w = shape
    return f"{h}×{w}×{c}"

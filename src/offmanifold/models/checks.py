"""Whether a module is a classifier of images of one shape; what can be adapted is, and is said."""

import inspect
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from offmanifold._core.errors import InputError
from offmanifold._core.faults import first_line, of_user, place_of, told
from offmanifold._core.frozen import frozen
from offmanifold._core.log import note
from offmanifold.models.adapters import CopyOf
from offmanifold.models.determinism import check_steadiness
from offmanifold.models.first_batch import EXTREME, drawn_images
from offmanifold.models.outputs import LOST, last_operation, read_as, tensor_of
from offmanifold.models.usable_gradients import check_gradients

SOME_INFINITE = (
    "its forward divides by a norm or a deviation, or takes a logarithm, that is 0 there, as of a "
    "flat image: add a small number, as in x / (x.std() + 1e-6)"
)
COPIES = (
    "the model writes into the images it is given (an in-place operation on its input): it is "
    "given a copy each time"
)


@dataclass(frozen=True)
class Examined:
    """A classifier images (n, c, h, w) → logits (n, k ≥ 2), k, and what was assumed for it."""

    module: nn.Module
    outputs: int | None
    said: tuple[str, ...] = ()

    def tell(self) -> tuple[nn.Module, int | None]:
        """Say on stderr what was assumed; return the classifier and k."""
        for sentence in self.said:
            note(sentence)
        return self.module, self.outputs


def check_classifier(
    module: nn.Module,
    shape: tuple[int, int, int],
    device: torch.device | str | None = None,
    images: Tensor | None = None,
) -> tuple[nn.Module, int]:
    """Return a classifier images (n, c, h, w) → logits (n, k ≥ 2), and k; see `examine`."""
    classifier, outputs = examine(module, shape, device, images).tell()
    assert outputs is not None
    return classifier, outputs


def examine(
    module: nn.Module,
    shape: tuple[int, int, int],
    device: torch.device | str | None = None,
    images: Tensor | None = None,
) -> Examined:
    """Return a module as a classifier, tried on a few images of `shape` (c, h, w).

    It is `module` itself, or an adapted one where that gives an object with `.logits`, a single
    logit, or probabilities, or writes into its input. images: a few real ones (n, c, h, w), which
    judge better than drawn ones alone. They go through it in eval mode, on `device` (default: that
    of its parameters); its flags and the random generator are left as found. Raises InputError
    that names what came back where that is no logits, what makes it depend on more than the
    image, and why no gradient of it could be used.
    """
    device = torch.device(
        device or next((p.device for p in module.parameters()), torch.device("cpu"))
    )
    x = drawn_images(shape).to(device)
    judged = len(x)
    if images is not None and len(images) and tuple(images.shape[1:]) == tuple(shape):
        x, judged = torch.cat([images.to(x), x]), len(images)
    check_state(module)
    with frozen(module), torch.random.fork_rng([device] if device.type == "cuda" else []):
        return _examined(module, x, judged)


def _examined(net: nn.Module, x: Tensor, judged: int) -> Examined:
    said: list[str] = []
    before, after = OrderedDict[str, nn.Module](), OrderedDict[str, nn.Module]()
    with torch.no_grad():
        given = x.clone()
        output, found = tensor_of(_called(net, given))
        after |= found
    # an operation that changes none of these images (a clamp to [0, 1]) is refused by autograd too
    if given._version or not torch.equal(given, x):
        before["copy"] = CopyOf()
        said.append(COPIES)
    if output.ndim != 2 or len(output) != len(x) or output.shape[1] < 1:
        raise InputError(
            f"the model returned shape {tuple(output.shape)} for {len(x)} images of size "
            f"{_size(x)}; it must return logits of shape ({len(x)}, classes)"
        )
    finite = torch.isfinite(output[:judged]).all(1)
    if not finite.all():
        some = (
            f" ({int((~finite).sum())} of {judged} first ones, others not)" if finite.any() else ""
        )
        raise InputError(
            f"the model returned NaN or infinity for an image in [0, 1]{some}; "
            + (SOME_INFINITE if some else "check its weights, and its forward for infinite logits")
        )

    def run(images: Tensor) -> Tensor:
        return tensor_of(_called(net, images.clone()))[0]

    with torch.no_grad():
        check_steadiness(net, run, x, output)
    with torch.enable_grad():
        made = last_operation(run(x[:1].clone().requires_grad_()))

    def bounds() -> tuple[float, float]:
        try:
            with torch.no_grad():
                far = torch.cat([run(x * EXTREME), run(-x * EXTREME)])
        except InputError:  # it takes no such images
            return 0.0, 1.0
        return float(far.min()), float(far.max())

    adapters, assumed = read_as(output, made, bounds)
    after |= adapters
    said += assumed
    module = net
    if before or after:  # the name "net" is removed again where weights are loaded
        module = nn.Sequential(OrderedDict(**before, net=net, **after))
    rounded = LOST if adapters.keys() & {"log", "log_odds"} else None
    lacking = check_gradients(lambda images: _called(module, images), x[:judged], rounded)
    return Examined(module, max(2, output.shape[1]), (*said, *([lacking] if lacking else [])))


def check_state(module: nn.Module) -> None:
    """Raise InputError for a module whose state is not all tensors, which alone can be saved."""
    if isinstance(module, torch.jit.ScriptModule) and not hasattr(module, "training"):
        raise InputError(
            "the model is a frozen TorchScript module, whose weights cannot be read, and so not "
            "told from another's; give the one that torch.jit.freeze was given"
        )
    lazy = [name for name, p in module.named_parameters() if is_lazy(p)]
    if lazy:
        raise InputError(
            f"the model's {lazy[0]} has no values yet; call the model on an image before it is "
            "returned"
        )
    try:
        state = module.state_dict()
    except Exception as error:  # code of the user's own
        raise InputError(f"the model's state_dict raised {told(error)}") from error
    for name, value in state.items():
        if isinstance(value, Tensor):
            if value.is_meta:
                raise InputError(
                    f"the model's {name} has no values yet (it is on the device meta); load its "
                    "weights (to_empty, load_state_dict) before it is returned"
                )
            if not value.is_quantized:
                continue
            kind = "a quantised tensor"
        else:
            kind = f"a {type(value).__name__}"
        owner = name.rpartition(".")[0]
        layer = dict(module.named_modules()).get(owner, module)
        if "quantized" in type(layer).__module__ or kind == "a quantised tensor":
            raise InputError(
                f"{_layer(owner, layer)} is quantised, and has no gradients; give the float model "
                "that it was made from"
            )
        raise InputError(
            f"the model's state holds {kind} ({name}{_line(type(layer), 'get_extra_state')}), "
            "where tensors alone can be saved and compared; keep it as a tensor "
            "(register_buffer), or leave it out of the state"
        )


def _called(module: nn.Module, images: Tensor) -> Tensor:
    try:
        return module(images)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # code of the user's own
        needed = _arguments(module)
        if isinstance(error, TypeError) and needed:
            raise InputError(
                f"the model's forward asks for {', '.join(needed)}"
                f"{_line(type(module), 'forward')}; it must take the images alone"
            ) from error
        kinds = {p.dtype for p in module.parameters() if p.is_floating_point()}
        if kinds - {torch.float32} and isinstance(error, RuntimeError):
            named = ", ".join(sorted(str(k).removeprefix("torch.") for k in kinds))
            raise InputError(
                f"the model has weights in {named}, and images are float32 ({told(error)}); "
                "return model.float()"
            ) from error
        if isinstance(error, (RuntimeError, AssertionError, ValueError, TypeError, IndexError)):
            at = f", at {place}" if (place := place_of(error)) else ""
            raise InputError(
                f"the model did not accept images of size {_size(images)} ({first_line(error)}"
                f"{at}); give what it was made for with `image_size` and `channels`, or mend its "
                "forward"
            ) from error
        raise InputError(
            f"the model raised {told(error)}, for images of size {_size(images)}; mend its forward"
        ) from error


def _arguments(module: nn.Module) -> list[str]:
    """Return the arguments that forward cannot do without, where they are not one."""
    try:
        asked = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p.name for p in asked if p.default is p.empty and p.kind in (*places, p.KEYWORD_ONLY)]
    takes = any(p.kind in (*places, p.VAR_POSITIONAL) for p in asked)
    return needed if len(needed) > 1 or not takes else []


def _line(kind: type, method: str) -> str:
    """Return `, at FILE:LINE` of a method in a file of the user's own, else nothing."""
    code = getattr(getattr(kind, method, None), "__code__", None)
    if code is None or not of_user(code):
        return ""
    return f", at {code.co_filename}:{code.co_firstlineno}"


def _layer(name: str, layer: nn.Module) -> str:
    return f"the layer {name} ({type(layer).__name__})" if name else type(layer).__name__


def _size(images: Tensor) -> str:
    c, h, w = images.shape[1:]
    return f"{h}×{w}×{c}"

"""Take somebody else's denoiser as a manifold, judged as one that was fitted here.

Nobody here saw how it was made: its gates are measured on validation images, and where no σ passes
them the manifold is unusable, and says so.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError, RunError
from offmanifold._core.extras import first_line
from offmanifold._core.faults import told
from offmanifold._core.randomness import image_noise
from offmanifold._core.runs import identity
from offmanifold.data.types import Data
from offmanifold.manifolds.adapters.ddpm import diffusers_denoiser
from offmanifold.manifolds.adapters.functions import CallableManifold, takes_labels
from offmanifold.manifolds.base import ManifoldCard
from offmanifold.manifolds.gates import PREFERRED, measure_gates, with_sigma
from offmanifold.manifolds.pooled import Blocks, Pooled
from offmanifold.models.fingerprint import content_of
from offmanifold.models.python_file import call_function, class_names, code_hash

# The part of a spec before the first ":" → what makes the denoiser from the part after it.
DENOISERS: dict[str, Callable[[str], Callable[..., Tensor]]] = {"diffusers": diffusers_denoiser}


def as_manifold(
    denoiser: Callable[..., Any],
    data: Data,
    *,
    classes: Sequence[str] | None = None,
    spec: str | None = None,
    images: int = 128,
    seed: int = 0,
    device: str = "auto",
    code: str | None = None,
) -> Any:
    """Return a denoiser as a manifold of `data`, its gates measured on validation images.

    denoiser: D(x̃, σ), or D(x̃, σ, y=None) if it knows classes: the mean of the images that a noisy
    one x̃ (n, c, h, w) in [0, 1] may have been. σ is per pixel in the same units, a tensor that
    multiplies images, of shape () or (n, 1, 1, 1); y (n,) numbers `classes`, None stands for any.
    It must be differentiable by torch; a module is used in eval mode and left as found. `classes`
    (None: it knows none) and `shape` (c, h, w) may be attributes of it. Larger images than `shape`
    are averaged over blocks (`Pooled`); without it they are taken as they are, however large.
    images: judged by, of `data.val`, drawn by seed. device: auto, cpu, cuda or mps. code: hash of
    what made it, if known.

    Returns a Manifold, unusable where its gates say so. Its identity is the content of the weights,
    the code and the values that it uses. Raises InputError where the denoiser does not fit.
    """
    name = spec or getattr(denoiser, "__name__", type(denoiser).__name__)
    if not callable(denoiser):
        raise InputError(f"{name} is no denoiser: it must be a callable D(x, sigma)")
    if not len(data.val):
        raise InputError("a manifold is judged on validation images; give more images")
    named = _class_names(name, denoiser, classes, data)
    r = _pooling(name, getattr(denoiser, "shape", None), data)
    blocks = Blocks(data.shape, r)
    content = {"content": content_of(denoiser), "code": code, "classes": named}
    digest = identity({"kind": "manifold", **content})
    matched = bool(data.classes) and {*data.classes} <= {*named}  # then in the order of the data
    shown = data.classes if matched else named or None
    card = ManifoldCard(name, digest, blocks.small, shown, pooling=r)
    manifold = CallableManifold(denoiser, card, [named.index(c) for c in shown or ()])
    place = Engine(device, "fp32").device
    manifold.to(place)
    judged = data.val.subset(images, seed)
    batch = judged.read(judged.rows)
    x = blocks.down(batch.x).to(place)
    _check(manifold, x[:8], batch.index[:8])
    try:
        manifold.card = with_sigma(card, measure_gates(manifold, x, batch.index))
    except RunError as error:
        raise InputError(f"{name} gives values that are not finite; check its weights") from error
    return manifold if r == 1 else Pooled(manifold, r, data.shape)


def load_denoiser(spec: str, data: Data, *, device: str = "auto") -> Any:
    """Return the manifold of `FILE.py:FUNCTION`, or of a source in DENOISERS (`diffusers:PATH`).

    FUNCTION returns the denoiser; it gets what it asks for of shape=(c, h, w) and classes=(…) of
    the data. Names of its classes as `as_manifold` has them, or `CLASSES` of the file.
    """
    source, _, rest = spec.partition(":")
    if source in DENOISERS:
        return as_manifold(DENOISERS[source](rest), data, spec=spec, device=device)
    made, file = call_function(spec, shape=data.shape, classes=data.classes)
    return as_manifold(
        made,
        data,
        classes=class_names(made, file),
        spec=spec,
        device=device,
        code=code_hash(spec, file),
    )


def names_denoiser(spec: str) -> bool:
    """Return whether `load_denoiser` takes this spec."""
    return ".py:" in spec or spec.partition(":")[0] in DENOISERS


def _class_names(
    name: str, denoiser: Callable[..., Any], given: Sequence[str] | None, data: Data
) -> tuple[str, ...]:
    """Return the names that y numbers; none where the denoiser takes no labels."""
    if not takes_labels(denoiser):
        return ()
    known = given or getattr(denoiser, "classes", None) or ()
    if data.classes and not known:
        raise InputError(
            f"{name} takes labels y, but names no classes; give it an attribute classes, the names "
            "that y numbers"
        )
    return tuple(str(c) for c in known)


def _pooling(name: str, shape: Sequence[int] | None, data: Data) -> int:
    """Return the side r of the blocks that bring the images to the shape a denoiser takes."""
    if shape is None or tuple(shape) == data.shape:
        return 1
    r = max(1, data.shape[1] // shape[1])
    if Blocks(data.shape, r).small != tuple(shape):
        c, h, w = shape
        raise InputError(
            f"images of shape {data.shape} do not match the denoiser {name}, which takes "
            f"{tuple(shape)} and multiples; bring them to it with `image_size` {h} {w} "
            f"`channels` {c}"
        )
    return r


def _check(manifold: CallableManifold, x: Tensor, index: Tensor) -> None:
    """Raise InputError unless the denoiser gives finite images, and derivatives, at some images."""
    name, noisy = manifold.card.spec, next(manifold.noisy(x, PREFERRED, index))
    labels = torch.zeros(len(x), dtype=torch.long, device=x.device)
    for y in (None, labels) if manifold.order else (None,):
        try:
            with torch.no_grad():
                denoised = manifold.denoise(noisy, y, PREFERRED)
        except InputError:
            raise
        except Exception as error:  # code of the user's own
            any_class = ", for images of any class" if y is None and manifold.takes_labels else ""
            raise InputError(
                f"{name} raised {told(error)}; it is asked for "
                f"D(x, sigma{any_class and ', y=None'}){any_class}, x of shape {tuple(x.shape)}"
            ) from error
        if denoised.shape != noisy.shape:
            raise InputError(
                f"{name} returned shape {tuple(denoised.shape)} for images of shape "
                f"{tuple(noisy.shape)}; it must return denoised images of the same shape"
            )
        if not denoised.isfinite().all():
            raise InputError(f"{name} gives NaN or infinity for noisy images; check its weights")
    v = image_noise(tuple(x.shape[1:]), index, seed=0, name="check").to(x)[None]
    try:
        flat = not (
            manifold.pull(noisy, v, PREFERRED).any() and manifold.push(noisy, v, PREFERRED).any()
        )
    except RuntimeError as error:
        raise InputError(
            f"{name} cannot be differentiated ({first_line(error)}); it must be computed by torch "
            "alone, without no_grad and detach"
        ) from error
    if flat:
        raise InputError(f"{name} gives the same output for all images, and so no tangent space")

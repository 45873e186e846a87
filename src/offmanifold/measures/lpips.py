"""How alike two fields look to a person: 1 − LPIPS by AlexNet (Zhang et al. 2018).

The package `lpips` brings its linear heads; the weights of AlexNet come from a file, and are never
downloaded here.
"""

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from offmanifold._core.errors import InputError
from offmanifold._core.extras import import_extra
from offmanifold._core.reasons import Reason
from offmanifold.models.checkpoint import read_checkpoint, unprefixed

PUBLISHED = "alexnet-owt-7be5be79.pth"  # torchvision's AlexNet_Weights.IMAGENET1K_V1
DOWNLOAD = "python -c \"import torchvision; torchvision.models.alexnet(weights='DEFAULT')\""
LEAST_SIDE = 31  # pixels; below, AlexNet's second pooling has nothing left to pool
RESIZED_SIDE = 64
CONVOLUTIONS = {
    **{0: (3, 64, 11), 3: (64, 192, 5), 6: (192, 384, 3)},
    **{8: (384, 256, 3), 10: (256, 256, 3)},
}
"""{place among AlexNet's features: (channels in, channels out, side)}."""

NO_WEIGHTS = Reason("lpips.no_weights", {"download": DOWNLOAD})
NO_PACKAGE = Reason("lpips.no_package")


def find_weights(path: str | Path | None) -> Path | None:
    """Return the file of AlexNet's weights: the one given, else that in torch hub's cache, or None.

    Raises InputError where the given one does not exist, or holds no AlexNet.
    """
    if path is not None:
        _read_weights(Path(path))
        return Path(path)
    return _cached() if _cached().is_file() else None


def lpips_lacks(weights: Path | None) -> Reason | None:
    """Return what LPIPS lacks here, or None."""
    if find_spec("lpips") is None:
        return NO_PACKAGE
    if weights is None:  # told without the second that importing torchvision takes
        return NO_WEIGHTS
    try:
        _package()
    except InputError:
        return NO_PACKAGE
    return None


def load_lpips(path: str | Path) -> nn.Module:
    """Return LPIPS with AlexNet, fields (n, 3, h, w) in [−1, 1] → distances (n, 1, 1, 1).

    path: safetensors, or a state dict of torchvision's AlexNet, of which the convolutions count.
    Raises InputError for a file that is neither, MissingExtra without the package.
    """
    tensors = _read_weights(Path(path))
    package = _package()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):  # weights soon replaced
        # lpips 0.1.4 asks torchvision by the name that `weights=` had before 0.13
        for message in ("The parameter 'pretrained'", "Arguments other than a weight enum"):
            warnings.filterwarnings("ignore", message, UserWarning)
        network = package.LPIPS(net="alex", pnet_rand=True, verbose=False)
    # its slices keep the places: slice2.3.weight is features.3.weight
    slices = network.net.state_dict().keys()
    network.net.load_state_dict({k: tensors[f"features.{k.partition('.')[2]}"] for k in slices})
    return network.eval().requires_grad_(False)


@torch.no_grad()
def perceptual_similarity(network: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """Return 1 − LPIPS of each pair of fields, (n,): 1 where they are the same.

    network: of `load_lpips`. a, b: (n, c, h, w) in [−1, 1]. A grey field is repeated to three
    channels; of more than three the first three count. See `seen_size` for small ones.
    """
    return 1 - network(_seen(a), _seen(b)).flatten()


def seen_size(h: int, w: int) -> tuple[int, int]:
    """Return the size at which LPIPS sees a field: its own, or below 31 px a shorter side of 64.

    >>> seen_size(224, 31), seen_size(16, 16), seen_size(30, 40)
    ((224, 31), (64, 64), (64, 85))
    """
    side = min(h, w)
    if side >= LEAST_SIDE:
        return h, w
    return round(h * RESIZED_SIDE / side), round(w * RESIZED_SIDE / side)


def _seen(v: Tensor) -> Tensor:
    v = v.float()[:, [i % v.shape[1] for i in range(3)]]
    size = seen_size(*v.shape[2:])
    return v if v.shape[2:] == size else F.interpolate(v, size, mode="bilinear")


def _package() -> Any:
    return import_extra("lpips", "similarity by LPIPS")


def _cached() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / PUBLISHED


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Return `features.0.weight` … of a file. Raises InputError where they are not AlexNet's."""
    mend = f"give `lpips` the state dict of torchvision's alexnet, which {DOWNLOAD} gets"
    if path == _cached():
        mend = f"delete it, and run {DOWNLOAD}"
    if not path.is_file():
        raise InputError(f"there is no file {path} (weights of AlexNet for LPIPS); {mend}")
    try:
        stored = read_checkpoint(path).tensors
    except InputError as error:
        raise InputError(
            f"{path} is no file of AlexNet's weights, or is damaged; {mend}"
        ) from error
    with torch.device("meta"):  # names and shapes alone
        alexnet = nn.Module()
        alexnet.features = nn.ModuleDict(
            {str(i): nn.Conv2d(*sizes) for i, sizes in CONVOLUTIONS.items()}
        )
    tensors = unprefixed(stored, alexnet)
    for name, wanted in alexnet.state_dict().items():
        if name not in tensors:
            raise InputError(f"{path} holds no AlexNet: {name} is missing; {mend}")
        if tensors[name].shape != wanted.shape:
            raise InputError(
                f"{path} holds no AlexNet: {name} has shape {tuple(tensors[name].shape)} instead "
                f"of {tuple(wanted.shape)}; {mend}"
            )
    return tensors

"""What may be behind a classifier that is right no more often than chance, each tried or known."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold.data.types import Data
from offmanifold.models import ModelCard
from offmanifold.models.torchvision_models import IMAGENET_MEAN, IMAGENET_STD

Said = tuple[str, str]  # in English and Japanese
IMAGES, RISE = 64, 0.2  # looked at; rise of accuracy that tells
DEFAULT = "distractor:digits"  # what commands take where no --data is given

RANGES: dict[str, tuple[Said, Callable[[Tensor], Tensor]]] = {
    "x * 255": (("pixels from 0 to 255", "0〜255の画素値"), lambda x: 255 * x),
    "2 * x - 1": (("pixels from −1 to 1", "−1〜1の画素値"), lambda x: 2 * x - 1),
    "(x - mean) / std": (
        ("pixels normalised as ImageNet's are", "ImageNetの平均・標準偏差で正規化した画素値"),
        lambda x: (x - _grey(IMAGENET_MEAN, x)) / _grey(IMAGENET_STD, x),
    ),
    "x.flip(1)": (
        ("channels in the order blue, green, red", "BGR順のチャンネル"),
        lambda x: x.flip(1),
    ),
    "1 - x": (("inverted pixels", "白黒反転した画素値"), lambda x: 1 - x),
}
EXPECTED = (
    "It may be made for {range}: given {how} it is right on {then} of {n} images instead of {now}; "
    "let its forward begin with that.",
    "{range}を前提としたモデルかもしれません。{how} を与えると{n}枚中{then}枚が正解になります"
    "（現在は{now}枚）。forward の最初でその変換を行ってください。",
)
UNTRAINED = (
    "No file of weights was loaded into {spec}: if it is not trained there, give `weights` FILE.",
    "{spec} には重みファイルが読み込まれていません。学習済みの重みがあれば `weights` FILE "
    "で指定してください。",
)
FORGOTTEN = (
    "The images are {spec}, which commands take where no `data` is given: give the model's own.",
    "画像は `data` を指定しない場合の既定である {spec} です。"
    "モデルに合ったデータを `data` で指定してください。",
)


def suspicions(module: nn.Module, card: ModelCard, data: Data, device: torch.device) -> list[Said]:
    """Return what may be behind accuracy at chance, the likeliest first.

    module: images → logits of the data's classes. It is asked about a few validation images in
    other ranges of pixels.
    """
    found = []
    if (expected := _other_range(module, data, device)) is not None:
        found.append(expected)
    if card.untrained:
        found.append(_with(UNTRAINED, spec=card.spec))
    if data.info.get("spec") == DEFAULT and card.config.get("data") != data.fingerprint:
        found.append(_with(FORGOTTEN, spec=DEFAULT))
    return found


def _other_range(module: nn.Module, data: Data, device: torch.device) -> Said | None:
    part = data.val if len(data.val) else data.test
    few = part.subset(IMAGES)
    batch = few.read(few.rows)
    if batch.y is None:
        return None
    x, y = batch.x.to(device), batch.y.to(device)

    def right(x: Tensor) -> int:
        return int((module(x).argmax(1) == y).sum())

    with frozen(module), torch.no_grad():
        now = right(x)
        then = {how: right(changed(x)) for how, (_, changed) in RANGES.items()}
    how = max(then, key=lambda name: then[name])
    commonest = int(np.bincount(batch.y.numpy()).max())
    if then[how] < max(now, commonest) + RISE * len(x):
        return None
    english, japanese = RANGES[how][0]
    counts = {"how": how, "then": then[how], "now": now, "n": len(x)}
    return EXPECTED[0].format(range=english, **counts), EXPECTED[1].format(range=japanese, **counts)


def _grey(values: tuple[float, ...], x: Tensor) -> Tensor:
    """Return values a channel, or their mean where images have another number of channels."""
    v = torch.tensor(values, dtype=x.dtype, device=x.device)
    v = v if x.shape[1] == len(values) else v.mean()[None]
    return v.view(1, -1, 1, 1)


def _with(said: Said, **values: str) -> Said:
    return said[0].format(**values), said[1].format(**values)

"""One batch seen through a classifier and a manifold, lazily, nothing computed twice."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.frozen import frozen
from offmanifold._core.precision import in_float32
from offmanifold._core.randomness import generator_of, image_noise, seed_of
from offmanifold.data.types import Batch, Split
from offmanifold.gradients.attributions import NAME as ATTRIBUTIONS
from offmanifold.gradients.attributions import Attributions
from offmanifold.gradients.variants import GRADIENTS, Surroundings
from offmanifold.manifolds.bases import remembered_basis
from offmanifold.manifolds.gates import may_ask
from offmanifold.manifolds.pooled import Pooled
from offmanifold.models.adapters import Tempered

T = TypeVar("T")
Kind = Literal["posterior", "conditional", "unconditional"]
At = Literal["own", "wrong_class", "wrong_image"]
UNTRAINED_SEEDS = 3


@dataclass(frozen=True)
class Settings:
    """What an audit is asked; each is saved with its unit.

    gradient: name of the scalar, or of a variant of its gradient. eps: l2 norm per image of the
    attack. reference_step: l2 norm of a step. directions: of each side. draws: of noise. sigma: per
    pixel, the manifold's own. thorough: whether to attack by an ensemble too. explain: whether to
    judge explanations too. precision: fp32, or bf16 for the steps of attacks. certify: σ per pixel
    of the smoothed classifier, or None, not to certify; certify_choice and certify_draws: noisy
    copies an image that choose its class, and that bound its probability; certify_alpha: chance at
    most of a wrong certificate, an image.
    """

    seed: int = 0
    gradient: str = "log_prob"
    eps: float = 1.0
    attack_steps: int = 10
    reference_step: float = 1.0
    directions: int = 2
    draws: int = 4
    sigma: float = 0.25
    thorough: bool = False
    explain: bool = False
    precision: str = "fp32"
    certify: float | None = None
    certify_choice: int = 100
    certify_draws: int = 1000
    certify_alpha: float = 0.001


class Memo:
    """Values computed once and kept as long as their batch."""

    def __init__(self):
        self._kept: dict[Any, Any] = {}

    def once(self, key: Any, compute: Callable[[], T]) -> T:
        """Return the value under a key, computed at the first call."""
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]


def has_scores(manifold: Any) -> bool:
    """Whether a manifold, if there is one, has scores besides tangent spaces."""
    inner = manifold.estimator if isinstance(manifold, Pooled) else manifold
    return inner is not None and getattr(inner, "scores", False)


def projects(manifold: Any) -> bool:
    """Whether the projected gradient can go through a manifold."""
    return has_scores(manifold) and manifold.card.usable


@dataclass(frozen=True)
class Scene:
    """A batch and a manifold without any classifier: what all audited models share.

    batch: on the device. split: where partners are drawn from. manifold: Tangent and Score, or
    None. class_means: (k, c, h, w) of the training images, or None without labels. second: another
    manifold, beside which the first is held. fakes: {name: rows (k, d)} of subspaces that know no
    image, d the pixels that the manifold resolves. folder: of the fitted manifold, where its
    tangent spaces are kept; None keeps none. mean: (c, h, w) of the training images, or None where
    no explanations are judged. perceptual: LPIPS, or None without its weights. attributions: the
    user's own, where they are judged.
    """

    batch: Batch
    split: Split
    manifold: Any
    class_means: Tensor | None
    settings: Settings
    second: Any = None
    fakes: Mapping[str, Tensor] = field(default_factory=dict)
    folder: Path | None = None
    mean: Tensor | None = None
    perceptual: nn.Module | None = None
    attributions: Attributions | None = None
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)

    @property
    def x(self) -> Tensor:
        """Images (n, c, h, w)."""
        return self.batch.x

    @property
    def second_scores(self) -> bool:
        """Whether the second manifold gives the target of these images too."""
        m = self.second
        return (
            has_scores(m)
            and m.card.classes is not None
            and m.card.classes == self.split.classes
            and may_ask(m.card, self.settings.sigma)
        )

    @property
    def surroundings(self) -> Surroundings:
        """What variants of the gradient may use; they go through the second manifold's denoiser
        where it has one, so that the first can judge them."""
        m = self.second if projects(self.second) else self.manifold
        index, given, own = self.batch.index, self.attributions, None
        if given is not None:
            own = lambda model, x, y: given.at(model, x, y, index)  # noqa: E731
        if not projects(m):
            return Surroundings(self.noise, own=own)
        x, sigma = self.x, m.card.sigma
        return Surroundings(
            self.noise, lambda: m.noisy(x, sigma, index), lambda v: m.denoise(v, None, sigma), own
        )

    def noise(self, name: str, draw: int = 0) -> Tensor:
        """Return standard normal noise (n, c, h, w) by (seed, name, draw, image index)."""

        def compute() -> Tensor:
            shape, index = tuple(self.x.shape[1:]), self.batch.index
            return image_noise(shape, index, seed=self.settings.seed, name=name, draw=draw).to(
                self.x
            )

        return self.memo.once(("noise", name, draw), compute)

    @cached_property
    def partner(self) -> Batch:
        """For each image one of another class (any other without labels), by seed and index."""
        rows, labels = self.split.rows, self.split.labels
        chosen = []
        for i, index in enumerate(self.batch.index.tolist()):
            own = None if self.batch.y is None else int(self.batch.y[i])
            others = rows[rows != index] if labels is None else rows[labels != own]
            others = others if len(others) else rows[rows != index]  # images of one class alone
            draw = np.random.default_rng(seed_of(self.settings.seed, "partner", index))
            chosen.append(draw.choice(others))
        batch = self.split.read(np.array(chosen))
        y = None if batch.y is None else batch.y.to(self.x.device)
        return replace(batch, x=batch.x.to(self.x.device), y=y)

    def score(
        self,
        kind: Kind,
        *,
        at: At = "own",
        sigma: float | None = None,
        second: bool = False,
        clean: bool = False,
    ) -> Tensor:
        """Return a score (n, c, h, w): unconditional s(x̃), conditional s(x̃|y), or posterior, the
        second − the first.

        at: "own", the image and its class; "wrong_class", the partner's class; "wrong_image", the
        partner and its class. sigma: the manifold's own if None. second: by the second manifold.
        clean: asked at the clean image, as the paper does, where a denoiser is off its training
        distribution.
        """
        if kind == "unconditional" and at == "wrong_class":
            at = "own"
        sigma = self.settings.sigma if sigma is None else sigma

        def part(kind: Kind) -> Tensor:
            return self.score(kind, at=at, sigma=sigma, second=second, clean=clean)

        def compute() -> Tensor:
            if kind == "posterior":
                return part("conditional") - part("unconditional")
            m = self.second if second else self.manifold
            b = self.partner if at == "wrong_image" else self.batch
            named = self.batch if at == "own" else self.partner
            y = None if kind == "unconditional" else named.y
            if not clean:
                return m.score(b.x, y, sigma, index=b.index)
            with torch.no_grad():
                return (m.denoise(b.x, y, sigma) - b.x) / sigma**2

        return self.memo.once(("score", kind, at, sigma, second, clean), compute)

    def fake_energy(self, name: str, v: Tensor) -> Tensor:
        """Return the energy (n,) of a field under a subspace of `fakes`."""
        v = self.manifold.shrink(v) if isinstance(self.manifold, Pooled) else v
        return (v.flatten(1) @ self.fakes[name].to(v).T).square().sum(1)

    def tangent(self, v: Tensor) -> Tensor:
        """Return the soft projection J̄v (n, c, h, w)."""
        return self.manifold.tangent(self.x, v, self.settings.sigma, index=self.batch.index)

    def energy(self, v: Tensor, *, at: Batch | None = None) -> Tensor:
        """Return vᵀJ̄v (n,), or (m, n) for m fields; at: the images whose J̄ is taken."""
        at = self.batch if at is None else at
        return self.manifold.energy(at.x, v, self.settings.sigma, index=at.index)

    @cached_property
    def basis(self) -> Tensor:
        """Orthonormal rows Q (n, k̂, d) of the tangent space: the hard projector is P = QᵀQ.

        Of a `Pooled` manifold, in the space of its blocks, where Q is r² times smaller.
        """
        m, x = self.manifold, self.x
        if isinstance(m, Pooled):
            m, x = m.estimator, m.down(x)
        return remembered_basis(m, x, self.batch.index, self.folder)

    def coordinates(self, v: Tensor) -> Tensor:
        """Return Qv (n, k̂): ‖Qv‖ = ‖Pv‖."""
        v = self.manifold.shrink(v) if isinstance(self.manifold, Pooled) else v
        return (self.basis @ v.flatten(1)[:, :, None])[:, :, 0]

    @cached_property
    def dimension(self) -> Tensor:
        """Estimate of tr J̄ at each image, (n,)."""
        return self.manifold.dimension(self.x, index=self.batch.index)

    def project(self, v: Tensor) -> Tensor:
        """Return Pv (n, c, h, w)."""
        flat = (self.coordinates(v)[:, None] @ self.basis)[:, 0]
        m = self.manifold
        if isinstance(m, Pooled):
            return m.expand(flat.reshape(len(v), *m.blocks.small))
        return flat.reshape(v.shape)

    def split_noise(self, draw: int) -> tuple[Tensor, Tensor]:
        """Return (Pz, (I − P)z) of standard normal z, in the space that the manifold resolves.

        For a `Pooled` manifold z is constant over blocks, with standard deviation 1 a block.
        """

        def compute() -> tuple[Tensor, Tensor]:
            z = self.noise("manifold", draw)
            if isinstance(self.manifold, Pooled):
                z = self.manifold.r * self.manifold.blocks.resolved(z)
            on = self.project(z)
            return on, z - on

        return self.memo.once(("split_noise", draw), compute)


@dataclass(frozen=True)
class Probe:
    """A scene and a classifier, images → logits over the classes of the data.

    temperature: divides logits wherever more than the decision counts (gradients, attacks, sizes of
    changes), so that nothing depends on the scale of logits. shuffled: copies for the untrained
    control, prepared once (`shuffled_copies`). randomised: a network trained on permuted labels,
    for the control of that name, at the temperature 1.
    """

    scene: Scene
    model: nn.Module
    temperature: float = 1.0
    shuffled: tuple[nn.Module, ...] = ()
    randomised: nn.Module | None = None
    labels: Tensor | None = None
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)

    @property
    def x(self) -> Tensor:
        """Images (n, c, h, w)."""
        return self.scene.x

    @property
    def mask(self) -> Tensor | None:
        """True signal masks (n, 1, h, w), or None."""
        return self.scene.batch.mask

    @property
    def index(self) -> Tensor:
        """Image indices (n,)."""
        return self.scene.batch.index

    @cached_property
    def y(self) -> Tensor:
        """Labels (n,); the classifier's own prediction where images have none."""
        if self.labels is not None:
            return self.labels
        y = self.scene.batch.y
        return self.logits.argmax(1) if y is None else y

    @cached_property
    def logits(self) -> Tensor:
        """Logits (n, k) of the images as they are."""
        return self.classify(self.x)

    @cached_property
    def probabilities(self) -> Tensor:
        """Softmax at the fitted temperature, (n, k)."""
        return (self.logits / self.temperature).softmax(1)

    @in_float32()
    def classify(self, x: Tensor) -> Tensor:
        """Return logits (n, k) of images (n, c, h, w), in float32, without a graph."""
        with frozen(self.model), torch.no_grad():
            return self.model(x).float()

    @cached_property
    def calibrated(self) -> nn.Module:
        """The classifier at the fitted temperature, images → logits."""
        return Tempered(self.model, self.temperature)

    def change(self, delta: Tensor) -> Tensor:
        """Return p(x + δ) − p(x), (n, k), at the fitted temperature; x + δ is not clipped."""
        moved = (self.classify(self.x + delta) / self.temperature).softmax(1)
        return moved - self.probabilities

    @in_float32()
    def gradient(self, name: str | None = None) -> Tensor:
        """Return the direction of a named scalar's or variant's input gradient, (n, c, h, w); of
        the audited one if None.

        At the fitted temperature, and of the scalar's core: as long as the logits' gradient. A
        user's own explanation is of the classifier as it is.
        """
        named = self.scene.settings.gradient if name is None else name
        return self.memo.once(
            ("gradient", named),
            lambda: GRADIENTS[named](
                self.model if named == ATTRIBUTIONS else self.calibrated,
                self.x,
                self.y,
                self.scene.surroundings,
            ),
        )

    def untrained(self) -> list["Probe"]:
        """Return probes of the classifier with the entries of each weight tensor shuffled."""
        return self.memo.once("untrained", lambda: [self.with_model(m) for m in self.shuffled])

    def controls(self) -> dict[str, list["Probe"]]:
        """Return the networks that know nothing of the labels, by the name of their control."""
        found = {"untrained": self.untrained()} if self.shuffled else {}
        if self.randomised is not None:
            one = self.randomised
            shared = self.scene.batch.y is not None  # the same labels for every classifier
            memo = self.scene.memo if shared else self.memo
            network = memo.once(
                ("label_randomised", id(one)),
                lambda: replace(self.with_model(one), temperature=1.0),
            )
            found["label_randomised"] = [network]
        return found

    def with_model(self, model: nn.Module) -> "Probe":
        """Return the same scene and labels seen through another classifier."""
        return Probe(self.scene, model, self.temperature, labels=self.y)


def shuffled_copies(model: nn.Module) -> tuple[nn.Module, ...]:
    """Return UNTRAINED_SEEDS copies of a model whose weight tensors have their entries shuffled."""
    copies = []
    for seed in range(UNTRAINED_SEEDS):
        shuffled = copy.deepcopy(model)
        generator = generator_of("untrained", seed)
        with torch.no_grad():
            for parameter in shuffled.parameters():
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order.to(parameter.device)].view_as(parameter))
        copies.append(shuffled)
    return tuple(copies)

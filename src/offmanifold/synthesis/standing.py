"""How a classifier stands, before what is made with its gradients is trusted: a warning, or none.

From the newest audit of it on the images in use; else from its run and a quick look at validation
images.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json
from offmanifold._core.randomness import ImageNoise
from offmanifold._core.reasons import Reason
from offmanifold.attacks import PGD
from offmanifold.audits.regime import CHANCE_MARGIN
from offmanifold.audits.store import Audit, audit_folder
from offmanifold.data import Data
from offmanifold.data.radius import default_eps
from offmanifold.models import Loaded
from offmanifold.sweeps.find import find_audit
from offmanifold.synthesis.batching import comfortable, in_batches
from offmanifold.synthesis.filling import device_of, predicted

MISTAKEN = 0.75  # of the way from chance to always right, below which classes get mixed up
LOOKED_AT, FEWEST = 64, 16  # validation images of a quick look


@dataclass(frozen=True)
class Standing:
    """What is known of a classifier; None where it is not.

    regime: of its audit. accuracy: share of images that it is right on; chance: that of the
    largest class. clean, attacked: accuracy without and with an l2 attack of radius eps, on the
    same images. standard: whether it was trained without any robustness.
    """

    regime: str | None = None
    accuracy: float | None = None
    chance: float | None = None
    clean: float | None = None
    attacked: float | None = None
    eps: float | None = None
    standard: bool = False


def standing_of(loaded: Loaded, model: nn.Module, data: Data | None) -> Standing:
    """Return how a classifier stands.

    model: with the data's classes as outputs, which is asked where there is no audit of them.
    Without data the audits that count are those of the images that it was trained on.
    """
    standard = (loaded.card.objective or {}).get("name") == "erm"
    images = loaded.card.config.get("data") if data is None else data.fingerprint
    try:
        if images is not None:
            return _audited(find_audit(_place(loaded), images), standard)
    except InputError:
        pass
    accuracy = _trained_accuracy(Path(loaded.card.spec))
    k = loaded.card.outputs
    chance = None if not k else 1 / k
    if data is None or data.val.labels is None or not len(data.val):
        return Standing(accuracy=accuracy, chance=chance, standard=standard)
    clean, attacked, eps = _look(model, data)
    chance = float(torch.as_tensor(data.val.labels).bincount().max()) / len(data.val)
    accuracy = clean if accuracy is None else accuracy
    return Standing(None, accuracy, chance, clean, attacked, eps, standard)


def _place(loaded: Loaded) -> Path:
    """Return the folder below which the audits of a model lie."""
    return audit_folder(loaded, "any").parent.parent


def warnings_of(standing: Standing, label: str) -> tuple[Reason, ...]:
    """Return what a user should know before trusting what is made with a model of this label."""
    s, chance = standing, standing.chance or 0.0
    model, accuracy = {"model": label}, {"accuracy": s.accuracy}
    if s.accuracy is not None and s.chance is not None and s.accuracy <= chance + CHANCE_MARGIN:
        return (Reason("synthesis.chance", {**model, **accuracy, "chance": chance}),)
    if s.regime in ("collapsed", "excessive", "weak"):
        return (Reason(f"synthesis.{s.regime}", {**model}),)
    known = {**model, "regime": s.regime or "unaudited"}
    if s.attacked is not None and s.clean is not None and s.attacked < s.clean / 2:
        eps = None if s.eps is None else float(f"{s.eps:.3g}")
        fall = {"eps": eps, "clean": s.clean, "under": s.attacked}
        return (Reason("synthesis.sensitive", {**known, **fall}),)
    if s.attacked is None and s.standard:
        return (Reason("synthesis.standard", {**known}),)
    if s.accuracy is not None and s.accuracy < chance + MISTAKEN * (1 - chance):
        return (Reason("synthesis.mistaken", {**known, **accuracy}),)
    return ()


def _audited(audit: Audit, standard: bool) -> Standing:
    regime, measures = audit.regime, audit.json["measures"]

    def value(name: str) -> float | None:
        return (measures.get(name) or {}).get("value")

    return Standing(
        regime=regime.name,
        accuracy=value("accuracy.clean"),
        chance=regime.inputs.get("majority_rate"),
        clean=value("accuracy.clean"),
        attacked=value("accuracy.pgd_l2"),
        eps=(audit.json.get("settings") or {}).get("eps"),
        standard=standard,
    )


def _trained_accuracy(run: Path) -> float | None:
    """Return the validation accuracy at the end of a run's training."""
    saved = run / "metrics.json"
    return read_json(saved).get("val_accuracy") if saved.is_file() else None


def _look(model: nn.Module, data: Data) -> tuple[float, float, float]:
    """Return accuracy on a few validation images, the same under attack, and the attack's radius.

    The validation images alone: those for tests are read by audits.
    """
    eps, size = default_eps(data.shape, data.info.get("eps")), comfortable(data.shape)
    few = data.val.subset(min(LOOKED_AT, max(FEWEST, size)), 0)
    batch = few.read(few.rows)
    assert batch.y is not None
    x, y = batch.x, batch.y
    device = device_of(model)

    def run(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = x[rows].to(device), y[rows].to(device)
        noise = ImageNoise(rows, seed=0, name="look")
        moved = PGD(eps=eps)(model, images, labels, generator=noise)
        right = predicted(model, images) == labels
        return right, right & (predicted(model, moved) == labels)

    found = [torch.cat(parts) for parts in zip(*in_batches(run, len(x), size), strict=True)]
    return float(found[0].float().mean()), float(found[1].float().mean()), eps

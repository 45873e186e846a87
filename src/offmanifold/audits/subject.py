"""One classifier under audit: what is found of it, batch by batch, and how it is saved."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from offmanifold._core.files import content_hash
from offmanifold._core.log import note
from offmanifold._core.reasons import Reason
from offmanifold._core.statistics import Columns
from offmanifold._core.version import package_version
from offmanifold.audits.batches import Seen, forget_batches, keep_batch, kept_batches
from offmanifold.audits.description import (
    describe_data,
    describe_lpips,
    describe_model,
    describe_settings,
    without_nan,
)
from offmanifold.audits.identity import found_again, whole_parts
from offmanifold.audits.panels import draw_panels
from offmanifold.audits.plan import NO_IMAGE, ZERO, Plan
from offmanifold.audits.regime import CHANCE_MARGIN
from offmanifold.audits.store import SCHEMA, Audit, audit_folder, save_audit
from offmanifold.audits.suspicions import suspicions
from offmanifold.data.types import Data
from offmanifold.measures import Measure
from offmanifold.measures.probe import Probe, Scene, shuffled_copies
from offmanifold.models import Loaded, adapt_labels, check_classifier, some_images
from offmanifold.models.temperature import fit_temperature
from offmanifold.models.usable_gradients import usable

PANELS = 32
LOST = 0.01  # share of images without a gradient above which attacks by gradients are not told
NONE = "gradient.none"  # column: 1 where the classifier has none to follow


@dataclass(frozen=True)
class Subject:
    """A classifier to be audited, under a label, and where its audit is to lie.

    folder: None for none, unless `kept`: then a folder named by the audit's identity, below its
    run. mapping: of `classes`.
    """

    loaded: Loaded
    label: str
    folder: str | Path | None = None
    mapping: Any = None
    kept: bool = False


class AuditRun:
    """One classifier under audit, and what was found of each batch, as it grows.

    module: with the data's classes as outputs. model, shared: parts of its audit's identity.
    """

    def __init__(self, subject: Subject, module: nn.Module, model: Any, shared: Any):
        self.subject, self.module = subject, module
        self.parts = whole_parts(shared, model, module)
        self.identity = content_hash(self.parts)
        self.folder, out = None, None if subject.folder is None else Path(subject.folder)
        if out is not None or subject.kept:
            self.folder = audit_folder(subject.loaded, self.identity, out)
        self.seen: list[Seen] = []
        self.suspicions: list[Reason] = []
        self.prepared = False

    @property
    def n(self) -> int:
        """How many images were seen."""
        return sum(map(len, self.seen))

    def found(self, show: bool) -> Audit | None:
        """Return the audit, should it be finished; else take up what was kept of it."""
        if self.folder is None:
            return None
        label = self.subject.label
        asked = self.subject.folder is not None or label != self.subject.loaded.card.label
        audit = found_again(self.folder, self.parts, label, rename=asked)
        if audit is not None:
            forget_batches(self.folder)
            if show:
                note(f"{label}: found again in {self.folder}, nothing measured")
            return audit
        self.seen = kept_batches(self.folder, self.parts)
        if self.seen and show:
            note(f"{label}: goes on after the {self.n} images that were measured before")
        return None

    def prepare(
        self,
        data: Data,
        device: torch.device,
        randomised: nn.Module | None,
        shuffled: bool = True,
    ) -> None:
        """Make what all batches need; shuffled: whether networks with shuffled weights do."""
        self.randomised = randomised
        self.shuffled = shuffled_copies(self.module) if shuffled else ()
        self.temperature = fit_temperature(self.module, data.val, device)
        self.prepared = True

    def suspect(self, data: Data, device: torch.device) -> None:
        """Look for what may be behind an accuracy at chance, where it is."""
        columns = _joined([seen.columns for seen in self.seen], np.concatenate)
        if "accuracy.clean" not in columns:
            return
        right, counts = columns["accuracy.clean"], np.bincount(columns["label"])
        if right.mean() <= counts.max() / len(right) + CHANCE_MARGIN:
            card = self.subject.loaded.card
            self.suspicions = suspicions(self.module, card, data, device)

    def see(self, scene: Scene, running: Sequence[Measure], has: set[str]) -> None:
        """Measure a batch and keep what was found: on disk first, then here, at one stroke."""
        started = time.time()
        probe = Probe(scene, self.module, self.temperature.value, self.shuffled, self.randomised)
        probe.gradient()  # a model without one is refused before anything long
        y = scene.batch.y
        found: dict[str, Tensor] = {
            "index": probe.index,
            "label": torch.full((len(probe.x),), -1) if y is None else y,
            "prediction": probe.logits.argmax(1),
            NONE: ~usable(probe.gradient("log_prob")),  # what attacks follow, whatever is audited
        }
        for measure in running:
            found |= measure.columns(probe)
        shown = sum(len(seen.panels.get("index", ())) for seen in self.seen)
        panels = draw_panels(probe, PANELS - shown, has) if shown < PANELS else {}
        seen = Seen(
            {name: values.detach().cpu().numpy() for name, values in found.items()},
            {name: values.cpu() for name, values in panels.items()},
            time.time() - started,
        )
        if self.folder is not None:
            keep_batch(self.folder, self.parts, self.n, seen)
        self.seen.append(seen)

    def save(self, audit: Audit) -> Audit:
        """Write the audit; the batches go once it is whole."""
        saved = save_audit(audit, self.folder)
        if self.folder is not None and audit.json["data"]["n"] == audit.json["data"]["planned"]:
            forget_batches(self.folder)
        return saved

    def finish(self, plan: Plan, data: Data, manifold: Any, second: Any) -> Audit:
        """Return the audit of what was seen."""
        n = self.n
        columns = _joined([seen.columns for seen in self.seen], np.concatenate)
        panels = _joined([seen.panels for seen in self.seen if seen.panels], torch.cat)
        numbers = {m.name: m.reduce(columns, n) for m in plan.running}
        step = plan.settings.reference_step
        skipped = dict(plan.reasons)
        for name, number in numbers.items():
            if number["value"] is None:
                skipped[name] = NO_IMAGE if n == 0 else ZERO
        reason = without_gradient(columns)
        for m in plan.running:
            if reason is not None and m.follows and columns[NONE].mean() > LOST:
                numbers[m.name] |= {"value": None, "low": None, "high": None}
                skipped[m.name] = reason
        saved = {
            "schema": SCHEMA,
            "version": package_version(),
            "identity": self.identity,
            "identity_of": self.parts,
            "label": self.subject.label,
            "model": describe_model(self.subject.loaded.card),
            "data": describe_data(data, plan, n),
            "manifold": (
                None
                if manifold is None
                else {**manifold.card.summary(), "independent": plan.independent}
            ),
            **({} if second is None else {"second_manifold": second.card.summary()}),
            "settings": {
                **describe_settings(plan.settings, data),
                **describe_lpips(plan, data),
                "temperature": self.temperature.value,
                **({"temperature_bound": bound} if (bound := self.temperature.bound) else {}),
                "seconds": round(sum(seen.seconds for seen in self.seen), 1),
            },
            "measures": numbers,
            "curves": {
                name: curve.reduce(columns, n)
                for m in plan.running
                for name, curve in m.curves(step).items()
            },
            "skipped": {name: asdict(reason) for name, reason in skipped.items()},
            "regime": None,
        }
        if self.suspicions:
            saved["suspicions"] = [asdict(reason) for reason in self.suspicions]
        paths = [plan.images.source.names[i] for i in columns.get("index", ())]
        kept = {k: v for k, v in columns.items() if v.ndim == 1}
        return Audit(without_nan(saved), {**kept, "path": np.array(paths, dtype=object)}, panels)


def _joined(parts: Sequence[dict[str, Any]], join: Any) -> dict[str, Any]:
    return {name: join([part[name] for part in parts]) for name in (parts[0] if parts else ())}


def without_gradient(columns: Columns) -> Reason | None:
    """Return how many images have no gradient to follow, if any.

    None of a collapsed model, of which nothing would be otherwise.
    """
    lost = columns.get(NONE, np.zeros(0))
    if not lost.any() or (lost.all() and len(set(columns["prediction"])) == 1):
        return None
    return Reason("missing.no_gradient", {"lost": int(lost.sum()), "n": len(lost)})


def adapted(loaded: Loaded, data: Data, mapping: Any, device: torch.device) -> nn.Module:
    """Return a classifier whose outputs are the classes of the data, checked on its images."""
    module, outputs = check_classifier(
        loaded.module.to(device), data.shape, device, some_images(data)
    )
    checked = Loaded(module, replace(loaded.card, outputs=outputs))
    return adapt_labels(checked, data.classes, mapping).to(device)

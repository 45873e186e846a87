"""Audit classifiers: loop over batches and measures, and save numbers anyone can check.

It names no measure. Several models are audited in one pass, since everything that depends on the
images and the manifold alone (noise, tangent spaces, scores) is then computed once.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold._core.device import Engine
from offmanifold._core.files import make_folder, tensors_hash
from offmanifold._core.frozen import at_home, frozen
from offmanifold._core.locks import held
from offmanifold._core.log import note
from offmanifold._core.precision import in_float32
from offmanifold._core.progress import bar
from offmanifold.attacks.certification import radius_cap
from offmanifold.audits.config import AuditConfig, check_labels
from offmanifold.audits.identity import model_parts, shared_parts
from offmanifold.audits.plan import Plan, check_randomised, plan
from offmanifold.audits.store import Audit, with_regimes
from offmanifold.audits.subject import AuditRun, Subject, adapted, without_gradient
from offmanifold.data.held import Images, as_data
from offmanifold.data.types import Batch, Data
from offmanifold.manifolds import global_pca, low_pass
from offmanifold.manifolds.base import fitted_folder
from offmanifold.manifolds.pooled import pool_data
from offmanifold.measures import passes
from offmanifold.measures.lpips import load_lpips
from offmanifold.measures.probe import Scene, Settings
from offmanifold.models import (
    Loaded,
    ModelCard,
    check_state,
)
from offmanifold.models.labels import BY_INDEX
from offmanifold.models.temperature import AT_BOUND


def audit(
    model: nn.Module | Loaded,
    data: Images,
    manifold: Any = None,
    *,
    config: AuditConfig | None = None,
    limit: int | None = None,
    gradient: str | None = None,
    eps: float | None = None,
    thorough: bool | None = None,
    explain: bool | None = None,
    folder: str | Path | None = None,
    label: str | None = None,
    classes: Any = None,
    second: Any = None,
    label_randomised: Loaded | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    beside: Sequence[Audit] = (),
    show: bool = True,
) -> Audit:
    """Audit one classifier: everything that can be measured of it, with intervals and controls.

    model: any module, images (n, c, h, w) in [0, 1] → logits; or what `load_model` or `train`
    returned. data: whatever `as_data` takes. config: see `AuditConfig`; limit, gradient, eps,
    thorough, explain: the same as there, for short. folder: None keeps the audit in memory, "auto"
    below the model's run in runs/, a path there; a kept audit goes on after an interruption and is
    found again by the same call. classes: which output means which class, as `adapt_labels` takes
    it; by default by name, and for a bare module in the order of `data.classes`. The rest is as in
    `audit_models`, which this calls.
    """
    given = {"limit": limit, "gradient": gradient, "eps": eps, "thorough": thorough}
    given = {k: v for k, v in {**given, "explain": explain}.items() if v is not None}
    if not isinstance(model, Loaded):
        spec = type(model).__name__
        check_state(model)
        weights_hash = tensors_hash(model.state_dict())
        parameters = sum(p.numel() for p in model.parameters())
        card = ModelCard(spec, weights_hash=weights_hash, parameters=parameters)
        model, label, classes = Loaded(model, card), label or spec, classes or BY_INDEX
    subject = Subject(
        model,
        label or model.card.label,
        None if folder in (None, "auto") else folder,
        classes,
        kept=folder == "auto",
    )
    (made,) = audit_models(
        [subject],
        as_data(data),
        manifold,
        replace(config or AuditConfig(), **given),
        second=second,
        label_randomised=label_randomised,
        device=device,
        batch_size=batch_size,
        beside=beside,
        show=show,
    )
    return made


@in_float32()
def audit_models(
    subjects: Sequence[Subject],
    data: Data,
    manifold: Any = None,
    config: AuditConfig | None = None,
    *,
    second: Any = None,
    label_randomised: Loaded | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    beside: Sequence[Audit] = (),
    show: bool = True,
) -> list[Audit]:
    """Audit classifiers with one manifold, in one pass.

    manifold: Tangent and Score, or None: what needs one is then skipped, and said so. second:
    another, beside which the first is held: the ceiling of alignment, the fraction by it.
    label_randomised: a classifier trained on permuted labels, as a control. device: auto, cpu, cuda
    or mps. batch_size: images at once. beside: finished audits among which a reference may be.
    Raises InputError where a model does not fit the data, was trained with the manifold that judges
    it (unless `allow_dependent`, which marks the audit), or where `label_randomised` knows the
    labels, or another audit lies in a subject's folder. Each finished batch is on disk, and the
    same call goes on after it; a finished audit is only read. Ctrl-C saves what is done, with its
    n.
    """
    if not subjects:
        return []
    config = config or AuditConfig()
    reference, reference_accuracy = config.reference, config.reference_accuracy
    check_labels([*(a.label for a in beside), *(s.label for s in subjects)], reference)
    place = Engine(device, "fp32").device
    models = [s.loaded for s in subjects]
    planned = plan(config, models, data, manifold, second, label_randomised)
    if show and (caution := _out_of_reach(planned.settings)):
        note(caution)
    of_models = [model_parts(s.loaded) for s in subjects]
    shared = shared_parts(planned, data, manifold, second, label_randomised)
    stopped: KeyboardInterrupt | None = None
    with ExitStack() as stack:
        for subject in subjects:
            stack.enter_context(frozen(subject.loaded.module))
            stack.enter_context(at_home(subject.loaded.module))
        runs = [
            AuditRun(one, adapted(one.loaded, data, one.mapping, place), parts, shared)
            for one, parts in zip(subjects, of_models, strict=True)
        ]
        found = {run.subject.label: run.found(show) for run in runs}
        waiting = [run for run in runs if found[run.subject.label] is None]
        for folder in {run.folder for run in waiting if run.folder is not None}:
            stack.enter_context(held(make_folder(folder)))
        try:
            if waiting:
                judges = (manifold, second, label_randomised)
                _measure(waiting, planned, data, judges, place, batch_size, show)
        except KeyboardInterrupt as stop:
            stopped = stop
            if show:
                note("stopping: saving what is done (Ctrl-C again stops at once)")
        for run in waiting:
            if run.prepared and run.n and (stopped is None or run.folder is not None):
                found[run.subject.label] = run.finish(planned, data, manifold, second)
        made = [one for one in found.values() if one is not None]
        for one in made if show else ():
            if (lacking := without_gradient(one.columns)) is not None:
                note(f"{one.label}: {lacking}")
        if stopped is not None and reference not in [one.label for one in [*beside, *made]]:
            reference = None
        made = with_regimes([*beside, *made], reference, reference_accuracy)[len(beside) :]
        measured = {run.subject.label: run for run in waiting}
        audits = [measured[a.label].save(a) if a.label in measured else a for a in made]
    if stopped is not None:
        raise stopped
    return audits


def _measure(
    runs: Sequence["AuditRun"],
    plan: Plan,
    data: Data,
    judges: tuple[Any, Any, Loaded | None],
    place: torch.device,
    batch_size: int | None,
    show: bool,
) -> None:
    """Let the runs see all images that they have not seen, batch by batch.

    judges: the manifold, the second one, and the classifier trained on permuted labels.
    """
    (manifold, second, control), images = judges, plan.images
    learnt = len(data.train) > 0  # pictures that are judged alone have no others beside them
    means = data.train.class_means.to(place) if learnt and "labels" in plan.has else None
    mean = (data.train if learnt else images).mean.to(place) if plan.settings.explain else None
    judge = manifold if "manifold" in plan.has else None
    other = second if "second" in plan.has else None
    fakes = {} if judge is None else _fakes(judge, data, place)
    kept = fitted_folder(judge)
    perceptual = None if plan.lpips is None else load_lpips(plan.lpips).to(place)
    size = batch_size or _batch_size(data, judge, plan.settings.thorough)
    with ExitStack() as stack:
        if isinstance(judge, nn.Module):
            judge = stack.enter_context(at_home(judge)).to(place)
        if isinstance(other, nn.Module):
            other = stack.enter_context(at_home(other)).to(place)
        randomised = control and adapted(control, data, None, place)
        if control is not None and randomised is not None:
            check_randomised(randomised, control.card.label, data.val, place)
        for run in runs:
            run.prepare(data, place, randomised)
            if show and run.temperature.bound:
                note(f"{run.subject.label}: {AT_BOUND[run.temperature.bound]}")
        done = min(run.n for run in runs)
        progress = stack.enter_context(bar("auditing", len(images), done=done, show=show))
        cuts = {*range(0, len(images), size), *(run.n for run in runs), len(images)}
        first = show
        for a, b in pairwise(sorted(cuts)):
            unseen = [run for run in runs if run.n <= a]
            if not unseen:
                continue
            scene = Scene(
                _to(images.read(images.rows[a:b]), place),
                images,
                judge,
                means,
                plan.settings,
                other,
                fakes,
                kept,
                mean=mean,
                perceptual=perceptual,
            )
            for run in unseen:
                run.see(scene, plan.running, plan.has)
            progress.advance(b - a)
            if first:
                note(_expectation(plan, unseen, b - a, len(images) - b))
            first = False
        for run in runs:
            run.suspect(data, place)


def _fakes(manifold: Any, data: Data, device: torch.device) -> dict[str, Tensor]:
    """Return the rows (k, d) of subspaces of the manifold's dimension that know no image."""
    pooling = manifold.card.pooling
    inner = manifold.estimator.card if pooling > 1 else manifold.card
    seen = pool_data(data, pooling) if pooling > 1 else data
    part = seen.train if len(seen.train) else seen.test
    k = max(1, round(inner.dimension or 1))
    found = {"low_pass": low_pass(inner, k), "global_pca": global_pca(inner, part, k)}
    return {name: fake.rows.to(device) for name, fake in found.items()}


def _out_of_reach(settings: Settings) -> str | None:
    """Say, before anything long is begun, if no certificate could reach ε."""
    if settings.certify is None:
        return None
    cap = radius_cap(settings.certify, settings.certify_draws, settings.certify_alpha)
    if settings.eps <= cap:
        return None
    return (
        f"`eps` {settings.eps:g} is above {cap:.3g}, the largest radius that `certify` "
        f"{settings.certify:g} can certify: certified accuracy will be 0 whatever the model"
    )


def _expectation(plan: Plan, runs: Sequence[AuditRun], done: int, left: int) -> str:
    """Return the plan and the expected time, in a sentence, once a first batch is done."""
    seconds = left / done * sum(run.seen[-1].seconds for run in runs)
    return (
        f"images: {len(plan.images)}, models: {len(runs)}, measures: {len(plan.running)} "
        f"({passes(plan.running):.0f} forward passes an image); about {seconds:.0f} s to go"
    )


def _batch_size(data: Data, manifold: Any, thorough: bool) -> int:
    """Return how many images of this size, with their tangent spaces, are held at once.

    thorough: few, since a batch is what an interruption loses, and they take minutes each.
    """
    fitting = min(50, (300_000 if thorough else 3_000_000) // math.prod(data.shape))
    if manifold is not None:
        card = manifold.card
        numbers = math.prod(data.shape) / card.pooling**2 * (card.dimension or 0)
        fitting = min(fitting, int(2**25 / max(1, numbers)))
    return max(1, fitting)


def _to(batch: Batch, device: torch.device) -> Batch:
    def move(t: Tensor | None) -> Tensor | None:
        return None if t is None else t.to(device)

    return replace(batch, x=batch.x.to(device), y=move(batch.y), mask=move(batch.mask))

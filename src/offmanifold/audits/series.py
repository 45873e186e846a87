"""Audits of the same models, one for each gradient that is looked at."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError
from offmanifold._core.log import note
from offmanifold.audits.config import AuditConfig, check_labels
from offmanifold.audits.plan import check_gradient
from offmanifold.audits.run import Subject, audit_models
from offmanifold.audits.store import Audit, standard_of, with_regimes
from offmanifold.data.types import Data
from offmanifold.gradients.attributions import NAME as ATTRIBUTIONS
from offmanifold.gradients.attributions import Given
from offmanifold.manifolds.resolve import resolve_manifold
from offmanifold.models import Loaded, adapt_labels


def audit_gradients(
    models: Sequence[Loaded],
    data: Data,
    manifold: Any = "auto",
    config: AuditConfig | None = None,
    gradients: Sequence[str] = ("log_prob",),
    *,
    label: str | None = None,
    folder: str | Path | None = None,
    classes: Any = None,
    second: Any = None,
    label_randomised: Loaded | None = None,
    attributions: Given | None = None,
    device: str = "auto",
    show: bool = True,
) -> list[Audit]:
    """Audit models once for each gradient; whatever can be refused is, before anything long.

    manifold, second: manifolds, None, or specs as `resolve_manifold` takes them. gradients: names
    of which the first stands for a model alone, the others beside it. label, folder: of one model
    and, for folder, one gradient; folder as in `audit`. The rest is as in `audit_models`. Raises
    InputError as that does.
    """
    config = config or AuditConfig()
    if len(models) > 1 and (label or folder not in (None, "auto")):
        raise InputError("`folder` and `label` are for one model at a time")
    if not gradients or len(set(gradients)) < len(gradients):
        raise InputError("`gradient` wants one name or more, each once")
    if len(gradients) > 1 and folder not in (None, "auto"):
        raise InputError("`folder` is for one gradient at a time")
    if attributions is not None:
        if tuple(gradients) != ("log_prob",):
            raise InputError("`attributions` are judged in place of a `gradient`; give one of both")
        gradients = (ATTRIBUTIONS,)
    configs = [replace(config, gradient=gradient) for gradient in gradients]
    own = [label or one.card.label for one in models]
    labels = [own, *([f"{name} ({gradient})" for name in own] for gradient in gradients[1:])]
    check_labels([name for names in labels for name in names], config.reference)
    for one in models:
        adapt_labels(one, data.classes, classes)
    if label_randomised is not None:
        adapt_labels(label_randomised, data.classes, None)
    judge = _resolved(manifold, data, device)
    other = _second(second, judge, data, device)
    for gradient in gradients:
        check_gradient(gradient, judge, other)
    audits: list[Audit] = []
    for asked, names in zip(configs, labels, strict=True):
        audits += audit_models(
            [
                Subject(
                    one,
                    name,
                    None if folder in (None, "auto") else folder,
                    classes,
                    kept=folder == "auto",
                )
                for one, name in zip(models, names, strict=True)
            ],
            data,
            judge,
            asked,
            second=other,
            label_randomised=label_randomised,
            attributions=attributions,
            device=device,
            beside=audits,
            show=show,
        )
    standard = standard_of(audits, config.reference)
    if standard is not None and config.reference_accuracy is not None and show:
        note(f"`reference_accuracy` is not used: {standard}, the standard model, is among them")
    return with_regimes(audits, config.reference, config.reference_accuracy)


def _resolved(manifold: Any, data: Data, device: str) -> Any:
    return (
        resolve_manifold(manifold, data, device=device) if isinstance(manifold, str) else manifold
    )


def _second(second: Any, judge: Any, data: Data, device: str) -> Any:
    """Return the second manifold. Raises InputError where it is the first, or there is none."""
    if second is None:
        return None
    if judge is None:
        raise InputError("`second` is held beside `manifold`, and there is none")
    found = _resolved(second, data, device)
    if found is not None and found.card.hash == judge.card.hash:
        raise InputError(
            "`second` is the very manifold that judges; fit another (offmanifold fit-manifold "
            "--halves, or another estimator)"
        )
    return found

"""What audit.json says of the model, the images and the settings, as plain JSON."""

import math
from typing import Any

import numpy as np

from offmanifold._core.files import file_hash
from offmanifold.attacks.certification import radius_cap
from offmanifold.audits.plan import Plan
from offmanifold.data.types import Data
from offmanifold.gradients.variants import SCALAR, VARIANTS
from offmanifold.measures.lpips import seen_size
from offmanifold.measures.probe import Settings
from offmanifold.models import ModelCard


def describe_model(card: ModelCard) -> dict[str, Any]:
    """Return what is saved of a model."""
    return {
        "spec": card.spec,
        "classes": None if card.classes is None else list(card.classes),
        "parameters": card.parameters,
        "objective": card.objective,
        "weights_hash": card.weights_hash,
        "input_shape": card.input_shape and list(card.input_shape),
        "licence": card.licence,
    }


def describe_data(data: Data, plan: Plan, n: int) -> dict[str, Any]:
    """Return what is saved of the images; n: how many were seen."""
    return {
        "spec": data.info.get("spec"),
        "name": data.info.get("name"),
        "fingerprint": data.fingerprint,
        "classes": None if data.classes is None else list(data.classes),
        "shape": list(data.shape),
        "split": plan.part,
        "n": n,
        "planned": len(plan.images),
        "labels": "labels" in plan.has,
        "masks": "masks" in plan.has,
        "skipped": data.info.get("skipped", []),
        **({"told": data.info["told"]} if data.info.get("told") else {}),
    }


def describe_settings(settings: Settings, data: Data) -> dict[str, Any]:
    """Return the settings of an audit, each length and noise level with its unit."""
    step = 2.5 * settings.eps / settings.attack_steps
    return {
        "seed": settings.seed,
        "gradient": settings.gradient,
        **({"variant_of": SCALAR} if settings.gradient in VARIANTS else {}),
        "eps": settings.eps,
        "eps_unit": "l2 norm per image, pixels in [0,1]",
        "precision": settings.precision,
        "attack": f"pgd, {settings.attack_steps} steps of {step:.4g}, 1 restart",
        "reference_step": settings.reference_step,
        "step_unit": "l2 norm per image, pixels in [0,1]",
        "sigma": settings.sigma,
        "sigma_unit": "standard deviation per pixel in [0,1]",
        "directions": settings.directions,
        "draws": settings.draws,
        "d": math.prod(data.shape),
        **_describe_certification(settings),
    }


def describe_lpips(plan: Plan, data: Data) -> dict[str, Any]:
    """Return which weights LPIPS had and the (c, h, w) it saw, none where it was not used."""
    if plan.lpips is None:
        return {}
    return {
        "lpips_weights": file_hash(plan.lpips),
        "lpips_input": [3, *seen_size(*data.shape[1:])],
    }


def _describe_certification(settings: Settings) -> dict[str, Any]:
    """Return the settings of certificates, none where none were asked for."""
    if settings.certify is None:
        return {}
    sigma, n, alpha = settings.certify, settings.certify_draws, settings.certify_alpha
    return {
        "certify_sigma": sigma,
        "certify_sigma_unit": "standard deviation per pixel, pixels in [0,1]",
        "certify_choice": settings.certify_choice,
        "certify_choice_unit": "draws per image",
        "certify_draws": n,
        "certify_draws_unit": "draws per image",
        "certify_alpha": alpha,
        "certify_alpha_unit": "chance per image",
        "certify_cap": radius_cap(sigma, n, alpha),
        "certify_cap_unit": "l2 norm per image, pixels in [0,1]",
    }


def without_nan(value: Any) -> Any:
    """Return values as JSON gives them back: lists, and null for what is not finite."""
    if isinstance(value, dict):
        return {k: without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value

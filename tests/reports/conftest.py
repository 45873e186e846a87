"""Saved audits with made-up but likely numbers and pictures, for pages without training."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from offmanifold._core.files import write_json, write_tensors
from offmanifold._core.reasons import Reason
from offmanifold._core.records import as_record
from offmanifold.audits.schema import AuditRecord, Regime
from offmanifold.audits.store import SCHEMA
from offmanifold.measures import measures as registry
from offmanifold.sweeps.correlates import explain
from offmanifold.sweeps.runs import read_sweep
from offmanifold.sweeps.summary import summarise
from sweep_runs import make_run, pgd

# label, regime, accuracy, robust, signal, fraction, cosine, objective, noise of the gradient
MODELS = [
    ("standard", "weak", 0.977, 0.37, 0.65, 0.40, 0.24, {"name": "erm"}, 1.6),
    ("pgd-0.3", "uncertain", 0.987, 0.54, 0.80, 0.55, 0.32, {"name": "pgd", "eps": 0.3}, 0.8),
    ("pgd-1.0", "bayes-aligned", 0.975, 0.75, 0.94, 0.74, 0.42, {"name": "pgd", "eps": 1.0}, 0.3),
    ("pgd-3.0", "excessive", 0.733, 0.63, 0.97, 0.77, 0.40, {"name": "pgd", "eps": 3.0}, 0.15),
    ("noise-0.3", "weak", 0.974, 0.43, 0.70, 0.38, 0.22, {"name": "noise", "sigma": 0.3}, 1.2),
    ("noise-1.0", "excessive", 0.883, 0.53, 0.9, 0.52, 0.3, {"name": "noise", "sigma": 1.0}, 0.4),
    (
        "gradient-norm-1",
        "bayes-aligned",
        0.978,
        0.6,
        0.9,
        0.6,
        0.36,
        {"name": "gradient_norm"},
        0.5,
    ),
    ("gradient-norm-10", "bayes-aligned", 0.974, 0.66, 0.92, 0.64, 0.38, None, 0.4),
    ("pgd-8.0", "collapsed", 0.093, 0.09, 0.5, 0.2, 0.02, {"name": "pgd", "eps": 8.0}, 3.0),
]
CODES = {
    "weak": "regime.weak",
    "bayes-aligned": "regime.bayes_aligned",
    "excessive": "regime.excessive_aligned",
    "collapsed": "regime.collapsed_chance",
    "uncertain": "regime.accuracy_undecided",
}
NOVEL = "A measure that no page knows"
COSINE = "alignment.cosine_posterior"
XS = [0.33, 0.66, 1.33, 2.66, 5.3]


def number(name, value, width=0.03, n=200, **more):
    title = NOVEL if name not in registry else registry[name].title
    low, high = (None, None) if value is None else (value - width, value + 0.9 * width)
    return {
        **{"value": value, "low": low, "high": high, "n": n, "over": "images"},
        **{"method": "bootstrap", "unit": "", "title": title},
        **{"better": "lower" if "off" in name else "higher", **more},
    }


def bare(value, width=0.02, **more):
    return {"value": value, "low": value - width, "high": value + width, "n": 200, **more}


def measures(accuracy, robust, signal, fraction, cosine):
    on, off = fraction * 0.9, 0.75 - 0.7 * fraction
    return {
        "accuracy.clean": number("accuracy.clean", accuracy, 0.02),
        "accuracy.pgd_l2": number("accuracy.pgd_l2", robust, 0.061),
        "alignment.cosine_posterior": number(
            "alignment.cosine_posterior",
            cosine,
            controls={
                "white_noise": bare(0.001),
                "image": bare(-0.08),
                "class_mean": bare(0.19),
                "wrong_class": bare(-0.11),
                "untrained": bare(0.02),
            },
            difference={**bare(cosine - 0.19), "against": "class_mean"},
            z=12.345,
            effect=0.87,
            zero_gradients=0,
        ),
        "alignment.on_manifold_fraction": number(
            "alignment.on_manifold_fraction",
            fraction,
            chance=0.0612,
            controls={
                "white_noise": bare(0.0613),
                "spectrum_noise": bare(0.31),
                "untrained": bare(0.21),
                "wrong_image": bare(0.36),
            },
            difference={**bare(fraction - 0.36), "against": "wrong_image"},
            z=25.1,
            effect=1.9,
        ),
        "alignment.projected_norm": number("alignment.projected_norm", fraction**0.5),
        "robustness.rho_relative": number("robustness.rho_relative", off**2 / on**2, 0.004),
        "robustness.on_change": number("robustness.on_change", on),
        "robustness.off_change": number("robustness.off_change", off),
        "robustness.change_ratio": number("robustness.change_ratio", on / off, 0.1),
        "signal.fraction": number(
            "signal.fraction", signal, chance=0.5, controls={"untrained": bare(0.49)}
        ),
        "novel.measure": number("novel.measure", 1.234e-5 * accuracy, 1e-6),
    }


def curve(title, ys, unit="l2 norm, pixels in [0,1]"):
    points = [bare(y, 0.05 * y) for y in ys]
    return {"x": XS, "x_unit": unit, "title": title, "points": points}


def curves(on, off):
    grow = [1 - 2 ** (-x / 1.5) for x in XS]
    return {
        "robustness.on": curve("Change on", [on * g for g in grow]),
        "robustness.off": curve("Change off", [off * g for g in grow]),
    }


def digits(count, shape, classes):
    """Draw one digit an image, with a fixed letter below it where the image is twice as high."""
    c, h, w = shape
    rng = np.random.default_rng(0)
    out = np.zeros((count, c, h, w), np.float32)
    for i in range(count):
        image = Image.new("L", (w, h))
        draw = ImageDraw.Draw(image)
        side = min(h, w)
        at = tuple(rng.integers(0, 1 + side // 8, 2) + side // 8)
        font = ImageFont.load_default(size=side * 0.8)
        draw.text(at, str(i % classes)[-1], fill=255, font=font)
        if h >= 2 * w:
            draw.text((side // 5, h // 2), "R", fill=200, font=font)
        colour = rng.uniform(0.5, 1, (c, 1, 1)) if c > 1 else np.ones((1, 1, 1))
        out[i] = colour * np.asarray(image, np.float32) / 255
    return torch.from_numpy(out)


def unit(v):
    norm = v.flatten(1).norm(dim=1)
    return v / norm.clamp_min(1e-12).view(-1, 1, 1, 1), norm


def panels(shape, classes, noise, seed, labels=True, manifold=True, count=20, first=0):
    x = digits(count, shape, classes)
    generator = torch.Generator().manual_seed(seed)
    blur = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    target = (x - torch.nn.functional.avg_pool2d(x, 5, 1, 2)) - 0.3 * (
        torch.roll(blur, 2, 3) - blur
    )
    if shape[1] >= 2 * shape[2]:
        target[:, :, shape[1] // 2 :] *= 0.05
    target = unit(target)[0]
    white = unit(torch.randn(x.shape, generator=generator))[0]
    tangent, normal = target + 0.1 * white, noise * white
    gradient = tangent + normal
    label = torch.arange(count) % classes
    prediction = label.clone()
    prediction[seed % 5] = (prediction[seed % 5] + 1) % classes
    saved = {
        "index": torch.arange(first, first + count),
        "label": label if labels else torch.full((count,), -1),
        "prediction": prediction,
        "x": x.half(),
    }
    parts = {"gradient": gradient}
    if manifold:
        parts |= {"tangent": tangent, "normal": normal}
        if labels:
            parts["target"] = target
    for name, v in parts.items():
        scaled, norm = unit(v)
        saved |= {name: scaled.half(), f"{name}_norm": norm}
    return saved


def audit(
    model, shape=(1, 32, 16), classes=10, labels=True, manifold=True, independent=True, masks=True
):
    label, regime, accuracy, robust, signal, fraction, cosine, objective, _ = model
    names = [str(i) for i in range(classes)]
    found = measures(accuracy, robust, signal, fraction, cosine)
    skipped = {f"{COSINE}/ceiling": Reason("lacks.second_scores")}
    if not masks:
        del found["signal.fraction"]
        skipped["signal.fraction"] = Reason("lacks.masks")
    if not labels:
        for name in [n for n in found if n.startswith("accuracy")]:
            del found[name]
        skipped["accuracy.clean"] = Reason("lacks.labels")
    if not manifold:
        for name in [n for n in found if n.split(".")[0] in ("alignment", "robustness")]:
            del found[name]
            skipped[name] = Reason("lacks.manifold")
        regime = "uncertain"
    d = shape[0] * shape[1] * shape[2]
    saved = {
        "schema": SCHEMA,
        "version": "0.1.0",
        "label": label,
        "model": {
            **{"spec": f"runs/{label}", "classes": names, "parameters": 102345},
            **{"objective": objective, "weights_hash": "ab12cd34ef56"},
            **{"input_shape": list(shape), "licence": None},
        },
        "data": {
            **{"spec": "distractor:digits", "name": "distractor:digits"},
            **{"fingerprint": "1f2e3d4c5b6a", "classes": names if labels else None},
            **{"shape": list(shape), "split": "test", "n": 200, "planned": 200},
            **{"labels": labels, "masks": masks, "skipped": []},
        },
        "manifold": {
            **{"spec": "runs/manifold-77aa", "hash": "77aa88bb99cc", "sigma": 0.25},
            **{"dimension": 45.2, "trace_ratio": 1.03, "asymmetry": 0.02, "error": 0.0123},
            **{"independent": independent, "usable": True, "pooling": 1},
        }
        if manifold
        else None,
        "settings": {
            **{"seed": 0, "eps": 1.0, "eps_unit": "l2 norm, pixels in [0,1]"},
            **{"gradient": "log_prob", "reference_step": 1.33, "temperature": 1.21},
            **{"step_unit": "l2 norm, pixels in [0,1]", "draws": 4, "directions": 2, "d": d},
        },
        "measures": found,
        "curves": curves(fraction * 0.9, 0.75 - 0.7 * fraction) if manifold else {},
        "skipped": {name: asdict(reason) for name, reason in skipped.items()},
        "regime": asdict(
            Regime(
                regime,
                CODES[regime],
                {"accuracy": accuracy, "reference": 0.977},
                inputs={"A": accuracy},
                reference="standard",
                rule="2",
            )
        ),
    }
    return {**saved, **asdict(as_record(saved, AuditRecord, "a made-up audit"))}


def write_audit(folder: Path, model=MODELS[2], **options) -> Path:
    found = audit(model, **options)
    write_json(folder / "audit.json", found)
    shape = found["data"]["shape"]
    own = panels(
        shape,
        len(found["model"]["classes"]),
        model[-1],
        seed=len(model[0]),
        labels=found["data"]["labels"],
        manifold=found["manifold"] is not None,
        count=10 if max(shape) > 64 else 20,
    )
    write_tensors(folder / "panels.safetensors", own)
    return folder


def write_comparison(folder: Path, models=MODELS[:4], **options) -> Path:
    audits = []
    for model in models:
        place = write_audit(folder / "audits" / model[0], model, **options)
        found = json.loads((place / "audit.json").read_text())
        audits.append({"label": model[0], "folder": f"audits/{model[0]}", **found})
    differences = {
        name: [
            {
                "label": a["label"],
                "against": audits[0]["label"],
                "difference": bare(value["value"] - audits[0]["measures"][name]["value"], 0.031),
            }
            for a in audits[1:]
            if (value := a["measures"].get(name))
        ]
        for name in audits[0]["measures"]
    }
    write_json(
        folder / "compare.json",
        {
            "schema": "offmanifold.compare/1",
            "reference": "standard",
            "audits": audits,
            "differences": differences,
        },
    )
    return folder / "compare.json"


@pytest.fixture(scope="session")
def models():
    return MODELS


@pytest.fixture(scope="session")
def make_audit():
    return write_audit


@pytest.fixture(scope="session")
def make_comparison():
    return write_comparison


@pytest.fixture(scope="session")
def comparison(tmp_path_factory) -> Path:
    """The path of a saved comparison of four models."""
    return write_comparison(tmp_path_factory.mktemp("four"))


@pytest.fixture(scope="session")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict:
    root = tmp_path_factory.mktemp("sweep")
    make_run(root, {"name": "erm"}, fraction=0.35, cosine=0.1)
    for i, eps in enumerate((0.1, 0.25, 0.5, 1.0, 2.0, 4.0)):
        make_run(root, pgd(eps), fraction=0.3 + 0.06 * i, cosine=0.1 + 0.03 * i)
    make_run(root, pgd(8.0), state="collapsed")
    runs = read_sweep(root)
    return {**summarise(runs), "explains": explain(runs)}

"""Paired differences, and the regime that a common reference decides."""

import json
from dataclasses import replace

import numpy as np
import pytest

import offmanifold as om
from offmanifold.audits.compare import save_comparison


def make_audit(label: str, right: np.ndarray, fraction: np.ndarray, objective: str | None = None):
    """Return an audit of images 0 … n−1 with these columns."""
    n = len(right)
    columns = {
        "index": np.arange(n),
        "label": np.arange(n) % 10,
        "prediction": np.arange(n) % 10,
        "accuracy.clean": right.astype(float),
        "alignment.on_manifold_fraction": fraction,
        "alignment.on_manifold_fraction/spectrum_noise": np.full(n, 0.2),
        "alignment.on_manifold_fraction/wrong_image": np.full(n, 0.15),
    }
    number = {"value": 0.5, "low": 0.4, "high": 0.6, "n": n}
    saved = {
        "schema": "offmanifold.audit/1",
        "label": label,
        "model": {"objective": {"name": objective} if objective else None},
        "data": {"fingerprint": "f", "split": "test"},
        "measures": {
            "accuracy.clean": number,
            "alignment.on_manifold_fraction": number,
            "output.spread": {"value": 0.3},
        },
        "regime": None,
    }
    return om.Audit(saved, columns, {})


@pytest.fixture
def three():
    n = 200
    right = np.ones(n, bool)
    lost = right.copy()
    lost[: n // 4] = False
    high = np.random.default_rng(0).normal(0.6, 0.1, n)
    return [
        make_audit("strong", lost, high, "pgd"),
        make_audit("standard", right, np.full(n, 0.1), "erm"),
        make_audit("good", right, high, "pgd"),
    ]


def regimes(comparison) -> dict[str, str]:
    return {a["label"]: a["regime"]["name"] for a in comparison["audits"]}


def test_the_only_standard_run_is_the_reference_and_comes_first(three):
    comparison = om.compare(three)
    assert comparison["reference"] == "standard"
    assert [a["label"] for a in comparison["audits"]] == ["standard", "strong", "good"]
    assert regimes(comparison) == {
        "standard": "weak",
        "strong": "excessive",
        "good": "bayes-aligned",
    }


def test_without_a_reference_what_accuracy_decides_is_uncertain(three):
    assert regimes(om.compare([three[0], three[2]])) == {
        "strong": "uncertain",
        "good": "uncertain",
    }
    stated = om.compare([three[0], three[2]], reference_accuracy=0.999)
    assert regimes(stated) == {"strong": "excessive", "good": "bayes-aligned"}


def test_two_standard_runs_decide_nothing_until_one_is_named(three):
    twin = replace(three[1], json={**three[1].json, "label": "twin"})
    assert om.compare([*three, twin])["reference"] is None
    named = om.compare([*three, twin], reference="twin")
    assert regimes(named)["strong"] == "excessive"
    assert named["audits"][0]["label"] == "twin"


def test_differences_are_paired_and_of_every_pair(three):
    gaps = om.compare(three)["differences"]["accuracy.clean"]
    found = {(g["label"], g["against"]): g["difference"] for g in gaps}
    assert set(found) == {("strong", "standard"), ("good", "standard"), ("good", "strong")}
    assert found["strong", "standard"]["value"] == pytest.approx(-0.25)
    equal = found["good", "standard"]
    assert equal["value"] == 0  # no image differs, and there are 200
    assert -equal["low"] == equal["high"] == pytest.approx(1.96**2 / (200 + 1.96**2), rel=1e-3)


def test_a_ranking_that_a_fake_shares_is_not_credited(three):
    assert om.compare(three)["credit"] == []  # no fake was measured
    low, pca = "alignment.fraction_low_pass", "alignment.fraction_global_pca"
    energy = {"standard": (0.2, 0.1), "good": (0.2, 0.2), "strong": (0.9, 0.2)}
    fakes = {
        label: {low: np.full(200, own[0]), pca: np.full(200, own[1])}
        for label, own in energy.items()
    }
    audits = [replace(a, columns={**a.columns, **fakes[a.label]}) for a in three]
    short = replace(audits[0], columns={k: v[50:150] for k, v in audits[0].columns.items()})
    found = om.compare([short, *audits[1:]])["credit"]
    assert [(c["label"], c["against"], c["credited"]) for c in found] == [
        ("strong", "standard", False),
        ("good", "standard", True),
    ]  # good and strong do not differ in the fraction
    assert [name for name, fake in found[0]["fakes"].items() if fake["shares"]] == ["low_pass"]
    assert (found[0]["difference"]["n"], found[1]["difference"]["n"]) == (100, 200)
    assert found[1]["difference"]["value"] == pytest.approx(0.5, abs=0.03)


def test_audits_of_other_images_are_not_compared(three):
    other = replace(three[0], json={**three[0].json, "data": {"fingerprint": "g", "split": "test"}})
    with pytest.raises(om.InputError, match="`data`"):
        om.compare([other, three[1]])


def test_audits_of_unequal_length_are_paired_on_the_images_they_share(three):
    short = replace(three[2], columns={k: v[50:150] for k, v in three[2].columns.items()})
    comparison = om.compare([three[1], short])
    gap = comparison["differences"]["accuracy.clean"][0]["difference"]
    assert gap["n"] == 100
    assert regimes(comparison)["good"] == "bayes-aligned"
    other = replace(three[2], columns={k: v + 1000 for k, v in three[2].columns.items()})
    with pytest.raises(om.InputError, match="share no image"):
        om.compare([three[1], other])


def test_other_settings_are_not_compared(three):
    other = replace(three[0], json={**three[0].json, "settings": {"eps": 0.3}})
    with pytest.raises(om.InputError, match="`eps`"):
        om.compare([other, three[1]])


def test_equal_labels_unknown_reference_and_nothing(three):
    with pytest.raises(om.InputError, match="labelled"):
        om.compare([three[0], three[0]])
    with pytest.raises(om.InputError, match="standard"):
        om.compare(three, reference="standrad")
    with pytest.raises(om.InputError, match="at least one"):
        om.compare([])


def test_saved_with_folders_relative_to_it(three, tmp_path):
    audits = [replace(a, folder=tmp_path / "runs" / a.label) for a in three]
    path = save_comparison(om.compare(audits), tmp_path / "runs" / "compare.json")
    folders = [a["folder"] for a in json.loads(path.read_text())["audits"]]
    assert folders == ["standard", "strong", "good"]

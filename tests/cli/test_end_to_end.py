"""Every command, from the command line, on tiny data."""

import json
import shutil
from pathlib import Path

import pytest

from offmanifold import read_audit
from offmanifold.measures import measures

MANIFOLD = ("--data", "digits", "--manifold", "runs/manifold", "--limit", "24")


@pytest.fixture(scope="module")
def audited(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workplace of its own, with no other audits, once both runs are audited and compared."""
    from offmanifold.cli.main import main

    own = tmp_path_factory.mktemp("audited") / "workplace"
    shutil.copytree(workplace, own, ignore=shutil.ignore_patterns("audits"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(own)
        assert main(["audit", "runs/standard", "runs/robust", *MANIFOLD]) == 0
        assert main(["compare", "runs/standard", "runs/robust", "--out", "runs/c.json"]) == 0
    return own


def test_version_and_info(offmanifold):
    assert offmanifold("--version")[1].startswith("offmanifold 0.")
    code, info, _ = offmanifold("info", "--json")
    assert code == 0
    assert "pgd" in info["objectives"]
    assert set(info["measures"]) == set(measures)


def test_a_finished_run_is_left_alone(here, offmanifold):
    before = {p: p.stat().st_mtime_ns for p in Path("runs/standard").glob("*.*")}
    code, out, _ = offmanifold(
        *("train", "--data", "digits", "--epochs", "3", "--batch-size", "64"),
        *("--out", "runs/standard", "--json"),
    )
    assert code == 0
    assert out["val_accuracy"] > 0.3
    assert before == {p: p.stat().st_mtime_ns for p in Path("runs/standard").glob("*.*")}


def test_an_audit_measures_everything_or_says_why_not(audited):
    for run in ("standard", "robust"):
        (folder,) = Path(audited / "runs" / run / "audits").iterdir()
        audit = read_audit(folder)
        for name in measures:
            assert (name in audit.json["measures"]) != (name in audit.json["skipped"]) or (
                audit.json["measures"][name]["value"] is None
            )
        assert audit["accuracy.clean"].n == 24
        assert audit.json["skipped"]["signal.fraction"]["code"] == "lacks.masks"
        assert audit["alignment.on_manifold_fraction"].value is not None
        assert audit.json["regime"]["name"] in (
            *("weak", "bayes-aligned", "excessive", "collapsed", "uncertain"),
        )
        assert (folder / "panels.safetensors").exists()
        assert "NaN" not in (folder / "audit.json").read_text()


def test_a_finished_audit_is_not_repeated_and_a_reference_is_saved(
    audited, monkeypatch, offmanifold
):
    monkeypatch.chdir(audited)
    (folder,) = Path("runs/robust/audits").iterdir()
    before = (folder / "audit.json").stat().st_mtime_ns
    code, _, err = offmanifold("audit", "runs/robust", *MANIFOLD)
    assert code == 0, err
    assert (folder / "audit.json").stat().st_mtime_ns == before
    code, _, err = offmanifold(
        *("audit", "runs/robust", "--data", "digits", "--manifold", "none", "--limit", "20"),
        *("--reference-accuracy", "0.5", "--out", "runs/stated"),
    )
    assert code == 0, err
    assert read_audit(Path("runs/stated")).regime.inputs["reference_accuracy"] == 0.5


def test_a_comparison_pairs_images_and_reads_the_reference(audited):
    saved = json.loads((audited / "runs/c.json").read_text())
    assert saved["reference"] == "standard"
    assert [a["label"] for a in saved["audits"]] == ["standard", "robust"]
    gap = saved["differences"]["accuracy.clean"][0]
    a, b = (a["measures"]["accuracy.clean"]["value"] for a in saved["audits"])
    assert gap["difference"]["value"] == pytest.approx(b - a)
    assert (audited / "runs/c.html").read_text().startswith("<!")


def test_the_audit_is_the_same_in_one_pass_or_alone_and_for_any_batch(audited, monkeypatch):
    from offmanifold import audit, load_data, load_manifold, load_model

    monkeypatch.chdir(audited)
    (folder,) = Path("runs/robust/audits").iterdir()
    together = read_audit(folder)
    alone = audit(
        load_model("runs/robust"),
        load_data("digits"),
        load_manifold(Path("runs/manifold")),
        limit=24,
        batch_size=5,
        show=False,
    )
    for name, number in together.json["measures"].items():
        if number["value"] is not None and name != "accuracy.pgd_l2":
            assert alone[name].value == pytest.approx(number["value"], rel=2e-3, abs=2e-4), name


def test_report_in_both_languages(audited, monkeypatch, offmanifold):
    monkeypatch.chdir(audited)
    for language, word in (("en", "accuracy"), ("ja", "正解率")):
        code, _, err = offmanifold(
            "report", "runs/c.json", "--out", f"{language}.html", "--language", language
        )
        assert code == 0, err
        page = Path(f"{language}.html").read_text()
        assert word in page.lower()
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page.replace("https://www.w3.org", "")


def test_json_stands_alone_on_stdout(here, offmanifold):
    code, audits, err = offmanifold(
        *("audit", "runs/standard", "--data", "digits", "--manifold", "none"),
        *("--limit", "20", "--json"),
    )
    assert code == 0
    assert audits[0]["data"]["n"] == 20
    assert audits[0]["skipped"]["alignment.cosine_posterior"]["code"] == "lacks.manifold"
    assert "uncertain" in err or "weak" in err


def test_fit_manifold_finds_a_fitted_one(here, offmanifold):
    code, card, _ = offmanifold(
        *("fit-manifold", "--data", "digits", "--out", "runs/manifold", "--json"),
        *("denoiser", "--width", "16", "--steps", "500"),
    )
    assert code == 0
    assert card["usable"]
    assert card["sigma"] in (0.1, 0.15, 0.25, 0.35, 0.5)
    assert 5 < card["dimension"] < 60

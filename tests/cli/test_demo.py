"""The claim of the demo, with the paired intervals that it stands on."""

import json

import pytest


@pytest.mark.slow
def test_the_demo_shows_the_claim(tmp_path, monkeypatch, offmanifold):
    monkeypatch.chdir(tmp_path)
    code, _, err = offmanifold("demo")
    assert code == 0, err
    saved = json.loads((tmp_path / "runs/demo/compare.json").read_text())
    audits = {a["label"]: a for a in saved["audits"]}
    assert list(audits) == ["standard", "low", "middle", "high"]
    for name in (
        "signal.fraction",
        "alignment.on_manifold_fraction",
        "alignment.cosine_posterior",
        "accuracy.pgd_l2",
    ):
        (gap,) = [
            g["difference"]
            for g in saved["differences"][name]
            if (g["label"], g["against"]) == ("middle", "standard")
        ]
        assert gap["low"] > 0, (name, gap)
    assert audits["middle"]["regime"]["name"] == "bayes-aligned"
    assert audits["high"]["regime"]["name"] == "excessive"
    accuracy = {n: a["measures"]["accuracy.clean"]["value"] for n, a in audits.items()}
    assert 0.3 < accuracy["high"] < accuracy["standard"] - 0.1
    assert audits["standard"]["settings"]["eps"] == 1.0
    assert "high − middle" in err
    assert (tmp_path / "runs/demo/report.html").exists()

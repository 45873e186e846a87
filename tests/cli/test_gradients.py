"""`audit --gradient` with several names, and `--explain`: variants stand beside the gradient."""

import json

import pytest

AUDIT = ["audit", "runs/standard", "--data", "digits", "--limit", "20"]
JUDGED = [*AUDIT, "--manifold", "runs/manifold"]
FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"


def test_each_gradient_has_an_audit_and_one_page_shows_all(here, offmanifold, tmp_path):
    pytest.importorskip("captum")
    names = ("log_prob", "smoothgrad", "integrated_gradients", "projected")
    page = tmp_path / "page.html"
    only = ["--only", FRACTION, COSINE, "accuracy.clean", "output.spread"]
    asked = [*JUDGED, *only, "--gradient", *names, "--report", page]
    code, audits, err = offmanifold(*asked, "--json")
    assert code == 0, err
    labels = ["standard", *(f"standard ({name})" for name in names[1:])]
    assert [a["label"] for a in audits] == labels
    assert [a["settings"]["gradient"] for a in audits] == list(names)
    values = [a["measures"][COSINE]["value"] for a in audits]
    assert len(set(values)) == 4
    fractions = [a["measures"][FRACTION]["value"] for a in audits]
    assert fractions[3] == max(fractions)  # it went through the very denoiser that judges
    assert [a["manifold"]["independent"] for a in audits] == [True, True, True, False]
    regimes = [a["regime"] for a in audits]
    assert regimes[0]["reference"] == "standard"
    assert [r["name"] for r in regimes[1:]] == ["uncertain"] * 3
    assert all(r["code"] == "regime.variant" for r in regimes[1:])
    html = page.read_text("utf-8")
    assert "8 models" not in html
    assert html.count('class="badge variant"') >= 3
    assert "standard (projected): the manifold is not independent of this gradient" in html
    assert "was trained with the very manifold" not in html
    assert all(label in html for label in labels)
    again = offmanifold(*asked, "--json")[1]
    assert again == audits  # found again
    folders = [line.split("audit in ")[1] for line in err.splitlines() if "audit in" in line]
    code, _, err = offmanifold("compare", "runs/standard", "--out", tmp_path / "run.json")
    assert code == 0, err
    (alone,) = json.loads((tmp_path / "run.json").read_text())["audits"]
    assert alone["settings"]["gradient"] == "log_prob"  # though variants were audited later
    code, _, err = offmanifold("compare", *folders, "--out", tmp_path / "c.json")
    assert code == 0, err
    assert json.loads((tmp_path / "c.json").read_text())["reference"] == "standard"


def test_explanations_are_judged_where_they_are_asked_for(here, offmanifold):
    asked = {
        "deletion.gap",
        "alignment.cosine_conditional",
        "alignment.ssim_unconditional",
        "alignment.paper_sum_cosine",
    }
    code, (audit,), err = offmanifold(*JUDGED, "--explain", "--json")
    assert code == 0, err
    assert asked <= audit["measures"].keys()
    assert {"deletion.most", "deletion.least"} <= audit["curves"].keys()
    code, (audit,), err = offmanifold(*JUDGED, "--json")
    assert code == 0, err
    assert all(audit["skipped"][name]["code"] == "lacks.explain" for name in asked)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([*JUDGED, "--gradient", "smoothgrd"], 'did you mean "smoothgrad"?'),
        ([*JUDGED, "--gradient", "logit", "logit"], "each once"),
        ([*JUDGED, "--gradient", "logit", "loss", "--out", "x"], "one gradient at a time"),
        ([*AUDIT, "--manifold", "none", "--gradient", "projected"], "goes through a denoiser"),
    ],
)
def test_bad_gradients_are_refused_in_a_sentence(here, offmanifold, flags, words):
    code, _, err = offmanifold(*flags)
    assert code == 2
    assert words in err


def test_an_accuracy_given_beside_the_standard_model_is_not_used_and_said_so(here, offmanifold):
    line = [*AUDIT, "--manifold", "none", "--only", "accuracy.clean", "output.spread"]
    code, _, err = offmanifold(*line, "--reference-accuracy", "0.9")
    assert code == 0, err
    assert "--reference-accuracy is not used: standard" in err

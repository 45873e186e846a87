"""Certified accuracy: exact on a linear model, asked for by --certify, and saved with its σ."""

from pathlib import Path

import pytest
import torch

import offmanifold as om
from asking import asked
from gaussian_data import D, Linear, images, probe_of
from offmanifold._core.reasons import Reason
from offmanifold.attacks.certification import radius_cap
from offmanifold.measures import CertifiedAccuracy, CertifiedRadius, SmoothedAccuracy
from offmanifold.measures.certified_accuracy import POINTS, RADII, RIGHT, certificates
from offmanifold.reports import table
from offmanifold.reports.catalogue import languages, said
from offmanifold.reports.writing import short

SIGMA = 0.2
NAMES = ("accuracy.certified", "accuracy.smoothed", "robustness.certified_radius")
WEIGHT = torch.randn(2, D, generator=torch.Generator().manual_seed(0))


class Counted(Linear):
    def forward(self, x):
        self.seen = getattr(self, "seen", 0) + len(x)
        return super().forward(x)


def linear_probe(eps: float = 0.1, rows: list[int] | None = None, **settings):
    """Return a probe of a linear model that splits the images in two halves."""
    split = images(60, 2)
    x = split.read(split.rows).x.flatten(1)
    offset = (x @ (WEIGHT[1] - WEIGHT[0])).median()
    model = Counted(WEIGHT, torch.stack([offset, torch.tensor(0.0)]))
    return probe_of(model, split=split, rows=rows, eps=eps, certify=SIGMA, **settings)


def reduced(probe, measure):
    columns = {k: v.numpy() for k, v in measure.columns(probe).items()}
    return columns, measure.reduce(columns, len(probe.x))


def test_on_a_linear_model_it_follows_the_distance_to_the_plane():
    probe = linear_probe(certify_draws=20_000)
    f = probe.logits.double()
    side = 2 * probe.y.double() - 1
    distance = side * (f[:, 1] - f[:, 0]) / (WEIGHT[1] - WEIGHT[0]).norm()
    found = CertifiedAccuracy().columns(probe)["accuracy.certified"].bool()
    assert not found[distance < 0.1].any()
    assert found[distance > 0.11].all()
    assert 3 < found.sum() < (distance > 0).sum()
    radius = CertifiedRadius().columns(probe)["robustness.certified_radius"]
    assert (radius <= distance.clamp(min=0)).all()
    clear = (distance > 0.1) & (distance < 0.4)
    torch.testing.assert_close(radius[clear].double(), distance[clear], rtol=0.1, atol=0)
    smoothed = SmoothedAccuracy().columns(probe)["accuracy.smoothed"].bool()
    assert not smoothed[distance < 0].any()
    assert smoothed[distance > 0.02].all()


def test_it_is_computed_once_for_all_measures():
    probe = linear_probe()
    for measure in (CertifiedAccuracy(), SmoothedAccuracy(), CertifiedRadius()):
        measure.columns(probe)
    assert probe.model.seen == 1100 * 60


def test_numbers_agree_with_the_curve():
    probe = linear_probe(eps=0.125 * radius_cap(SIGMA))
    columns, number = reduced(probe, CertifiedAccuracy())
    curve = CertifiedAccuracy().curves(1.0)["accuracy.certified"].reduce(columns, 60)
    assert curve["x"] == pytest.approx([i / 8 * radius_cap(SIGMA) for i in range(POINTS)])
    shares = [p["value"] for p in curve["points"]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(reduced(probe, SmoothedAccuracy())[1]["value"])
    assert shares[1] == number["value"]
    assert shares[0] > shares[1] > shares[-1]
    assert number["method"] == "wilson"
    found = certificates(probe)
    expected = (found.radius * (found.prediction == probe.y)).mean()
    acr = reduced(probe, CertifiedRadius())[1]
    assert acr["value"] == pytest.approx(float(expected), rel=1e-5)


def test_a_sure_classifier_reaches_the_end_of_the_curve():
    sure = Linear(torch.zeros(2, D), torch.tensor([1.0, 0.0]))
    probe = probe_of(sure, split=images(10, 2), certify=SIGMA)
    columns, _ = reduced(probe, CertifiedAccuracy())
    curve = CertifiedAccuracy().curves(1.0)["accuracy.certified"].reduce(columns, 10)
    assert [p["value"] for p in curve["points"]] == [0.5] * POINTS  # half of the labels are 0


def test_an_image_is_certified_alike_in_any_batch():
    whole = CertifiedRadius().columns(linear_probe())["robustness.certified_radius"]
    for rows in ([7], [3, 1, 19]):
        part = CertifiedRadius().columns(linear_probe(rows=rows))["robustness.certified_radius"]
        assert torch.equal(part, whole[rows])


def test_settings_without_a_sigma_are_refused():
    with pytest.raises(om.InputError, match="certify"):
        CertifiedRadius().columns(probe_of(Linear(WEIGHT), split=images(4, 2)))


AUDIT = ("audit", "runs/standard", "--data", "digits", "--manifold", "none", "--limit", "20")


def test_an_audit_certifies_where_it_is_asked_to(here: Path, offmanifold):
    code, _, err = offmanifold(
        *(*AUDIT, "--certify", "0.25", "--eps", "0.3", "--out", "runs/certified"),
        *("--report", "certified.html"),
    )
    assert code == 0, err
    assert "whatever the model" not in err
    audit = om.read_audit(Path("runs/certified"))
    for name in NAMES:
        assert audit[name].n == 20
        assert name not in audit.json["skipped"]
    certified, smoothed, acr = (audit[name].value for name in NAMES)
    assert certified is not None and smoothed is not None and acr is not None
    assert 0 <= certified <= smoothed <= 1
    assert 0 <= acr <= radius_cap(0.25)
    settings = audit.json["settings"]
    assert settings["certify_sigma"] == 0.25
    assert (settings["certify_draws"], settings["certify_alpha"]) == (1000, 0.001)
    for name in ("sigma", "draws", "choice", "alpha", "cap"):
        assert settings[f"certify_{name}_unit"]
    curve = audit.json["curves"]["accuracy.certified"]
    assert curve["x"][-1] == pytest.approx(settings["certify_cap"])
    assert curve["points"][0]["value"] == pytest.approx(smoothed)
    assert set(NAMES) <= set(audit.columns)
    assert not {RADII, RIGHT} & set(audit.columns)

    page = Path("certified.html").read_text()
    for words in ("Certified accuracy (ε", "Average certified radius", "by radius", "Hollow sq"):
        assert words in page
    assert f"<span>{short(settings['certify_cap'])}</span>" in page  # the end of the radius' scale
    assert "whatever the model" not in page
    om.report(audit, "certified-ja.html", "ja")
    page = Path("certified-ja.html").read_text()
    for words in ("保証付き正解率（ε", "平均保証半径", "半径ごとの", "白抜きの四角", "抽出では"):
        assert words in page
    assert "Certified accuracy (ε\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}0.3)" in table(audit).header


def test_a_radius_no_certificate_can_reach_is_warned_of(here: Path, offmanifold):
    asked = ("--only", "accuracy.certified", "--certify", "0.1", "--out", "runs/short")
    code, (one,), err = offmanifold(*AUDIT, *asked, "--json")
    assert code == 0
    assert "--eps 1 is above 0.246" in err
    assert one["settings"]["eps"] > one["settings"]["certify_cap"]
    assert one["measures"]["accuracy.certified"]["value"] == 0
    audit = om.read_audit(Path("runs/short"))
    for language, words in (("en", "whatever the model"), ("ja", "モデルによらず 0")):
        assert words in om.report(audit, f"short-{language}.html", language).read_text()


def test_without_it_they_are_skipped(here: Path, offmanifold):
    code, (plain,), _ = offmanifold(*AUDIT, "--out", "runs/plain", "--json")
    assert code == 0
    for name in NAMES:
        assert name not in plain["measures"]
        assert plain["skipped"][name] == {"code": "lacks.certify", "values": {}}
    assert not any(key.startswith("certify") for key in plain["settings"])
    assert "accuracy.certified" not in plain["curves"]


def test_the_need_is_named_in_both_languages():
    for language in languages():
        assert "--certify SIGMA" in said(Reason("lacks.certify"), language)


@pytest.mark.parametrize("sigma", ["0", "-0.5", "nan", "inf"])
def test_a_bad_sigma_is_one_sentence(here: Path, offmanifold, sigma):
    code, _, err = offmanifold(*AUDIT, "--certify", sigma)
    assert code == 2
    assert err.strip().splitlines()[-1].startswith("error: --certify must be")
    with pytest.raises(om.InputError, match="`certify`"):
        om.audit(
            om.load_model("runs/standard"), om.load_data("digits"), **asked(certify=float(sigma))
        )


def test_sigma_is_part_of_an_audit_s_identity(here: Path, offmanifold):
    clean = ("--only", "accuracy.clean", "--json")
    found = []
    for i, flags in enumerate([(), ("--certify", "0.1"), ("--certify", "0.2")]):
        code, (one,), _ = offmanifold(*AUDIT, *clean, *flags, "--out", f"runs/named-{i}")
        assert code == 0
        found.append(one["identity"])
    assert len({*found}) == 3
    assert offmanifold(*AUDIT, *clean, "--certify", "0.2", "--out", "runs/named-1")[0] == 2

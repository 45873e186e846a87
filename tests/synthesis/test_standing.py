"""What is said of a classifier before what it makes is trusted."""

import shutil

import pytest

from offmanifold import load_data, load_model
from offmanifold._core.errors import InputError
from offmanifold.audits.regime import Regime
from offmanifold.audits.store import Audit
from offmanifold.synthesis.standing import Standing, standing_of, warnings_of

SOUND = Standing(None, 0.97, 0.1, clean=0.97, attacked=0.6, eps=1.0)


def keys(standing: Standing) -> list[str]:
    return [one.code.removeprefix("synthesis.") for one in warnings_of(standing, "m")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"regime": "bayes-aligned"}, []),
        ({"regime": "uncertain"}, []),
        ({"regime": "weak"}, ["weak"]),
        ({"regime": "excessive"}, ["excessive"]),
        ({"regime": "collapsed"}, ["collapsed"]),
        ({"regime": "collapsed", "accuracy": 0.12}, ["chance"]),
        ({"accuracy": 0.12}, ["chance"]),
        ({"attacked": 0.2}, ["sensitive"]),
        ({"regime": "bayes-aligned", "attacked": 0.2}, ["sensitive"]),
        ({"regime": "uncertain", "attacked": 0.2}, ["sensitive"]),
        ({"standard": True}, []),  # what was measured counts, not how it was trained
        ({"standard": True, "clean": None, "attacked": None}, ["standard"]),
        ({"accuracy": 0.6}, ["mistaken"]),
    ],
)
def test_one_warning_at_most(changes, said):
    assert keys(Standing(**{**vars(SOUND), **changes})) == said


def test_nothing_is_said_where_nothing_is_known():
    assert keys(Standing()) == []


def audit(regime: str, clean: float, attacked: float) -> Audit:
    found = Regime(regime, "", inputs={"majority_rate": 0.1})
    measures = {"accuracy.clean": {"value": clean}, "accuracy.pgd_l2": {"value": attacked}}
    saved = {"regime": found.json(), "measures": measures, "settings": {"eps": 2.0}}
    return Audit({"label": "m", **saved}, {}, {})


def test_the_newest_audit_is_believed_and_no_image_looked_at(here, monkeypatch):
    asked = []

    def found(path, data):
        asked.append(path.name)
        return audit("bayes-aligned", 0.9, 0.1)

    monkeypatch.setattr("offmanifold.synthesis.standing.find_audit", found)
    loaded = load_model("runs/standard")
    standing = standing_of(loaded, loaded.module, None)
    assert asked == ["standard"]
    assert standing == Standing("bayes-aligned", 0.9, 0.1, 0.9, 0.1, 2.0, standard=True)


def test_without_an_audit_the_run_tells_and_validation_images_do(here, monkeypatch):
    def none(path, data):
        raise InputError("no audit")

    monkeypatch.setattr("offmanifold.synthesis.standing.find_audit", none)
    loaded = load_model("runs/standard")
    alone = standing_of(loaded, loaded.module, None)
    assert alone.standard and alone.attacked is None and alone.chance == 0.1
    assert alone.accuracy is not None and alone.accuracy > 0.5
    looked = standing_of(loaded, loaded.module, load_data("digits"))
    assert looked.accuracy == alone.accuracy
    assert looked.clean is not None and looked.attacked is not None
    assert looked.attacked <= looked.clean
    assert looked == standing_of(loaded, loaded.module, load_data("digits"))


def test_a_model_that_is_not_robust_is_said_on_console_and_page(here, offmanifold, tmp_path):
    shutil.copytree("runs/standard", tmp_path / "plain", ignore=shutil.ignore_patterns("audits"))
    argv = ("--model", tmp_path / "plain", "--manifold", "none", "--steps", "2", "-n", "1")
    code, _, err = offmanifold("generate", *argv, "--out", tmp_path / "a")
    assert code == 0, err
    assert "warning: plain (not audited) is not robust" in err
    assert "may look like noise" in (tmp_path / "a/index.html").read_text()


def test_a_run_at_chance_is_said_on_console_and_page(here, offmanifold, tmp_path):
    code, _, err = offmanifold(
        *(
            "train",
            "--data",
            "digits",
            "--epochs",
            "1",
            "--lr",
            "1e-9",
            "--out",
            tmp_path / "chance",
        )
    )
    assert code == 0, err
    argv = ("--model", tmp_path / "chance", "--manifold", "none", "--steps", "2", "-n", "1")
    code, _, err = offmanifold("generate", *argv, "--out", tmp_path / "a", "--language", "ja")
    assert code == 0, err
    assert "クラスを区別できず" in err
    assert "クラスを区別できず" in (tmp_path / "a/index.html").read_text()


def test_only_an_audit_of_the_images_in_use_counts(tmp_path, monkeypatch):
    """The newest audit is of other images: what it says of these is nothing."""
    from offmanifold.sweeps.find import find_audit

    folders = [tmp_path / "audits" / name for name in ("old", "new")]
    for folder, fingerprint in zip(folders, ("these", "others"), strict=True):
        folder.mkdir(parents=True)
        (folder / "audit.json").write_text(fingerprint)

    def read(folder):
        fingerprint = (folder / "audit.json").read_text()
        return Audit({"label": fingerprint, "data": {"fingerprint": fingerprint}}, {}, {})

    monkeypatch.setattr("offmanifold.sweeps.find.read_audit", read)
    for wanted in ("these", "others"):
        assert find_audit(tmp_path, wanted).label == wanted
    with pytest.raises(InputError, match="no audit of these images"):
        find_audit(tmp_path, "none")

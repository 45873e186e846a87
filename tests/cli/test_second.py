"""`audit --second` and `--label-randomised`: what they add, and what they refuse."""

import json
import shutil

import pytest

from offmanifold._core.files import write_json

AUDIT = ["audit", "runs/robust", "--data", "digits", "--limit", "24", "--manifold", "runs/manifold"]
FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"


@pytest.fixture
def twin(here):
    """The same manifold under another name."""
    shutil.copytree("runs/manifold", "runs/twin")
    path = here / "runs/twin/metrics.json"
    saved = json.loads(path.read_text())
    saved["card"]["hash"] = "twin"
    write_json(path, saved)
    yield "runs/twin"
    shutil.rmtree("runs/twin")


def test_beside_its_twin_the_ceiling_is_one_and_the_fraction_the_same(here, twin, offmanifold):
    code, (audit,), _ = offmanifold(*AUDIT, "--second", twin, "--json")
    assert code == 0
    measures = audit["measures"]
    assert measures[COSINE]["ceiling"]["value"] == pytest.approx(1, abs=1e-4)
    second = measures[f"{FRACTION}_second"]["value"]
    assert second == pytest.approx(measures[FRACTION]["value"], abs=1e-4)
    assert audit["second_manifold"]["hash"] == "twin"
    assert "label_randomised" not in measures[COSINE]["controls"]
    assert audit["skipped"][f"{COSINE}/label_randomised"]["code"] == "lacks.randomised"


def test_a_network_of_permuted_labels_becomes_a_control(here, offmanifold):
    train = ["train", "--data", "random-labels:digits", "--epochs", "1", "--out", "runs/memory"]
    assert offmanifold(*train)[0] == 0
    code, (audit,), _ = offmanifold(*AUDIT, "--label-randomised", "runs/memory", "--json")
    assert code == 0
    for name in (FRACTION, COSINE):
        assert "label_randomised" in audit["measures"][name]["controls"]
    for part in ("second", "ceiling"):
        assert any(part in name for name in audit["skipped"])
    code, _, err = offmanifold(*AUDIT, "--label-randomised", "runs/standard", "--json")
    assert code == 2
    assert "standard (--label-randomised) is right on" in err
    assert "it was trained on their true labels" in err
    shutil.rmtree("runs/memory")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--second", "runs/manifold"], "is the very manifold that judges"),
        (["--second", "runs/nothing"], 'unknown manifold "runs/nothing"'),
        (["--manifold", "none", "--second", "runs/manifold"], "is held beside --manifold"),
        (["--label-randomised", "runs/nothing"], "runs/nothing"),
        (["--split", "train"], "split"),
    ],
)
def test_what_cannot_be_held_beside_is_one_sentence(here, offmanifold, flags, words):
    code, _, err = offmanifold(*AUDIT, *flags)
    assert code == 2
    assert words in err


def test_no_coach_is_second_judge_either(here, twin, offmanifold):
    shutil.copytree("runs/robust", "runs/coached")
    path = here / "runs/coached/config.json"
    write_json(path, {**json.loads(path.read_text()), "manifold": "twin"})
    try:
        code, _, err = offmanifold(*[*AUDIT[:1], "runs/coached", *AUDIT[2:]], "--second", twin)
        assert code == 2
        assert "trained with this very manifold" in err
    finally:
        shutil.rmtree("runs/coached")

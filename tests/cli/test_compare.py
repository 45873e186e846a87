"""`compare`: rankings not credited to the manifold, and the accuracy of a reference."""

from pathlib import Path

import pytest

from saying import says
from sweep_runs import make_run, pgd, renamed

LOW, PCA = "alignment.fraction_low_pass", "alignment.fraction_global_pca"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "pgd-1-l2-5-s0 has more of its gradient on the manifold than erm-s0"),
        ("ja", "pgd-1-l2-5-s0 の勾配は erm-s0 よりも多様体に沿っていますが"),
    ],
)
def test_a_sentence_on_stderr_and_on_the_page(language, words, tmp_path: Path, offmanifold):
    make_run(tmp_path / "s", {"name": "erm"}, fraction=0.4, more={LOW: 0.2, PCA: 0.5})
    make_run(tmp_path / "s", pgd(1), fraction=0.6, more={LOW: 0.6, PCA: 0.5})
    make_run(tmp_path / "s", pgd(2), fraction=0.8, more={LOW: 0.3, PCA: 0.5})
    line = ["compare", tmp_path / "s", "--out", tmp_path / "c.json", "--language", language]
    code, out, err = offmanifold(*line, "--json")
    assert code == 0
    credit = {(c["label"], c["against"]): c["credited"] for c in out["credit"]}
    assert credit == {
        ("pgd-1-l2-5-s0", "erm-s0"): False,
        ("pgd-2-l2-5-s0", "erm-s0"): True,
        ("pgd-2-l2-5-s0", "pgd-1-l2-5-s0"): True,
    }
    assert err.count(words) == 1
    assert "pgd-2" not in err
    assert words in (tmp_path / "c.html").read_text()


def test_the_runs_of_a_sweep_that_are_left_out_are_told(tmp_path: Path, offmanifold):
    make_run(tmp_path / "s", {"name": "erm"})
    line = ["compare", tmp_path / "s", "--out", tmp_path / "c.json"]
    assert "left out" not in offmanifold(*line)[2]
    for seed, state in enumerate(("failed", "failed", "collapsed", "unfinished")):
        make_run(tmp_path / "s", pgd(1), seed, state=state)
    code, _, err = offmanifold(*line)
    assert code == 0
    left = "are left out: 1 collapsed, 2 failed, 1 unfinished"
    assert f"4 of 5 runs of {tmp_path / 's'} {left}" in err


def test_runs_of_a_sweep_with_equal_labels_go_by_their_folders(tmp_path: Path, offmanifold):
    """The label of a run in a sweep names its strength and seed alone."""
    folders = [make_run(tmp_path / "s", {**pgd(1), "steps": n}) for n in (1, 5)]
    make_run(tmp_path / "s", {"name": "erm"})
    for folder in folders:
        renamed(folder, folder.name, "pgd-1-s0")
    line = ["compare", tmp_path / "s", "--out", tmp_path / "c.json", "--json"]
    code, out, _ = offmanifold(*line)
    assert code == 0
    assert [a["label"] for a in out["audits"]] == ["erm-s0", *(f.name for f in folders)]
    assert all(f.name in (tmp_path / "c.html").read_text() for f in folders)


def test_a_sweep_of_which_all_collapsed_is_told_as_such(tmp_path: Path, offmanifold):
    for eps in (1, 2):
        make_run(tmp_path / "s", pgd(eps), state="collapsed")
    code, _, err = offmanifold("compare", tmp_path / "s", "--out", tmp_path / "c.json")
    assert code == 2
    assert "collapsed: choose smaller strengths or a lower learning rate" in err
    assert offmanifold("report", tmp_path / "s", "--out", tmp_path / "r.html")[0] == 0
    assert "Every run of this sweep collapsed" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("accuracy", ["7", "nan", "-1"])
def test_an_accuracy_no_standard_model_has_is_refused(accuracy, tmp_path: Path, offmanifold):
    make_run(tmp_path / "s", pgd(1))
    line = ["compare", tmp_path / "s", "--out", tmp_path / "c.json"]
    says(offmanifold(*line, "--reference-accuracy", accuracy), 2, "--reference-accuracy", "0 to 1")
    assert not (tmp_path / "c.json").exists()


def test_a_reference_accuracy_that_is_not_used_is_told(tmp_path: Path, offmanifold):
    make_run(tmp_path / "s", pgd(1))
    line = ["compare", tmp_path / "s", "--out", tmp_path / "c.json", "--reference-accuracy", "0.9"]
    assert "not used" not in offmanifold(*line)[2]
    make_run(tmp_path / "s", {"name": "erm"})
    code, _, err = offmanifold(*line)
    assert code == 0
    assert "--reference-accuracy is not used: erm-s0" in err


def test_without_paths_it_says_what_to_give(offmanifold):
    says(offmanifold("compare"), 2, "nothing to compare; give audits, runs or a sweep")

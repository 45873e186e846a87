"""A sweep and a recommendation from Python, in this very process: found again, grown, refused."""

from pathlib import Path

import pytest

import offmanifold as om
from offmanifold.sweeps.sweep import RunsFailed, read_result

SHORT = om.SweepConfig(
    recipe=om.Recipe(epochs=1, batch_size=256),
    manifold="none",
    audit=om.AuditConfig(limit=20, only=("accuracy.clean", "accuracy.pgd_l2", "output.spread")),
    device="cpu",
    precision="fp32",
    executor="inline",
)
PGD = om.objectives.PGD(steps=1)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> om.SweepResult:
    folder = tmp_path_factory.mktemp("swept") / "s"
    return om.sweep(PGD, [0.3], data="digits", folder=folder, config=SHORT)


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/outcome.json")}


def test_each_run_is_trained_audited_and_summarised(swept):
    assert [run.state for run in swept.runs] == ["finished"] * 2
    assert {run.audit["accuracy.clean"].n for run in swept.runs} == {20}
    (point,) = swept.points("pgd")
    assert point["value"] == 0.3
    assert (swept.folder / "summary.json").is_file()
    with pytest.raises(om.InputError, match=r'no objective "noise"; it has pgd'):
        swept.points("noise")


def test_the_same_call_trains_nothing_and_one_more_strength_trains_itself(swept):
    before = times(swept.folder)
    again = om.sweep(PGD, [0.3], data="digits", folder=swept.folder, config=SHORT)
    assert times(again.folder) == before
    grown = om.sweep(PGD, [0.3, 1], data="digits", folder=swept.folder, config=SHORT)
    assert before.items() < times(grown.folder).items()
    assert [p["value"] for p in grown.points("pgd")] == [0.3, 1]
    assert read_result(grown.folder).summary == grown.summary


def test_its_jobs_hold_a_config_and_what_they_say_of_their_end(swept):
    from offmanifold._core.files import read_json

    for run in swept.runs:
        config = read_json(run.folder / "job.json")
        assert config["audit"]["limit"] == 20
        asked = {k: v for k, v in config["audit"].items() if k not in ("label", "manifold")}
        assert tuple(om.AuditConfig(**asked).only) == SHORT.audit.only


def test_a_recommendation_is_one_of_what_was_tried(swept, tmp_path):
    best = om.recommend(
        PGD, data="digits", folder=tmp_path / "r", config=SHORT, wanted="accuracy.clean", most=2
    )
    assert [one["strength"] for one in best.saved["tried"]] == [1.0]
    assert best.strength in (None, 1.0)
    assert (best.folder is None) == (best.strength is None)


def test_what_cannot_be_is_refused_before_anything_is_made(tmp_path):
    for values in ([], [0.0], [1, 1]):
        with pytest.raises(om.InputError, match=r"`values`|strengths"):
            om.sweep(PGD, values, data="digits", folder=tmp_path / "s", config=SHORT)
    with pytest.raises(om.InputError, match="`most`"):
        om.recommend(PGD, data="digits", folder=tmp_path / "s", config=SHORT, most=1)
    assert not (tmp_path / "s").exists()


def test_a_run_that_fails_is_named_with_its_sweep(tmp_path, monkeypatch):
    def full(*_):
        raise om.RunError("no space left")

    monkeypatch.setattr("offmanifold.sweeps.work._train", full)
    with pytest.raises(RunsFailed, match="2 of 2 runs failed") as told:
        om.sweep(PGD, [0.3], data="digits", folder=tmp_path / "s", config=SHORT)
    assert told.value.folder == tmp_path / "s"

"""A sweep's folder: what lies there is done, what differs is refused, the index is always whole."""

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import write_json
from offmanifold.audits.store import read_audit, save_audit
from offmanifold.objectives import ERM, PGD, Noise
from offmanifold.sweeps.executors import Event, Inputs, Job
from offmanifold.sweeps.executors.base import ended
from offmanifold.sweeps.runs import (
    check_grid,
    claim_sweep,
    make_job,
    read_sweep,
    run_jobs,
)
from sweep_runs import SETTINGS, make_run, pgd


class Fake:
    """An executor that writes outcomes and remembers what it was asked for."""

    def __init__(self, state: str = "finished"):
        self.state, self.asked = state, []

    def run(self, jobs, root: Path, inputs: Inputs):
        for job in jobs:
            self.asked.append(job.name)
            yield Event(job, "started")
            write_json(root / job.name / "job.json", job.config)
            outcome = {"state": self.state, "error": "why", "digest": job.digest}
            write_json(root / job.name / "outcome.json", outcome)
            yield ended(job, root / job.name, 0)


def jobs(*strengths: float) -> list[Job]:
    return [make_job(SETTINGS, PGD(eps=s), 0, "cpu") for s in strengths]


def test_the_same_again_starts_nothing_and_more_strengths_start_alone(tmp_path: Path):
    first = Fake("collapsed")
    list(run_jobs(jobs(1, 2), tmp_path, first, Inputs()))
    again = Fake("collapsed")
    list(run_jobs(jobs(1, 2, 3), tmp_path, again, Inputs()))
    assert len(first.asked) == 2
    assert [name.split("-s0")[0] for name in again.asked] == ["pgd-3"]
    lines = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [line["state"] for line in lines] == ["collapsed"] * 3


def test_it_grows_by_seeds_and_objectives(tmp_path: Path):
    list(run_jobs(jobs(1), tmp_path, Fake("collapsed"), Inputs()))
    grown = [
        *jobs(1),
        make_job(SETTINGS, PGD(eps=1), 1, "cpu"),
        make_job(SETTINGS, Noise(sigma=1), 0, "cpu"),
        make_job(SETTINGS, ERM(), 0, "cpu"),
    ]
    again = Fake("collapsed")
    list(run_jobs(grown, tmp_path, again, Inputs()))
    claim_sweep(SETTINGS, tmp_path)
    assert [name.rpartition("-")[0] for name in again.asked] == ["pgd-1-s1", "noise-1-s0", "erm-s0"]
    found = {(run.objective["name"], run.seed) for run in read_sweep(tmp_path)}
    assert found == {("pgd", 0), ("pgd", 1), ("noise", 0), ("erm", 0)}


def test_a_failed_run_is_tried_again_and_is_one_line_of_the_index(tmp_path: Path):
    list(run_jobs(jobs(1, 2), tmp_path, Fake("failed"), Inputs()))
    assert states_of(tmp_path) == ["failed"] * 2
    again = Fake("collapsed")
    list(run_jobs(jobs(1, 2), tmp_path, again, Inputs()))
    assert len(again.asked) == 2
    assert states_of(tmp_path) == ["collapsed"] * 2


def states_of(folder: Path) -> list[str]:
    lines = (folder / "index.jsonl").read_text().splitlines()
    return [json.loads(line)["state"] for line in lines]


@pytest.mark.parametrize("name", ["outcome.json", "job.json"])
@pytest.mark.parametrize("text", ["", '{"state": "coll', "[]", "{}"])
def test_a_run_with_a_broken_file_is_done_again(name: str, text: str, tmp_path: Path):
    list(run_jobs(jobs(1, 2), tmp_path, Fake("collapsed"), Inputs()))
    broken, whole = jobs(1, 2)
    claim_sweep(SETTINGS, tmp_path)
    (tmp_path / broken.name / name).write_text(text)
    states = {run.folder.name: run.state for run in read_sweep(tmp_path)}
    assert states.get(broken.name, "unfinished") == "unfinished"
    assert states[whole.name] == "collapsed"
    again = Fake("collapsed")
    list(run_jobs(jobs(1, 2), tmp_path, again, Inputs()))
    assert again.asked == [broken.name]
    assert states_of(tmp_path) == ["collapsed"] * 2


def test_a_full_disk_is_told_and_leaves_the_index_whole(tmp_path: Path, monkeypatch):
    list(run_jobs(jobs(1), tmp_path, Fake("collapsed"), Inputs()))
    events = run_jobs(jobs(1, 2), tmp_path, Fake("collapsed"), Inputs())
    next(events)
    begin = Path.write_text

    def full(self: Path, text: str, *options):
        if "index.jsonl" not in self.name:
            return begin(self, text, *options)
        begin(self, text[: len(text) // 2], *options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RunError, match=r"no space left to write .*index.jsonl"):
        list(events)
    monkeypatch.undo()
    assert states_of(tmp_path) == ["collapsed"]
    again = Fake("collapsed")
    list(run_jobs(jobs(1, 2), tmp_path, again, Inputs()))
    assert again.asked == []
    assert states_of(tmp_path) == ["collapsed"] * 2


def test_a_refusal_stops_the_sweep_with_its_sentence(tmp_path: Path):
    refusing = Fake("refused")
    with pytest.raises(InputError, match="why"):
        list(run_jobs(jobs(1, 2), tmp_path, refusing, Inputs()))
    assert len(refusing.asked) == 1


def test_another_measure_or_judge_runs_again_but_keeps_the_folder():
    (job,) = jobs(1)
    other = make_job({**SETTINGS, "measures": ["a", "b"]}, PGD(eps=1), 0, "cpu")
    judged = make_job({**SETTINGS, "judge": "x"}, PGD(eps=1), 0, "cpu")
    elsewhere = make_job(SETTINGS, PGD(eps=1), 0, "cuda")
    assert {other.name, judged.name, elsewhere.name} == {job.name}
    assert len({job.digest, other.digest, judged.digest}) == 3
    assert elsewhere.digest == job.digest
    assert make_job(SETTINGS, PGD(eps=1), 1, "cpu").name != job.name
    assert make_job({**SETTINGS, "data": "other"}, PGD(eps=1), 0, "cpu").name != job.name


def test_other_weights_are_another_run():
    made = [make_job({**SETTINGS, "weights": c}, PGD(eps=1), 0, "cpu") for c in ("one", "other")]
    made += jobs(1)
    assert len({job.name for job in made}) == len({job.digest for job in made}) == 3


def test_runs_keep_their_names_as_long_as_the_format(tmp_path: Path, monkeypatch):
    job = make_job(SETTINGS, PGD(eps=1.0), 0, "cpu")
    assert (job.name, job.digest) == ("pgd-1-s0-11780c3e8822", "bf7e45a02fa7")
    monkeypatch.chdir(tmp_path)
    assert claim_sweep(SETTINGS, None).name == "sweep-18000687cc6d"


def test_two_sweeps_in_one_folder_are_refused_by_what_differs(tmp_path: Path):
    claim_sweep(SETTINGS, tmp_path)
    claim_sweep({**SETTINGS, "measures": ["more"]}, tmp_path)
    before = (tmp_path / "sweep.json").read_bytes()
    with pytest.raises(InputError, match=r"another recipe .*`out`"):
        claim_sweep({**SETTINGS, "recipe": {"epochs": 2}}, tmp_path)
    with pytest.raises(InputError, match=r'another data \("fingerprint", not "others"\)'):
        claim_sweep({**SETTINGS, "data": "others"}, tmp_path)
    assert (tmp_path / "sweep.json").read_bytes() == before


def test_an_index_cut_off_in_the_middle_is_written_anew(tmp_path: Path):
    list(run_jobs(jobs(1), tmp_path, Fake("collapsed"), Inputs()))
    index = tmp_path / "index.jsonl"
    whole = index.read_text()
    index.write_text(whole + whole[:40])
    list(run_jobs(jobs(1), tmp_path, Fake(), Inputs()))
    assert index.read_text() == whole


def test_an_audit_made_by_hand_is_none_of_the_sweeps(tmp_path: Path):
    folder = make_run(tmp_path, pgd(1.0))
    own = read_audit(folder / "audits" / "a")
    few = {name: values[:3] for name, values in own.columns.items()}
    by_hand = replace(own, json={**own.json, "label": "mine"}, columns=few)
    save_audit(by_hand, folder / "audits" / "b")
    (run,) = read_sweep(tmp_path)
    assert run.audit is not None
    assert (run.state, run.audit.folder) == ("finished", folder / "audits" / "a")
    shutil.rmtree(folder / "audits" / "a")
    (run,) = read_sweep(tmp_path)
    assert (run.state, run.audit) == ("unfinished", None)


def test_folders_without_a_sweep_or_runs(tmp_path: Path):
    with pytest.raises(InputError, match="holds no sweep"):
        read_sweep(tmp_path)
    claim_sweep(SETTINGS, tmp_path)
    with pytest.raises(InputError, match="has no run yet"):
        read_sweep(tmp_path)


def test_a_process_that_dies_is_told_with_its_last_line(tmp_path: Path):
    (job,) = jobs(1)
    (tmp_path / "log.txt").write_text("begun\nkilled in the middle\n")
    event = ended(job, tmp_path, -9)
    assert event.state == "failed"
    assert "code -9: killed in the middle" in (event.error or "")


@pytest.mark.parametrize(
    ("objective", "values", "seeds", "words"),
    [
        (ERM(), (1.0,), (0,), "erm has no strength to sweep"),
        (PGD(), (), (0,), "no strengths given"),
        (PGD(), (0.0, 1.0), (0,), "`values` holds 0"),
        (PGD(), (-1.0,), (0,), "`values` holds -1"),
        (PGD(), (float("nan"),), (0,), "`values` holds nan"),
        (PGD(), (float("inf"),), (0,), "`values` holds inf"),
        (PGD(), (1.0, 2.0, 1.0), (0,), "`values` holds 1 twice"),
        (PGD(), (1.0,), (0, 0), "`seeds` holds 0 twice"),
    ],
)
def test_grids_that_make_no_sweep(objective, values, seeds, words):
    with pytest.raises(InputError, match=words):
        check_grid(objective, values, seeds)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("job.json", "{", "["),
        ("job.json", '"eps": 1', '"eps": 3'),
        ("job.json", '"train"', '"trajn"'),
        ("job.json", '"seed"', '"sfed"'),
        ("job.json", None, None),
        ("outcome.json", "{", "\0"),
        ("outcome.json", "collapsed", "collapred"),
        ("outcome.json", '"digest"', '"dagest"'),
    ],
)
def test_a_damaged_run_is_named_and_run_again(tmp_path: Path, capsys, name, old, new):
    write_json(tmp_path / "sweep.json", {})
    one, other = jobs(1, 2)
    list(run_jobs([one, other], tmp_path, Fake("collapsed"), Inputs()))
    path = tmp_path / one.name / name
    if old is None:
        path.unlink()
    else:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    capsys.readouterr()
    (left,) = read_sweep(tmp_path)
    assert left.folder.name == other.name
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{path} is damaged or lost" in said and "run the sweep's command again" in said
    again = Fake("collapsed")
    list(run_jobs([one, other], tmp_path, again, Inputs()))
    assert again.asked == [one.name]
    assert len(read_sweep(tmp_path)) == 2
    assert capsys.readouterr().err == ""


def test_a_run_whose_return_was_cut_by_a_kill_is_put_in_place(tmp_path: Path):
    (job,) = jobs(1)
    list(run_jobs([job], tmp_path, Fake("collapsed"), Inputs()))
    left = tmp_path / f".{job.name}.0a1b2c3d.offmanifold.tmp"
    (left / "old").mkdir(parents=True)
    shutil.move(tmp_path / job.name, left / "new")
    again = Fake("collapsed")
    list(run_jobs([job], tmp_path, again, Inputs()))
    assert again.asked == []


def test_a_run_has_the_audit_that_its_job_made_and_no_later_one_of_that_label(tmp_path: Path):
    folder = make_run(tmp_path, pgd(0.5))
    (own,) = folder.glob("audits/*/audit.json")
    audit = read_audit(own.parent)
    outcome = json.loads((folder / "outcome.json").read_text())
    write_json(folder / "outcome.json", {**outcome, "audit": own.parent.name})
    other = {**audit.json, "settings": {"eps": 9.0}}
    save_audit(replace(audit, json=other), folder / "audits/by-hand")
    save_audit(replace(audit, json={**audit.json, "label": "renamed"}), own.parent)
    (run,) = read_sweep(tmp_path)
    assert run.audit is not None and run.audit.folder == own.parent
    assert run.audit.label == audit.label
    write_json(folder / "outcome.json", {**outcome, "audit": "../../elsewhere"})
    with pytest.raises(InputError, match="no plain name"):
        read_sweep(tmp_path)


def test_a_received_sweep_is_not_written_through_its_links(tmp_path: Path):
    (job,) = jobs(1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / job.name).symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match="is a link"):
        list(run_jobs([job], tmp_path / "s", Fake(), Inputs()))
    assert not list((tmp_path / "mine").iterdir())

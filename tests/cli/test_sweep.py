"""`sweep`, `recommend`, `report` and `compare` of a sweep as a user types them, and bad input."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offmanifold.cli.tell_sweep import conclude
from offmanifold.data.config import DataConfig
from offmanifold.sweeps.config import SweepConfig
from offmanifold.sweeps.executors import Inputs, Job, local
from offmanifold.sweeps.sweep import open_sweep
from sweep_runs import make_run, pgd, renamed

TINY = ["--data", "digits", "--epochs", "1", "--batch-size", "256", "--limit", "20", "--jobs", "1"]
TINY += ["--precision", "fp32"]
NONE = ["--manifold", "none"]
PGD = ["pgd", "--steps", "1"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep of one strength and the standard model."""
    from offmanifold.cli.main import main

    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["sweep", "--values", "0.3", *TINY, *NONE, "--out", "s", *PGD]) == 0
    return folder


def test_weights_count_by_their_content_wherever_they_lie(swept, tmp_path, offmanifold):
    (saved,) = swept.glob("s/erm-*/model.safetensors")
    line = ["sweep", "--values", "0.3", *TINY, *NONE, "--without-standard"]
    line += ["--out", str(tmp_path / "s"), "--json"]
    done = []
    for name in ("here/w.safetensors", "there/v.safetensors"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(saved, tmp_path / name)
        assert offmanifold(*line, "--weights", str(tmp_path / name), *PGD)[0] == 0
        done.append({p: p.stat().st_mtime_ns for p in tmp_path.glob("s/*/outcome.json")})
    assert done[0] == done[1]
    assert len(done[0]) == 1
    assert str(tmp_path) not in next(tmp_path.glob("s/*/job.json")).read_text()
    (other,) = swept.glob("s/pgd-*/model.safetensors")
    code, _, err = offmanifold(*line, "--weights", str(other), *PGD)
    assert code == 2
    assert "another weights" in err


def states(folder: Path) -> list[str]:
    lines = (folder / "index.jsonl").read_text().splitlines()
    return [json.loads(line)["state"] for line in lines]


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("out", [Path("s"), None])
def test_auto_goes_on_as_begun_on_another_processor(tmp_path, monkeypatch, bf16, out):
    monkeypatch.chdir(tmp_path)
    found = []
    for has in (bf16, not bf16):
        monkeypatch.setattr("offmanifold._core.precision._cpu_has_bf16", lambda has=has: has)
        config = SweepConfig(images=DataConfig("digits"), manifold="none", device="cpu", out=out)
        found.append(open_sweep(config))
    assert found[0].folder == found[1].folder
    assert found[0].shared == found[1].shared
    assert found[0].shared["precision"] == ("bf16" if bf16 else "fp32")


def test_again_nothing_is_done_and_the_page_is_there(swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    before = {p: p.stat().st_mtime_ns for p in swept.glob("s/*/outcome.json")}
    code, out, err = offmanifold(
        "sweep", "--values", "0.3", *TINY, *NONE, "--out", "s", "--json", *PGD
    )
    assert code == 0
    assert "started" not in err
    assert {p: p.stat().st_mtime_ns for p in swept.glob("s/*/outcome.json")} == before
    assert [p["value"] for p in out["methods"][0]["points"]] == [0.3]
    assert states(swept / "s") == ["finished"] * 2
    assert (swept / "s/report.html").is_file()


def test_a_sweep_of_which_all_collapsed_is_concluded_and_says_what_to_do(tmp_path, capsys):
    for eps in (1.0, 2.0):
        make_run(tmp_path, pgd(eps), state="collapsed")
    conclude(tmp_path, "en", as_json=False)
    said = capsys.readouterr()
    assert said.out.count("Collapsed") == 2
    assert "Every run of this sweep collapsed: choose smaller strengths" in said.err
    assert "audited" not in said.err
    assert (tmp_path / "report.html").is_file()


def test_a_failed_run_is_told_at_the_end_and_done_again(tmp_path, monkeypatch, offmanifold):
    """A process is killed: the others go on, and later its run alone is made up for."""
    monkeypatch.chdir(tmp_path)
    begin = local.command

    def killed(config: Path, folder: Path, inputs: Inputs) -> list[str]:
        if folder.name.startswith("pgd-0.3-"):
            return [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
        return begin(config, folder, inputs)

    line = ["sweep", "--values", "0.3", "1", *TINY, *NONE, "--out", "s", "--without-standard", *PGD]
    monkeypatch.setattr(local, "command", killed)
    code, _, err = offmanifold(*line)
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: 1 of 2 runs failed (pgd-0.3-s0-")
    assert "log.txt" in last
    assert "code -9" in err
    assert states(tmp_path / "s") == ["unfinished", "finished"]
    assert (tmp_path / "s/report.html").is_file()
    (done,) = tmp_path.glob("s/*/outcome.json")
    before = done.stat().st_mtime_ns
    monkeypatch.setattr(local, "command", begin)
    assert offmanifold(*line)[0] == 0
    assert sorted(states(tmp_path / "s")) == ["finished"] * 2
    assert done.stat().st_mtime_ns == before


def test_a_refused_run_stops_the_sweep_with_its_sentence(tmp_path, monkeypatch, offmanifold):
    monkeypatch.chdir(tmp_path)
    line = [*TINY, *NONE, "--out", "s", *PGD, "--norm", "linf"]
    monkeypatch.setattr(local, "command", refusing)
    code, _, err = offmanifold("sweep", "--values", "0.3", "1", *line)
    assert code == 2
    assert err.strip().splitlines()[-1] == "error: the images here are others"
    assert len(list(tmp_path.glob("s/*/job.json"))) == 1


def refusing(config: Path, folder: Path, inputs: Inputs) -> list[str]:
    """Return a command that ends as a job does that refuses what it was given."""
    digest = Job(folder.name, json.loads(config.read_text())).digest
    outcome = {"state": "refused", "error": "the images here are others", "digest": digest}
    script = f"open({str(folder / 'outcome.json')!r}, 'w').write({json.dumps(outcome)!r})"
    return [sys.executable, "-c", script]


def test_the_figure_and_the_page_by_one_command(swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    assert offmanifold("report", "s", "--out", "f.png")[0] == 0
    assert (swept / "f.png").read_bytes()[:4] == b"\x89PNG"
    assert offmanifold("report", "s", "--out", "page.html", "--language", "ja")[0] == 0
    assert 'lang="ja"' in (swept / "page.html").read_text()


def test_compare_takes_what_is_there(swept, monkeypatch, offmanifold, tmp_path):
    monkeypatch.chdir(swept)
    unfinished = swept / "s/pgd-9-s0-000000000000"
    unfinished.mkdir()
    paths = sorted(str(p.relative_to(swept)) for p in swept.glob("s/*") if p.name != "audits")
    code, out, err = offmanifold("compare", *paths, "--json", "--out", str(tmp_path / "c.json"))
    unfinished.rmdir()
    assert code == 0
    assert len(out["audits"]) == 2
    files = [p for p in paths if (swept / p).is_file()]
    assert f"{len(files) + 1} of {len(paths)} paths are left out" in err
    assert "s/sweep.json: a file, not a folder" in err
    assert "s/index.jsonl: a file, not a folder" in err
    assert "pgd-9-s0-000000000000: there is no" in err
    assert "standard models" not in err
    code, out, _ = offmanifold("compare", "s", "--json", "--out", str(tmp_path / "d.json"))
    assert len(out["audits"]) == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "sweep.json").write_text("{}")
    code, out, err = offmanifold("compare", "s", empty, "--json", "--out", str(tmp_path / "e.json"))
    assert len(out["audits"]) == 2
    assert "1 of 2 paths are left out" in err
    assert "has no run yet" in err
    code, _, err = offmanifold("compare", empty)
    assert code == 2
    assert "has no run yet" in err
    code, _, err = offmanifold("compare", "nowhere", "neither")
    assert code == 2
    assert "there is nothing at nowhere" in err


def test_compare_refuses_a_misspelt_run_and_overwrites_nothing(swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    there = next(iter(sorted(swept.glob("s/erm-*")))).relative_to(swept)
    out = swept / "kept.json"
    out.write_text("kept")
    for wrong in ("s/erm-misspelt", "s/nothing-*"):
        code, _, err = offmanifold("compare", there, wrong, "--out", out)
        assert code == 2
        assert f"there is nothing at {wrong}" in err
        assert out.read_text() == "kept"
    code, _, err = offmanifold("compare", there, "--out", swept / "c.html")
    assert code == 2
    assert "a comparison is written as .json" in err


@pytest.mark.parametrize("what", ["s", "s/erm-s0"])
def test_a_report_is_written_only_under_a_name_of_its_format(what, swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    given = next(swept.glob("s/erm-s0-*")) if what != "s" else what
    code, _, err = offmanifold("report", given, "--out", "x.jpg")
    assert code == 2
    assert ".html" in err
    assert not (swept / "x.jpg").exists()


def test_several_standard_models_ask_which_is_the_reference(
    swept, monkeypatch, offmanifold, tmp_path
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(swept / "s", "s")
    (first,) = Path("s").glob("erm-s0-*")
    second = Path(shutil.copytree(first, "s/erm-s1-000000000000"))
    renamed(second, '"erm-s0"', '"erm-s1"')
    code, out, err = offmanifold("compare", "s", "--json", "--out", "c.json")
    assert code == 0
    assert out["reference"] is None
    assert "2 standard models (erm-s0, erm-s1)" in err
    assert "--reference erm-s0" in err
    code, out, err = offmanifold(
        "compare", "s", "--json", "--out", "c.json", "--reference", "erm-s1"
    )
    assert out["reference"] == "erm-s1"
    assert "standard models" not in err
    code, _, err = offmanifold("compare", "s", "--reference", "erm")
    assert code == 2
    assert "erm-s0" in err


def test_recommend_finds_a_strength_from_few_runs(swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    few = ["--wanted", "accuracy.pgd_l2", "--accuracy-loss", "0.9", "--most", "2", "--start", "0.3"]
    code, out, err = offmanifold("recommend", *TINY, *NONE, *few, "--out", "r", "--json", *PGD)
    assert code == 0
    assert out["judged_on"] == {"split": "val", "n": 20}
    assert [t["strength"] for t in out["tried"]] == [0.3]
    assert out["recommended"] == 0.3
    assert Path(out["folder"]).is_dir()
    gain = out["tried"][0]["gain"]
    assert gain["n"] == 20
    assert out["better_than_standard"] == (gain["low"] > 0)
    assert ("Train with eps = 0.3" in err) == out["better_than_standard"]
    assert ("is shown to be better" in err) != out["better_than_standard"]
    (audit,) = Path(out["folder"]).glob("audits/*/audit.json")
    assert json.loads(audit.read_text())["data"]["split"] == "val"
    noise = [*few[:-1], "0.1", "--out", "r", "noise"]
    assert offmanifold("recommend", *TINY, *NONE, *noise)[0] == 0
    kept, newest = Path("r/recommendation-pgd.json"), Path("r/recommendation.json")
    assert json.loads(kept.read_text()) == out
    assert json.loads(newest.read_text())["objective"]["name"] == "noise"
    assert newest.read_text() == Path("r/recommendation-noise.json").read_text()


def test_recommend_never_chooses_on_test_images(offmanifold):
    code, _, err = offmanifold("recommend", *TINY, "--split", "test", *PGD)
    assert code == 2
    assert "--split" in err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sweep", "--values", "0", *TINY, *NONE, *PGD], "--values holds 0"),
        (["sweep", "--values", "1", "nan", *TINY, *NONE, *PGD], "--values holds nan"),
        (["sweep", "--values", "1", "1.0", *TINY, *NONE, *PGD], "--values holds 1 twice"),
        (["sweep", "--values", *TINY, *NONE, *PGD], "no strengths given"),
        (["sweep", "--values", "1", *TINY, *NONE, "erm"], "has no strength"),
        (["sweep", "--values", "1", *TINY, *NONE, "--jobs", "0", *PGD], "--jobs"),
        (["sweep", "--values", "1", *TINY, *NONE, "--address", "x:1", *PGD], "--executor ray"),
        (["sweep", "--values", "1", *TINY, *NONE, "--epochs", "2", "--out", "s", *PGD], "recipe"),
        (["sweep", "--values", "1", *TINY, *NONE, "--second", "runs/x", *PGD], "runs/x"),
        (["recommend", *TINY, *NONE, "--wanted", "no.measure", *PGD], "no.measure"),
        (["recommend", *TINY, *NONE, "--accuracy-loss", "2", *PGD], "--accuracy-loss"),
        (["recommend", *TINY, *NONE, "--robust-accuracy", "2", *PGD], "--robust-accuracy"),
        (["recommend", *TINY, *NONE, "--most", "1", *PGD], "--most"),
        (["recommend", *TINY, *NONE, "--wanted", "robustness.rho_total", *PGD], "the lower"),
        (["recommend", *TINY, *NONE, "--start", "-1", *PGD], "--start holds -1"),
        (["recommend", *TINY, *NONE, "erm"], "has no strength"),
        (["report", "nosweep", "--out", "f.png"], "there is nothing at nosweep"),
        (["audit", "small-resnet", "--report", "x.jpg", "--data", "digits"], "a page is written"),
    ],
)
def test_bad_input_is_one_sentence(argv, words, swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    code, _, err = offmanifold(*argv)
    assert code == 2
    assert words in err.strip().splitlines()[-1]


ANY_MODEL = ["--wanted", "accuracy.pgd_l2"]


@pytest.mark.parametrize("command", [["sweep", "--values", "1"], ["recommend", *ANY_MODEL]])
@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--limit", "1"], "--limit must be at least 2"),
        (["--attack-eps", "-1"], "--attack-eps must be above 0"),
        (["--label-randomised", "runs/standard"], "permuted ones"),
    ],
)
def test_what_no_audit_takes_is_refused_before_anything_is_begun(
    command, option, words, here, offmanifold, tmp_path
):
    code, _, err = offmanifold(*command, *TINY, *NONE, "--out", tmp_path / "new", *option, *PGD)
    assert code == 2
    assert words in err.strip().splitlines()[-1]
    assert not (tmp_path / "new").exists()


def begin(place: Path) -> "subprocess.Popen[bytes]":
    line = ["sweep", "--values", "0.3", "1", "2", *TINY, *NONE, "--out", "k", *PGD]
    return subprocess.Popen(
        [sys.executable, "-c", "from offmanifold.cli.main import entry; entry()", *line],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def until(condition, seconds: float = 90) -> None:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


@pytest.mark.slow
def test_ctrl_c_stops_soon_and_the_same_command_goes_on(tmp_path: Path):
    sweep = begin(tmp_path)
    until(lambda: len(list(tmp_path.glob("k/*/log.txt"))) == 2)
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(30) == 130
    done = {p: p.read_bytes() for p in tmp_path.glob("k/*/outcome.json")}
    assert 1 <= len(done) < 4
    assert begin(tmp_path).wait(180) == 0
    assert len(states(tmp_path / "k")) == 4
    for path, before in done.items():
        assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads children from /proc")
def test_killed_in_the_middle_it_goes_on_and_keeps_what_was_done(tmp_path: Path):
    sweep = begin(tmp_path)
    until(lambda: len(list(tmp_path.glob("k/*/outcome.json"))) == 1)
    until(lambda: len(list(tmp_path.glob("k/*/log.txt"))) == 2)
    listed = f"/proc/{sweep.pid}/task/{sweep.pid}/children"
    until(lambda: Path(listed).read_text().split() != [])
    children = [int(pid) for pid in Path(listed).read_text().split()]
    sweep.send_signal(signal.SIGKILL)
    sweep.wait()
    until(lambda: not any(alive(pid) for pid in children), 15)
    done = {p: p.read_bytes() for p in tmp_path.glob("k/*/outcome.json")}
    assert 1 <= len(done) < 4
    assert begin(tmp_path).wait(180) == 0
    assert len(states(tmp_path / "k")) == 4
    for path, before in done.items():
        assert path.read_bytes() == before

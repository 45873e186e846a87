"""`sweep`, `recommend`, `report` and `compare` of a sweep as a user types them, and bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TINY = ["--data", "digits", "--epochs", "1", "--batch-size", "256", "--limit", "20", "--jobs", "1"]
TINY += ["--precision", "fp32"]
NONE = ["--manifold", "none"]
PGD = ["pgd", "--steps", "1"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep of one strength and the standard model."""
    from offmanifold.cli import main

    folder = tmp_path_factory.mktemp("swept")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["sweep", "--values", "0.3", *TINY, *NONE, "--out", "s", *PGD]) == 0
    return folder


def states(folder: Path) -> list[str]:
    lines = (folder / "index.jsonl").read_text().splitlines()
    return [json.loads(line)["state"] for line in lines]


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
    assert "paths are left out" in err
    assert "pgd-9-s0-000000000000" in err
    code, out, _ = offmanifold("compare", "s", "--json", "--out", str(tmp_path / "d.json"))
    assert len(out["audits"]) == 2
    code, _, err = offmanifold("compare", "nowhere", "neither")
    assert code == 2
    assert "there is no audit in nowhere, neither" in err


def test_recommend_finds_a_strength_from_few_runs(swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    few = ["--wanted", "accuracy.pgd_l2", "--accuracy-loss", "0.9", "--most", "2", "--start", "0.3"]
    code, out, err = offmanifold("recommend", *TINY, *NONE, *few, "--out", "r", "--json", *PGD)
    assert code == 0
    assert out["judged_on"] == {"split": "val", "n": 20}
    assert [t["strength"] for t in out["tried"]] == [0.3]
    assert out["recommended"] == 0.3
    assert Path(out["folder"]).is_dir()
    assert "Train with eps = 0.3" in err
    (audit,) = Path(out["folder"]).glob("audits/*/audit.json")
    assert json.loads(audit.read_text())["data"]["split"] == "val"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["sweep", "--values", "0", *TINY, *NONE, *PGD], "--values holds 0"),
        (["sweep", "--values", "1", *TINY, *NONE, "erm"], "has no strength"),
        (["sweep", "--values", "1", *TINY, *NONE, "--jobs", "0", *PGD], "--jobs"),
        (["sweep", "--values", "1", *TINY, *NONE, "--address", "x:1", *PGD], "--executor ray"),
        (["sweep", "--values", "1", *TINY, *NONE, "--epochs", "2", "--out", "s", *PGD], "recipe"),
        (["sweep", "--values", "1", *TINY, *NONE, "--second", "runs/x", *PGD], "runs/x"),
        (["recommend", *TINY, *NONE, "--wanted", "no.measure", *PGD], "no.measure"),
        (["recommend", *TINY, *NONE, "--accuracy-loss", "2", *PGD], "--accuracy-loss"),
        (["recommend", *TINY, *NONE, "--robust-accuracy", "2", *PGD], "--robust-accuracy"),
        (["recommend", *TINY, *NONE, "--most", "1", *PGD], "--most"),
        (["recommend", *TINY, *NONE, "--start", "-1", *PGD], "holds -1"),
        (["recommend", *TINY, *NONE, "erm"], "has no strength"),
        (["report", "nosweep", "--out", "f.png"], "is a figure"),
    ],
)
def test_bad_input_is_one_sentence(argv, words, swept, monkeypatch, offmanifold):
    monkeypatch.chdir(swept)
    code, _, err = offmanifold(*argv)
    assert code == 2
    assert words in err.strip().splitlines()[-1]


def begin(place: Path) -> "subprocess.Popen[bytes]":
    line = ["sweep", "--values", "0.3", "1", "2", *TINY, *NONE, "--out", "k", *PGD]
    return subprocess.Popen(
        [sys.executable, "-c", "from offmanifold.cli import entry; entry()", *line],
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

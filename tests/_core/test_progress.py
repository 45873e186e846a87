import io

import pytest
from rich.console import Console

from offmanifold._core import progress
from offmanifold._core.log import note
from offmanifold._core.progress import RANKS, bar, is_main_process, live_table


@pytest.mark.parametrize("show", [True, False])
def test_progress_is_on_stderr_alone(capsys: pytest.CaptureFixture[str], show: bool):
    with bar("training", 3, done=1, show=show) as progress:
        progress.advance(loss=0.25)
        progress.advance(steps=7)  # a number called like the count of steps
    out, err = capsys.readouterr()
    assert not out
    assert ("training" in err and "3/3" in err and "steps 7" in err) == show
    assert bool(err) == show


@pytest.mark.parametrize(
    ("ranks", "main"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"RANK": "2", "LOCAL_RANK": "0", "GROUP_RANK": "1"}, False),
        ({"RANK": ""}, True),
    ],
)
def test_only_the_main_process_speaks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ranks: dict, main: bool
):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in ranks.items():
        monkeypatch.setenv(name, value)
    assert is_main_process() == main
    note("a line")
    with bar("training", 1) as progress:
        progress.advance()
    out, err = capsys.readouterr()
    assert not out
    assert ("a line" in err) == ("training" in err) == main


def test_jobs_are_a_line_a_change_on_a_pipe(capsys: pytest.CaptureFixture[str]):
    with live_table(["a", "b", "c"], done=["a"]) as show:
        show("b", "started", None)
        show("b", "failed", "no space left")
        show("c", "finished", None)
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines() == [
        "[1/3] b: started",
        "[2/3] b: failed (no space left)",
        "[3/3] c: finished",
    ]


def test_jobs_are_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch):
    file = io.StringIO()
    terminal = Console(file=file, force_terminal=True, width=80)
    monkeypatch.setattr(progress, "Console", lambda **options: terminal)
    with live_table(["a", "b", "c"], done=["a"]) as show:
        show("b", "failed", "no space left")
    last = file.getvalue().rpartition("run")[2]
    for word in ("was there", "failed", "no space left", "waiting"):
        assert word in last
    assert "[2/3]" not in file.getvalue()

import pytest

from offmanifold.progress import RANKS, bar, is_main_process, note


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

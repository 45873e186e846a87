import pytest

from offmanifold.progress import bar


@pytest.mark.parametrize("show", [True, False])
def test_progress_is_on_stderr_alone(capsys: pytest.CaptureFixture[str], show: bool):
    with bar("training", 3, done=1, show=show) as progress:
        progress.advance(loss=0.25)
        progress.advance(steps=7)  # a number called like the count of steps
    out, err = capsys.readouterr()
    assert not out
    assert ("training" in err and "3/3" in err and "steps 7" in err) == show
    assert bool(err) == show

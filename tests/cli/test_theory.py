import json
from pathlib import Path

import pytest
from PIL import Image

from offmanifold.cli import theory
from offmanifold.cli.main import main
from offmanifold.theorems import Claim


def test_the_table_and_the_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    figure = tmp_path / "regimes.svg"
    assert main(["theory", "--figure", str(figure)]) == 0
    shown = capsys.readouterr().out
    assert "T1" in shown
    assert "NO" not in shown
    drawn = figure.read_text("utf-8")
    assert all(word in drawn for word in ("weak", "Bayes-aligned", "excessive"))
    assert main(["theory", "--figure", str(figure)]) == 0
    assert figure.read_text("utf-8") == drawn


def test_json_and_a_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    figure = tmp_path / "new" / "regimes.png"
    assert main(["theory", "--json", "--seed", "1", "--figure", str(figure)]) == 0
    claims = json.loads(capsys.readouterr().out)
    assert {c["theorem"] for c in claims} == {"T1", "T2", "T3"}
    assert all(c["holds"] and {"claim", "measured", "bound"} <= c.keys() for c in claims)
    with Image.open(figure) as drawn:
        assert drawn.size[0] > 600


def test_a_claim_that_does_not_hold_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(theory, "CHECKS", {"T1": lambda seed: [Claim("T1", "so it is", 2.0, 1.0)]})
    assert main(["theory"]) == 1
    found = capsys.readouterr()
    assert "NO" in found.out
    assert "1 claims do not hold with seed 0: so it is" in found.err


@pytest.mark.parametrize("name", ["regimes.pdf", "regimes"])
def test_a_figure_of_another_kind(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]):
    assert main(["theory", "--figure", str(tmp_path / name)]) == 2
    assert "--figure must end in .svg or .png" in capsys.readouterr().err


def test_a_figure_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.svg").mkdir()
    for place in ("file/a.svg", "folder.svg"):
        assert main(["theory", "--figure", str(tmp_path / place)]) == 2
        found = capsys.readouterr()
        assert "cannot write" in found.err
        assert "--figure" in found.err
        assert not found.out  # nothing was computed

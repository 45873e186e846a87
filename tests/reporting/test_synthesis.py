"""The gallery: one self-contained page of what was saved, in both languages."""

from pathlib import Path

import pytest
import torch

from offmanifold.errors import InputError
from offmanifold.files import write_json, write_tensors
from offmanifold.reporting import synthesis_page
from offmanifold.reporting.synthesis_texts import SYNTHESIS

NUMBERS = {"class": "<seven>", "probability": 0.25, "norm": 1.5, "steps": 60, "found": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    columns = ["given", "result", "change"]
    change = torch.linspace(-0.3, 0.3, 80).reshape(1, 10, 8)
    pictures = [torch.full((1, 10, 8), 0.25), torch.rand(1, 10, 8), change]
    rows = [{"name": f"image {i}", "columns": columns, "numbers": NUMBERS} for i in range(2)]
    tensors = {f"{i}/{c}": x for i in range(2) for c, x in zip(columns, pictures, strict=True)}
    write_tensors(tmp_path / "images.safetensors", tensors)
    saved = {
        "schema": "offmanifold.synthesis/1",
        "use": "counterfactual",
        "config": {"mode": "projected"},
        "planned": 3,
        "model": "robust",
        "manifold": None,
        "warnings": [{"key": "synthesis.warn.weak", "values": {"model": "robust"}}],
        "rows": rows,
    }
    write_json(tmp_path / "synthesis.json", saved)
    return tmp_path


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_shows_all_that_was_saved(folder, language):
    page = synthesis_page(folder, folder / "p.html", language).read_text()
    column = ("en", "ja").index(language)
    for key in ("title.counterfactual", "column.change", "column.given", "notfound", "units"):
        assert SYNTHESIS[f"synthesis.{key}"][column] in page, key
    assert SYNTHESIS["synthesis.warn.weak"][column].format(model="robust") in page
    assert "&lt;seven&gt;" in page and "<seven>" not in page
    assert "0.25" in page and "1.5" in page and "60" in page
    assert page.count("data:image/png") == 2 + 2 * 3
    assert 'height="120"' in page  # 10 × 8 pixels, 96 wide
    assert "http" not in page.replace("http-equiv", "")


def test_the_same_folder_gives_the_same_bytes(folder):
    one = synthesis_page(folder, folder / "a.html").read_bytes()
    assert one == synthesis_page(folder, folder / "b.html").read_bytes()


def test_every_text_has_both_languages_and_the_same_fields():
    import string

    for key, pair in SYNTHESIS.items():
        fields = [{f for _, f, _, _ in string.Formatter().parse(text) if f} for text in pair]
        assert fields[0] == fields[1], key
        assert all(pair), key


def test_another_folder_is_refused(folder):
    write_json(folder / "synthesis.json", {"schema": "offmanifold.audit/1"})
    with pytest.raises(InputError, match="no made images"):
        synthesis_page(folder, folder / "p.html")
    with pytest.raises(InputError, match="fr"):
        synthesis_page(folder, folder / "p.html", "fr")

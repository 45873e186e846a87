"""The gallery: one self-contained page of what was saved, in both languages."""

import re
from pathlib import Path

import pytest
import torch
from msgspec import structs

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, read_tensors, write_json, write_tensors
from offmanifold._core.reasons import Reason
from offmanifold.reports import synthesis_page
from offmanifold.reports.synthesis import said, sentence
from offmanifold.reports.texts import Texts
from offmanifold.synthesis.schema import GalleryRecord, read_gallery

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
        "warnings": [{"code": "synthesis.weak", "values": {"model": "robust"}}],
        "rows": rows,
    }
    write_json(tmp_path / "synthesis.json", saved)
    return tmp_path


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_shows_all_that_was_saved(folder, language):
    page = synthesis_page(folder, folder / "p.html", language).read_text()
    for key in ("title.counterfactual", "column.change", "column.given", "notfound", "units"):
        assert Texts(language)(f"synthesis.{key}") in page, key
    weak = Reason("synthesis.weak", {"model": "robust"})
    assert sentence(weak, language) in page
    assert "&lt;seven&gt;" in page and "<seven>" not in page
    assert "0.25" in page and "1.5" in page and "60" in page
    assert page.count("data:image/png") == 2 + 2 * 3
    assert 'height="120"' in page  # 10 × 8 pixels, 96 wide
    assert "http" not in page.replace("http-equiv", "")


def test_a_white_picture_has_an_edge_on_the_white_page(folder):
    page = synthesis_page(folder, folder / "p.html").read_text()
    (style,) = re.findall(r"^img {.*}$", page, re.M)
    assert "box-shadow: 0 0 0 1px" in style


def test_the_same_folder_gives_the_same_bytes(folder):
    one = synthesis_page(folder, folder / "a.html").read_bytes()
    assert one == synthesis_page(folder, folder / "b.html").read_bytes()


def with_rows(folder: Path, *numbers: dict, **more: object) -> GalleryRecord:
    """Return the record of the folder with these numbers of its images, and more, written."""
    saved = read_json(folder / "synthesis.json")
    rows = [{**r, "numbers": n} for r, n in zip(saved["rows"], numbers, strict=True)]
    write_json(folder / "synthesis.json", {**saved, "rows": rows, **more})
    return read_gallery(folder)


def test_what_was_aimed_at_and_what_came_out_is_said(folder):
    filled = {"class": "7", "before": "1", "after": "9", "probability": 0.25, "steps": 1}
    saved = with_rows(folder, filled, {**filled, "after": "7", "steps": 2}, use="denoise")
    lines = said(saved, "en")
    assert lines[0] == "image 0: aimed at 7 (p = 0.25); seen as 1 before, 9 after"
    assert "7" in said(saved, "ja")[0] and len(lines) == 2
    page = synthesis_page(folder, folder / "p.html").read_text()
    for words in ("aimed at 7", "seen as 1 before", "seen as 9 after", "1 step<", "2 steps<"):
        assert words in page, words


@pytest.mark.parametrize(
    ("use", "card", "line"),
    [
        ("inpaint", "mean fill seen as 1<", "with the hole filled by the mean seen as 1,"),
        ("superresolve", "bicubic seen as 1<", "enlarged bicubically seen as 1,"),
    ],
)
def test_what_was_seen_before_names_the_image_in_which_it_was_seen(folder, use, card, line):
    filled = {"class": "7", "before": "1", "after": "9", "probability": 0.25, "steps": 1}
    saved = with_rows(folder, filled, filled, use=use)
    page = synthesis_page(folder, folder / "p.html").read_text()
    assert card in page and "before" not in page
    assert line in said(saved, "en")[0] and "before" not in said(saved, "en")[0]
    assert "平均値" in said(saved, "ja")[0] or "バイキュービック" in said(saved, "ja")[0]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("use", "config"), [("generate", {"asked": ["7", "7"]}), ("inpaint", {"class": 7})]
)
def test_images_that_miss_the_class_asked_for_are_counted_and_marked(folder, language, use, config):
    hit = {"class": "7", "after": "7", "probability": 0.9, "norm": 1.0, "steps": 5}
    config = {"mode": "ascent", **config}
    saved = with_rows(folder, hit, {**hit, "after": "1"}, use=use, config=config)
    count = Texts(language)("synthesis.right", right=1, n=2, model="robust")
    others = Texts(language)("synthesis.others", names=saved.rows[1].name)
    assert {count, others} <= set(said(saved, language))
    page = synthesis_page(folder, folder / "p.html", language).read_text()
    assert count in page and others in page
    assert page.count('<img class="bad"') == page.count('<span class="bad">') == 1
    assert Texts(language)("synthesis.missed") in page


def test_where_no_class_was_asked_for_none_is_missed(folder):
    seen = {"class": "7", "before": "1", "after": "9", "probability": 0.25, "steps": 1}
    saved = with_rows(folder, seen, seen, use="inpaint", config={"mode": "ascent", "class": None})
    assert not any("asked for" in line for line in said(saved, "en"))
    page = synthesis_page(folder, folder / "p.html").read_text()
    assert 'class="bad"' not in page


def test_the_error_of_one_image_is_not_said_to_have_an_interval(folder):
    error = {"value": 0.05, "low": None, "high": None, "n": 1}
    seen = {**NUMBERS, "was": "1"}
    saved = with_rows(folder, seen, seen, scores={"errors": {"result": error}, "lost": []})
    assert "  result: 0.0500" in said(saved, "en")
    assert not any("interval" in line for line in said(saved, "en"))
    assert not any("区間" in line for line in said(saved, "ja"))


@pytest.mark.parametrize("use", ["denoise", "inpaint", "superresolve", "counterfactual"])
def test_files_that_were_altered_first_are_named_in_every_use(folder, use):
    there = {"class": "7", "after": "7", "probability": 0.9, "norm": 1.0, "steps": 5}
    saved = with_rows(folder, there, there, use=use, altered={"alpha": ["a.png", "b.png"]})
    line = "Taken not as in the file, but as altered first (alpha dropped): a.png, b.png."
    assert line in said(saved, "en") and "透明度を破棄" in "".join(said(saved, "ja"))
    assert line in synthesis_page(folder, folder / "p.html").read_text()


def test_images_that_are_of_the_class_already_count_for_nothing(folder):
    there = {**NUMBERS, "was": "7", "already": True}
    saved = with_rows(folder, there, {**NUMBERS, "was": "3", "found": True})
    lines = said(saved, "en")
    assert "says <seven> already" in lines[0] and "3 turned into <seven>" in lines[1]
    assert "1 of 1 images" in lines[2] and lines[3].endswith("not counted: 1.")
    page = synthesis_page(folder, folder / "p.html").read_text()
    assert "already that class" in page and "not found" not in page


def test_many_images_are_not_all_said(folder):
    saved = with_rows(folder, *[{**NUMBERS, "was": "1"}] * 2)
    lines = said(structs.replace(saved, rows=saved.rows[:1] * 50), "en")
    assert len(lines) == 20 + 1 + 1 and "30 more" in lines[20]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(("name", "most"), [("SHOWN", 3), ("VALUES", 3 * 240)])
def test_a_page_of_many_images_shows_the_first_and_says_so(
    folder, monkeypatch, language, name, most
):
    monkeypatch.setattr(f"offmanifold.reports.synthesis.{name}", most)
    saved = read_json(folder / "synthesis.json")
    saved["rows"] = [{**saved["rows"][0], "name": f"image {i}"} for i in range(7)]
    one = read_tensors(folder / "images.safetensors")[0]
    tensors = {f"{i}/{c}": one[f"0/{c}"] for i in range(7) for c in saved["rows"][0]["columns"]}
    write_tensors(folder / "images.safetensors", tensors)
    write_json(folder / "synthesis.json", saved)
    page = synthesis_page(folder, folder / "p.html", language).read_text()
    assert Texts(language)("synthesis.part", shown=3, n=7) in page
    assert page.count("data:image/png") == 3 + 3 * 3
    assert "image 2" in page and "image 3" not in page


def test_diversity_and_what_the_classifier_loses_to_are_said(folder):
    number = {"value": 0.02, "low": 0.01, "high": 0.03, "n": 8}
    alone = {**number, "low": None, "high": None}
    lost = {"way": "ascent", "baseline": "bicubic", "difference": number}
    scores = {"errors": {"bicubic": number, "ascent": alone}, "lost": [lost]}
    diversity = {"made": 1.5, "real": 3.0, "n": 12, "classes": 2}
    with_rows(folder, NUMBERS, NUMBERS, use="superresolve", scores=scores, diversity=diversity)
    page = synthesis_page(folder, folder / "p.html").read_text()
    assert "1.5 apart" in page and "12 images, classes: 2" in page and "noise is far" in page
    assert "“classifier alone” loses to “bicubic”" in page and "0.02 [0.01, 0.03] (n = 8" in page
    assert "0.0200 [0.0100, 0.0300]</td>" in page and "0.0200</td>" in page


def test_of_a_few_images_it_is_said_that_nothing_is_said(folder):
    number = {"value": 0.02, "low": None, "high": None, "n": 1}
    scores = {"errors": {"bicubic": number}, "lost": [], "few": 1}
    numbers = {"class": "7", "probability": 0.25}
    saved = with_rows(folder, numbers, numbers, use="superresolve", scores=scores)
    page = synthesis_page(folder, folder / "p.html").read_text()
    for words in ("(n = 1)", "which way is better"):
        assert words in page and words in "".join(said(saved, "en")), words
    assert "優れているか" in "".join(said(saved, "ja"))


def test_values_that_are_texts_are_put_into_words():
    reason = Reason("synthesis.standard", {"model": "m", "regime": "bayes-aligned"})
    assert "m (regime: Bayes-aligned)" in sentence(reason, "en")
    assert "ベイズ整合" in sentence(reason, "ja")
    chance = Reason("synthesis.chance", {"model": "m", "accuracy": 0.125, "chance": None})
    assert "12.5 %" in sentence(chance, "ja") and "–" in sentence(chance, "ja")


def test_another_folder_is_refused(folder):
    write_json(folder / "synthesis.json", {"schema": "offmanifold.audit/1"})
    with pytest.raises(InputError, match="no made images"):
        synthesis_page(folder, folder / "p.html")
    with pytest.raises(InputError, match="fr"):
        synthesis_page(folder, folder / "p.html", "fr")


@pytest.mark.parametrize(
    ("p", "words"),
    [(0.9994, "p = 0.999"), (0.9996, "p > 0.999"), (1.0, "p > 0.999"), (1e-5, "p = 1e-05")],
)
def test_no_probability_is_rounded_to_one(folder, p, words):
    one = {"class": "7", "before": "1", "after": "7", "probability": p, "steps": 2}
    saved = with_rows(folder, one, one, use="inpaint")
    assert f"({words})" in said(saved, "en")[0]
    page = synthesis_page(folder, folder / "p.html").read_text()
    assert words.replace(">", "&gt;") in page and "p = 1<" not in page
    sure = "確率 0.999 超" in said(saved, "ja")[0]
    assert sure == (">" in words)


@pytest.mark.parametrize(("language", "words"), [("en", "up to rounding"), ("ja", "丸め")])
def test_block_means_hold_up_to_rounding(folder, language, words):
    with_rows(folder, NUMBERS, NUMBERS, use="superresolve")
    assert words in synthesis_page(folder, folder / "p.html", language).read_text()


def test_what_was_not_found_is_not_shown_as_a_result(folder):
    missed = {**NUMBERS, "class": "7", "was": "1"}
    saved = with_rows(folder, missed, {**missed, "found": True})
    page = synthesis_page(folder, folder / "p.html").read_text()
    first, second = page.split('<section class="card">')[1:]
    for words in ("aimed at 7", "not found", "<figcaption>last attempt"):
        assert words in first and words not in second, words
    assert "class 7" in second and "<figcaption>result" in second
    assert "more --steps may find one" in said(saved, "en")[0]

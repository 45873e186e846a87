"""The figure of a sweep."""

from pathlib import Path

import pytest
from matplotlib.colors import to_rgb

from offmanifold._core.errors import InputError
from offmanifold.reports import draw_sweep, fonts, sweep_figure
from offmanifold.reports.figures import COLOURS, GREY
from offmanifold.reports.sweep_figure import figure_of
from offmanifold.reports.sweep_summary import columns_of
from offmanifold.reports.texts import Texts
from offmanifold.sweeps.runs import read_sweep
from offmanifold.sweeps.summary import summarise
from sweep_runs import make_run, pgd


def test_the_figure_is_drawn_to_the_format_of_its_name(summary, tmp_path: Path):
    assert draw_sweep(summary, tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    assert b"<svg" in draw_sweep(summary, tmp_path / "f.svg").read_bytes()
    with pytest.raises(InputError, match=r"f\.jpg"):
        draw_sweep(summary, tmp_path / "f.jpg")


def words_of(figure) -> list[str]:
    figure.canvas.draw()
    return [t.get_text() for axes in figure.axes for t in axes.get_xticklabels()]


def test_the_standard_model_is_named_at_the_left_and_the_axis_broken(summary):
    figure = figure_of(list(columns_of(summary)), summary, Texts("en"))
    for axes in figure.axes:
        assert axes.get_xticklabels()[0].get_text() == "standard"
        first, second = axes.get_xticks()[:2]
        (breaks,) = {float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() != "o"}
        assert first < breaks < second == 0.1
    without = {**summary, "standard": None}
    assert "standard" not in words_of(figure_of(list(columns_of(without)), without, Texts("en")))


def test_the_legend_covers_nothing_that_is_drawn(summary):
    figure = figure_of(list(columns_of(summary)), summary, Texts("en"))
    figure.canvas.draw()
    for axes in figure.axes:
        legend = axes.get_legend()
        assert legend is not None
        assert legend.get_window_extent().y0 >= axes.get_window_extent().y1


def test_each_strength_is_beside_the_control_that_it_is_judged_by(tmp_path: Path):
    make_run(tmp_path, pgd(1.0), control=0.4)  # of noise; that of another image is 0.1
    make_run(tmp_path, pgd(2.0), control=0.05)
    summary = summarise(read_sweep(tmp_path))
    figure = figure_of(list(columns_of(summary)), summary, Texts("en"))
    lines = [line for axes in figure.axes for line in axes.lines]
    (drawn,) = [line for line in lines if line.get_color() == GREY and line.get_marker() == "o"]
    assert list(drawn.get_ydata()) == pytest.approx([0.4, 0.1])


def test_a_sweep_of_which_all_collapsed_is_drawn_without_a_warning(summary, tmp_path: Path):
    (method,) = summary["methods"]
    gone = [{**p, "measures": {}, "regime": {"name": "collapsed"}} for p in method["points"]]
    saved = {**summary, "methods": [{**method, "points": gone}]}
    assert draw_sweep(saved, tmp_path / "f.png").is_file()  # warnings are errors
    without = {**saved, "standard": None}
    assert draw_sweep(without, tmp_path / "g.png").is_file()
    figure = figure_of(list(columns_of(without)), without, Texts("en"))
    assert [p.get_facecolor()[:3] for p in figure.axes[0].patches] == [to_rgb(COLOURS["collapsed"])]


def test_an_svg_names_fonts_that_hold_japanese(summary, tmp_path: Path):
    text = draw_sweep(summary, tmp_path / "f.svg", "ja").read_text()
    assert "標準" in text
    assert text.count("'Noto Sans CJK JP'") == text.count("<text")


def test_a_picture_is_in_english_where_no_font_holds_japanese(summary, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_figure, "japanese_family", lambda: None)
    japanese = draw_sweep(summary, tmp_path / "ja.png", "ja").read_bytes()
    assert japanese == draw_sweep(summary, tmp_path / "en.png").read_bytes()


@pytest.mark.skipif(fonts.japanese_family() is None, reason="no Japanese font is installed")
def test_a_picture_in_japanese_has_every_glyph(summary, tmp_path: Path):
    japanese = draw_sweep(summary, tmp_path / "ja.png", "ja").read_bytes()  # warnings are errors
    assert japanese != draw_sweep(summary, tmp_path / "en.png").read_bytes()

"""Names of models, classes and data are text on pages and in figures, whatever they hold."""

import json
import re
from xml.etree import ElementTree

import pytest

from offmanifold._core.files import write_json
from offmanifold.reports import draw_sweep, report, sweep_page
from offmanifold.reports.figures import Dot, Line, accuracy, curves, scatter

NAMES = {
    "mathtext": "$x$ costs 5$",
    "broken mathtext": r"$\frac{1",
    "subscript": "a_{b}^{c}",
    "CSS": "font: 10px x; font-family: y",
    "an attribute": ' xmlns="z" <g id="q">',
    "a comment": "--> <!-- <metadata>m</metadata>",
    "a script": "</title></script><script>alert(1)</script>",
    "markup": "[bold]x[/x] {{ 7*7 }} {label}",
    "controls": "a\x1b[31m\x00\x9b\u202eb",
    "lines": "two\nlines",
    "a byte": "\udc83.png",
    "quotes": "\"'><img src=x onerror=alert(1)>",
}
NUMBER = {"value": 0.5, "low": 0.4, "high": 0.6}


def shown(name: str) -> str:
    """The name as a reader is to see it."""
    escapes = {"\x1b": r"\x1b", "\x00": r"\x00", "\x9b": r"\x9b", "\u202e": r"\u202e"}
    for character, escape in {**escapes, "\udc83": r"\x83", "\n": r"\n"}.items():
        name = name.replace(character, escape)
    return name


def texts(markup: str) -> str:
    """All text of an SVG or of a page that is XML, read by a parser of its own."""
    return "\n".join(ElementTree.fromstring(markup.replace("xlink:", "")).itertext())


def dot(name: str) -> Dot:
    return Dot(name, "#123456", NUMBER, NUMBER, NUMBER, NUMBER)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_in_figures(name):
    short = name[:20]
    for found in (
        accuracy([dot(short), dot("other")], name),
        scatter([dot(short), dot("other")], [name, "y"], name, share=True),
    ):
        assert shown(short)[:21] in texts(found)
    line = Line([0.5, 1], [NUMBER, NUMBER], "#123456", word=short)
    assert shown(short) in texts(curves([line], 1, 1, name, name, "salt"))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_on_pages(name, comparison, tmp_path):
    saved, other = json.loads(comparison.read_text())["audits"][:2]
    saved["label"] = saved["data"]["name"] = saved["model"]["spec"] = name
    saved["data"]["classes"] = [name] * len(saved["data"]["classes"])
    saved.pop("folder")
    write_json(tmp_path / "hostile" / "audit.json", saved)
    assert json.loads((tmp_path / "hostile/audit.json").read_text()) == saved
    for language in ("en", "ja"):
        page = report([tmp_path / "hostile", other], tmp_path / "page.html", language)
        html = page.read_text(encoding="utf-8")
        assert html.count("<script") == html.count("</script") == 1
        assert "<img src=x" not in html
        assert not re.search("[\x00\x1b\x9b\u202e]", html)
        title = re.search("<title>(.*?)</title>", html, re.S)
        assert title is not None
        assert "onerror" not in title[1] or "&gt;" in title[1]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_names_in_the_figure_of_a_sweep(name, summary, tmp_path):
    summary = json.loads(json.dumps(summary))
    for method in summary["methods"]:
        method["objective"] = method["strength"] = name
    for suffix in (".svg", ".png"):
        draw_sweep(summary, tmp_path / f"figure{suffix}")
    drawn = "".join(ElementTree.parse(tmp_path / "figure.svg").getroot().itertext())
    assert shown(name).split(r"\n")[0].replace("_", " ")[:8] in drawn.replace("_", " ")
    write_json(tmp_path / "summary.json", summary)
    html = sweep_page(tmp_path / "summary.json", tmp_path / "page.html").read_text("utf-8")
    assert "<script" not in html.replace("&lt;", "")

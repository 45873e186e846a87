"""The page: self-contained, the same every time, true to the audits, safe and complete."""

import json
import re
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_tensors, write_json, write_tensors
from offmanifold._core.reasons import Reason
from offmanifold.reports import report
from offmanifold.reports.catalogue import said

VOID = {"meta", "img", "input", "br", "path", "use"}


class Reader(HTMLParser):
    """Collects what a person reads, what is loaded, and the numbers with their saved values."""

    def __init__(self, html):
        super().__init__()
        self.stack, self.text, self.loads, self.numbers = [], [], [], []
        self.feed(html)
        assert self.stack == [], "tags that are not closed"

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.loads += [values[k] for k in ("src", "href", "xlink:href", "srcset") if k in values]
        self.loads += [tag] if tag in ("link", "iframe", "object", "embed") else []
        if tag == "data":
            self.numbers.append((values["value"], None))
        if tag not in VOID:
            self.stack.append((tag, values))

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.stack and self.stack[-1][0] == tag, f"</{tag}> closes {self.stack[-1:]}"
        self.stack.pop()

    def handle_data(self, data):
        tags = [tag for tag, _ in self.stack]
        if tags and tags[-1] == "data":
            self.numbers[-1] = (self.numbers[-1][0], data)
        if not {"style", "script", "code"} & set(tags):
            english = any(v.get("lang") == "en" for t, v in self.stack if t != "html")
            self.text.append((data, english))

    def said(self):
        return " ".join(text for text, _ in self.text)


def page(audits, tmp_path, language="en"):
    path = report(audits, tmp_path / f"report.{language}.html", language)
    return path.read_text(encoding="utf-8")


def load(folder: Path):
    return json.loads((folder / "audit.json").read_text())


def all_numbers(value):
    """Every number anywhere in saved JSON."""
    if isinstance(value, dict):
        return set().union(*map(all_numbers, value.values()), set())
    if isinstance(value, list):
        return set().union(*map(all_numbers, value), set())
    return {value} if isinstance(value, int | float) and not isinstance(value, bool) else set()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_is_loaded(comparison, tmp_path, language):
    html = page(comparison, tmp_path, language)
    for load in Reader(html).loads:
        assert load.startswith(("data:", "#")), load
    assert not re.search(r"https?://|@import|url\((?!#)|<link|<script[^>]*src", html)
    assert f'<html lang="{language}">' in html


def test_the_same_audits_give_the_same_bytes(comparison, tmp_path):
    assert page(comparison, tmp_path / "1") == page(comparison, tmp_path / "2")


def test_every_number_shown_is_the_saved_one(comparison, tmp_path):
    saved = all_numbers(json.loads(comparison.read_text()))
    shown = Reader(page(comparison, tmp_path)).numbers
    assert len(shown) > 300
    for value, text in shown:
        assert float(value) in saved, value
        plain = text.replace("−", "-").replace("+", "")
        if plain.endswith("%"):
            written, size = float(plain[:-2]), 100 * float(value)
        else:
            written, size = float(plain.replace("e-0", "e-")), float(value)
        places = {round(size, 3), round(100 * size, 1), round(size, 1)}
        close = written in places or abs(written - size) <= 0.006 * abs(size)
        assert close, (value, text)


def test_every_measure_is_shown_known_or_not(comparison, tmp_path):
    html = page(comparison, tmp_path)
    shown = {float(v) for v, _ in Reader(html).numbers}
    for audit in json.loads(comparison.read_text())["audits"]:
        for name, number in audit["measures"].items():
            assert f"<code>{name}</code>" in html
            assert all_numbers({k: number[k] for k in ("value", "low", "high", "n")}) <= shown
            values = {c["value"] for c in number.get("controls", {}).values()}
            assert values <= shown


FLAGS = re.compile(r"--[a-z-]+|offmanifold fit-manifold")


def test_japanese_page_has_no_english_but_names(comparison, tmp_path):
    reader = Reader(page(comparison, tmp_path, "ja"))
    allowed = {"erm", "pgd", "eps", "offmanifold", "distractor", "digits", "runs", "manifold"}
    allowed |= {"standard", "novel", "PGD", "log"}
    words = {
        word
        for text, english in reader.text
        if not english
        for word in re.findall(r"(?<![\w.-])[A-Za-z]{3,}", FLAGS.sub("", text))
    }
    assert words <= allowed, words - allowed


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["share of pixels deleted", "most", "least"]),
        ("ja", ["削除した画素の割合", "大", "小"]),
    ],
)
def test_deletion_is_a_figure_of_two_curves(make_audit, tmp_path, language, words):
    folder = make_audit(tmp_path / "a")
    audit = load(folder)
    for name in ("deletion.most", "deletion.least"):
        one = {**audit["curves"]["robustness.on"], "x_unit": "share of pixels", "title": name}
        audit["curves"][name] = one
    write_json(folder / "audit.json", audit)
    sections = page(folder, tmp_path, language).split("<section>")
    title = {"en": "Does the answer hang", "ja": "答えは勾配が示す画素"}[language]
    (section,) = [s for s in sections if f"<h2>{title}" in s]
    assert section.count("<svg") == 1
    for word in words:
        assert f">{word}</text>" in section
    step = {"en": "reference step", "ja": "基準の移動量"}[language]
    assert step not in section
    (other,) = [s for s in sections if step in s and "<svg" in s]
    assert other.count("<svg") == 1


def test_user_strings_are_escaped(make_audit, tmp_path):
    folder = make_audit(tmp_path / "a")
    audit = load(folder)
    evil = '<script>alert("$x^2$")</script>'
    audit["label"] = audit["data"]["name"] = audit["model"]["spec"] = evil
    audit["data"]["classes"] = [evil] * 10
    audit["regime"]["code"] = evil
    audit["skipped"] = {evil: {"code": evil, "values": {evil: evil}}}
    audit["settings"][evil] = audit["manifold"][evil] = evil
    audit["measures"]["accuracy.clean"]["title"] = evil
    audit["measures"]["alignment.cosine_posterior"]["controls"][evil] = {"value": 0.9}
    audit["measures"][evil] = {"value": 0.1, "title": evil, "unit": evil, "over": evil, "n": 1}
    audit["curves"][evil] = audit["curves"]["robustness.on"] | {"title": evil, "x_unit": evil}
    write_json(folder / "audit.json", audit)
    for language in ("en", "ja"):
        for audits in (folder, [folder, make_audit(tmp_path / "b")]):
            html = page(audits, tmp_path, language)
            assert "<script>alert" not in html and "&lt;script&gt;alert" in html
            Reader(html)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_missing_panels_are_said(make_audit, tmp_path, language):
    one, two = make_audit(tmp_path / "one"), make_audit(tmp_path / "two")
    (two / "panels.safetensors").write_bytes(b"broken")
    html = page([one, two], tmp_path, language)
    assert ("the pictures are missing" if language == "en" else "図がありません") in html
    assert html.count('class="pix cell') + html.count('class="pix"') > 20
    alone = page(two, tmp_path, language)
    assert ("no pictures to show" if language == "en" else "表示できる図がありません") in alone
    assert 'class="pix"' not in alone


def test_images_in_common_are_shown_for_all(make_audit, tmp_path):
    one, two = make_audit(tmp_path / "one"), make_audit(tmp_path / "two")
    tensors, _ = read_tensors(two / "panels.safetensors")
    kept = [7, 3, 5]
    write_tensors(two / "panels.safetensors", {k: v[kept] for k, v in tensors.items()})
    html = page([one, two], tmp_path)
    assert "3 in all" in html
    rows = re.findall(r"<tr>\n<td><img.*?</tr>", html, flags=re.S)
    assert len(rows) == 3
    for row in rows:  # the same model and image twice: the same picture twice
        images = re.findall(r'src="(data:[^"]+)"', row)
        assert images[2:5] == images[5:8]


def test_null_is_a_dash_with_its_reason(make_audit, tmp_path):
    folder = make_audit(tmp_path / "a")
    audit = load(folder)
    null = {"value": None, "low": None, "high": None}
    audit["measures"]["robustness.change_ratio"] |= null
    audit["skipped"]["robustness.change_ratio"] = asdict(Reason("missing.zero_denominator"))
    audit["measures"]["accuracy.pgd_l2"] |= null
    write_json(folder / "audit.json", audit)
    html = page([folder, make_audit(tmp_path / "b")], tmp_path)
    dash = '<span class="none">–</span><span class="why">'
    assert f"{dash}its denominator is zero" in html
    assert f"{dash}no reason was saved" in html
    assert "NaN" not in html and "None" not in html and ">nan" not in html


def test_the_ceiling_stands_beside_the_cosine_and_a_low_one_is_named(make_audit, tmp_path):
    folder = make_audit(tmp_path / "a")
    audit = load(folder)
    assert "two estimates agree" not in page(folder, tmp_path)
    for value, unreliable in ((0.62, False), (0.41, True)):
        ceiling = {"value": value, "low": value - 0.02, "high": value + 0.02}
        audit["measures"]["alignment.cosine_posterior"]["ceiling"] = ceiling
        write_json(folder / "audit.json", audit)
        html = page(folder, tmp_path)
        assert "ceiling: two estimates agree at" in html
        assert ("the target is unreliable" in html) is unreliable


def test_summary_follows_the_regimes(comparison, make_audit, models, tmp_path):
    said = Reader(page(comparison, tmp_path)).said()
    assert "4 models were compared" in said
    assert re.search(r"A place to start: pgd-1.0.*75\.0\s%.*97\.5\s%", said)
    audits = [make_audit(tmp_path / m[0], m) for m in (models[0], models[3])]
    said = Reader(page(audits, tmp_path)).said()
    assert "A place to start" not in said and "None of the models is sound" in said
    assert "between the weak and the excessive" in said
    assert "Collapsed:" not in said


def test_what_a_reader_must_know_is_said_first(make_audit, tmp_path):
    folder = make_audit(tmp_path / "a", independent=False)
    audit = load(folder)
    audit["measures"]["alignment.cosine_posterior"]["zero_gradients"] = 17
    audit["manifold"]["usable"] = False
    write_json(folder / "audit.json", audit)
    other = make_audit(tmp_path / "b")
    changed = load(other)
    changed["data"]["fingerprint"] = "other"
    changed["manifold"]["hash"] = "other"
    write_json(other / "audit.json", changed)
    html = page([folder, other], tmp_path)
    red = re.search(r'<div class="warn red">.*?</div>', html, flags=re.S)
    assert red and "not independent" in red[0] and "not made on the same data" in red[0]
    assert "did not pass" in red[0]
    assert "17 images have a zero gradient" in html
    assert "different manifolds" in html
    assert '<td class="red">no</td>' in html


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    "options",
    [
        {"manifold": False},
        {"labels": False, "masks": False},
        {"shape": (3, 40, 24)},
        {"shape": (2, 9, 9)},
        {"shape": (5, 12, 9), "classes": 300},
        {"classes": 2},
    ],
    ids=str,
)
def test_other_data_make_a_whole_page(make_audit, tmp_path, options, language):
    html = page(make_audit(tmp_path / "a", **options), tmp_path, language)
    Reader(html)
    if options.get("manifold") is False:
        assert said(Reason("lacks.manifold"), language) in html
    if options.get("classes") == 2:
        wanted = "the first saved images of each class in turn, 8" if language == "en" else "8 枚"
        assert wanted in html
    if options.get("labels") is False:
        assert ("Accuracy was not measured" if language == "en" else "正解率は測定して") in html


def test_large_images_stay_within_a_sensible_size(make_comparison, models, tmp_path):
    path = make_comparison(tmp_path, models[:2], shape=(3, 224, 224), masks=False)
    assert len(page(path, tmp_path)) < 12e6


def test_nine_models(make_comparison, models, tmp_path):
    html = page(make_comparison(tmp_path, models), tmp_path)
    assert html.count('<article class="card') == 9
    assert len(html) < 2e6


def test_unknown_language_and_unwritable_place(comparison, tmp_path):
    with pytest.raises(InputError, match="language"):
        report(comparison, tmp_path / "x.html", language="de")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        report(comparison, tmp_path / "file" / "x.html")


def test_a_bare_audit_makes_a_page(tmp_path):
    bare = {"schema": "offmanifold.audit/1", "measures": {}}
    assert "Uncertain" in Reader(page(bare, tmp_path)).said()
    new = {**bare, "regime": {"name": "a new one", "reason": "x"}}
    said = Reader(page([bare, new], tmp_path, "ja")).said()
    assert "model" in said
    assert "model (2)" in said

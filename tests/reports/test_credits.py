"""Rankings that a fake manifold shares are told in words, as they were saved, in both languages."""

import json
from pathlib import Path

import pytest

from offmanifold._core.files import write_json
from offmanifold.reports import report, uncredited
from offmanifold.reports.credits import MOST
from offmanifold.reports.sources import load

GOLDEN = Path(__file__).parents[1] / "golden"


def number(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.2}


def pair(label: str, against: str, value: float, **fakes: float) -> dict:
    """Return a pair as compare.json holds it; fakes: their difference, shared where not smaller."""
    sign = 1 if value > 0 else -1
    found = {
        name: {
            "difference": number(own),
            "beyond": number(value - own),
            "shares": sign * own >= sign * value,
        }
        for name, own in fakes.items()
    }
    credited = not any(fake["shares"] for fake in found.values())
    named = {"label": label, "against": against}
    return {**named, "difference": number(value), "fakes": found, "credited": credited}


def test_a_sentence_names_the_higher_first_and_the_fakes_that_share():
    (said,) = uncredited([pair("a", "b", 0.3, low_pass=0.4, global_pca=0.1)])
    assert said.startswith("a has more of its gradient on the manifold than b (+0.300 [+0.200, ")
    assert "(low frequencies +0.400 [+0.300, +0.600])" in said
    assert "principal" not in said
    (said,) = uncredited([pair("a", "b", -0.3, low_pass=-0.4, global_pca=-0.5)])
    assert said.startswith("b has more of its gradient on the manifold than a (+0.300 [+0.100, ")
    assert "global principal components +0.500" in said


def test_credited_pairs_are_silent_and_many_are_counted():
    assert uncredited([]) == uncredited([pair("a", "b", 0.3, low_pass=0.1)]) == []
    pairs = [pair(f"m{i}", "b", 0.3, low_pass=0.3) for i in range(MOST + 3)]
    assert len(uncredited(pairs[:MOST])) == MOST
    said = uncredited(pairs)
    assert len(said) == MOST + 1
    assert "3 more pairs" in said[-1]


def test_a_fake_without_a_number_is_a_dash():
    unknown = pair("a", "b", -0.3, low_pass=-0.4)
    unknown["fakes"]["low_pass"]["difference"] = dict.fromkeys(("value", "low", "high"))
    assert "(low frequencies – [–, –])" in uncredited([unknown])[0]


@pytest.mark.parametrize(
    ("language", "warned", "noted"),
    [
        ("en", "not clearly smaller (low frequencies +0.400", "Of the 2 pairs of models"),
        ("ja", "明らかに小さいとはいえません（低周波 +0.400", "組は 2 組あり、そのうち 1 組"),
    ],
)
def test_the_page_warns_of_what_was_saved(comparison, tmp_path, language, warned, noted):
    saved = json.loads(comparison.read_text())
    bare = report(saved, tmp_path / "bare.html", language).read_text()
    assert warned not in bare
    assert noted not in bare
    saved["credit"] = [
        pair("pgd-1.0", "standard", 0.3, low_pass=0.4, global_pca=0.1),
        pair("pgd-3.0", "standard", 0.3, low_pass=0.1, global_pca=0.1),
    ]
    write_json(tmp_path / "compare.json", saved)
    text = report(tmp_path, tmp_path / "page.html", language).read_text()
    assert warned in text
    assert noted in text


def test_an_older_comparison_holds_none():
    assert "credit" not in json.loads((GOLDEN / "compare.json").read_text())
    assert load(GOLDEN / "compare.json").credit == []

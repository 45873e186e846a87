"""Which differences between models a comparison does not credit to the manifold, in sentences."""

from collections.abc import Sequence
from typing import Any

from offmanifold.reports import writing
from offmanifold.reports.texts import Texts

MOST = 10  # sentences: the pairs of a sweep are many, and compare.json lists them all


def uncredited(credit: Sequence[dict[str, Any]], language: str = "en") -> list[str]:
    """Return a sentence for each pair of models whose ranking a fake manifold shares.

    credit: that of compare.json. Of more than MOST pairs, the first and the number of the rest.
    """
    t = Texts(language)
    pairs = [pair for pair in credit if not pair["credited"]]
    said = [_sentence(pair, t) for pair in pairs[:MOST]]
    left = len(pairs) - len(said)
    return [*said, t("warn.uncredited_more", n=left)] if left else said


def credit_note(credit: Sequence[dict[str, Any]], t: Texts) -> list[str]:
    """Say of how many pairs the ranking is credited to the manifold; nothing where none differs."""
    credited = sum(pair["credited"] for pair in credit)
    return [t("notes.credit", n=len(credit), credited=credited)] if credit else []


def _sentence(pair: dict[str, Any], t: Texts) -> str:
    """Return the sentence of one pair, the model with the larger fraction first."""
    falls = pair["difference"]["value"] < 0
    high, low = ("against", "label") if falls else ("label", "against")
    shared = [
        f"{t.name('fake', name)} {_written(fake['difference'], falls)}"
        for name, fake in pair["fakes"].items()
        if fake["shares"]
    ]
    return t(
        "warn.uncredited",
        high=pair[high],
        low=pair[low],
        difference=_written(pair["difference"], falls),
        fakes=t("and").join(shared),
    )


def _written(number: dict[str, Any], negated: bool) -> str:
    """Write "+0.240 [+0.200, +0.280]", negated where the models change places."""
    found = [number[key] for key in ("value", "low", "high")]
    if negated:
        value, low, high = (None if v is None else -v for v in found)
        found = [value, high, low]
    value, low, high = map(writing.signed, found)
    return f"{value} [{low}, {high}]"

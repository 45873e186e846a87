"""Every text of pages and tables, by key and language: the rooms of texts put together."""

from typing import Any

from markupsafe import Markup

from offmanifold._core.errors import unknown_name
from offmanifold.reports.catalogue import languages, translated
from offmanifold.reports.drawn_texts import DRAWN
from offmanifold.reports.named_texts import NAMED
from offmanifold.reports.recommendation_texts import RECOMMENDED
from offmanifold.reports.summary_texts import SUMMARY
from offmanifold.reports.sweep_texts import SWEEP
from offmanifold.reports.synthesis_texts import SYNTHESIS
from offmanifold.reports.table_texts import TABLE

TEXTS: dict[str, str] = {
    **SUMMARY,
    **DRAWN,
    **TABLE,
    **NAMED,
    **SWEEP,
    **RECOMMENDED,
    **SYNTHESIS,
}
"""{key: English}."""


class Texts:
    """The texts of one language: `texts("key", n=3)`."""

    def __init__(self, language: str):
        if language not in languages():
            raise unknown_name("language", language, languages())
        self.language = language

    def __contains__(self, key: str) -> bool:
        return key in TEXTS

    def __call__(self, key: str, **values: Any) -> str:
        """Return the text of a key, its {fields} filled in."""
        text = self.said(TEXTS[key])
        return text.format(**values) if values else text

    def html(self, key: str, **values: Any) -> Markup:
        """Return the text with its {fields} filled in, escaped unless they are Markup."""
        return Markup(self.said(TEXTS[key])).format(**values)

    def name(self, group: str, name: str) -> str:
        """Return the text of `group.name`, or the name itself, in words, where there is none."""
        key = f"{group}.{name}"
        return self(key) if key in TEXTS else name.replace("_", " ")

    def said(self, english: str) -> str:
        """Return an English text in this language, as it is where the catalogue lacks it."""
        return translated(english, self.language) or english

    def knows(self, english: str) -> bool:
        """Whether an English text can be said in this language."""
        return translated(english, self.language) is not None

"""The page: what the audits say, arranged for a reader, and written as one HTML file."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from offmanifold._core.files import PAGES, check_suffix, target, write_text
from offmanifold._core.visible import visible_page
from offmanifold.reports import cards, drawn, figures, full, summary
from offmanifold.reports.credits import credit_note, uncredited
from offmanifold.reports.panels import gallery, strip
from offmanifold.reports.settings import blocks_of_settings
from offmanifold.reports.sources import Sources, load
from offmanifold.reports.texts import Texts


def report(audits: Any, out: Path | str, language: str = "en") -> Path:
    """Write one self-contained HTML page about saved audits, and return its path.

    `audits`: audit folders, loaded `audit.json` dictionaries, objects with `.json` and `.folder`,
    or a `compare.json`; one or a list. `language` is "en" or "ja". The same audits give the same
    bytes. Raises InputError for an unknown language, an unreadable audit, an unwritable place or a
    name that is not that of a page (.html).
    """
    check_suffix(Path(out), PAGES, "a page")
    t = Texts(language)
    html = render(load(audits), t)
    write_text(target(Path(out)), visible_page(html))
    return Path(out)


def render(sources: Sources, t: Texts) -> str:
    """Return the page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    audits = sources.audits
    pictures = gallery(audits, t)
    return environment.get_template("page.html.jinja").render(
        t=t,
        colours=figures.COLOURS,
        audits=audits,
        first=audits[0].json,
        data_line=summary.data_line(audits[0], t),
        strip=strip(audits),
        says=summary.says(audits, t),
        warnings=[
            *summary.warnings(audits, pictures, t),
            *(("amber", said) for said in uncredited(sources.credit, t.language)),
        ],
        models=cards.models(audits, t),
        pictures=pictures,
        curves=drawn.curves(audits, t),
        accuracy=drawn.accuracy(audits, t),
        groups=full.groups(audits, t),
        differences=full.differences(sources, t),
        skipped=full.skipped(audits, t),
        settings=blocks_of_settings(audits, t),
        notes=[*summary.notes(audits, t), *credit_note(sources.credit, t)],
    )

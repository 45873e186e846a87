"""How the commands that make images say what they made, and where."""

from pathlib import Path

from msgspec import to_builtins

from offmanifold._core.log import note
from offmanifold._core.reasons import Reason
from offmanifold.cli.base import print_json
from offmanifold.cli.synthesis_options import Options
from offmanifold.synthesis.gallery import Gallery
from offmanifold.synthesis.presentation import Presentation

PAGE = "index.html"


def presented(options: Options) -> Presentation:
    """Return a presentation in the language asked for, with a page."""
    from offmanifold.reports.synthesis import sentence, synthesis_page

    def words(reason: Reason) -> str:
        return sentence(reason, options.language)

    def page(folder: Path) -> None:
        synthesis_page(folder, folder / PAGE, options.language)

    return Presentation(words, page)


def say(gallery: Gallery, options: Options) -> None:
    """Print what was made, as JSON if asked for, and say what came of it."""
    from offmanifold.reports.synthesis import said

    folder, record = gallery.folder, gallery.record
    if options.json:
        made = [{"name": row.name, **to_builtins(row.numbers)} for row in record.rows]
        saved = to_builtins(record)
        together = {key: saved[key] for key in ("diversity", "scores") if key in saved}
        mode = record.config["mode"]
        print_json({"folder": str(folder), "mode": mode, "made": made, **together})
    for line in said(record, options.language):
        note(line)
    note(f"{len(record.rows)} made, in {folder}; page: {(folder / PAGE).resolve()}")

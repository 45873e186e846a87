"""Every text is used; test_catalogue.py holds them against the catalogues."""

from pathlib import Path

import offmanifold.reports.texts as module
from offmanifold.reports.texts import TEXTS


def test_each_text_is_used():
    folder = Path(module.__file__).parent
    files = [*folder.rglob("*.py"), *folder.rglob("*.jinja")]
    source = "".join(f.read_text() for f in files if not f.name.endswith("texts.py"))
    built = (
        "regime plain says card control key gradient split group over unit settings glossary "
        "masked curves deletion fake ceiling"
    )
    some = ("pictures.gradient", "pictures.tangent", "pictures.normal", "table.", "colour.")
    some += (
        "sweep.boundary.",
        "sweep.here.",
        "sweep.everywhere.",
        "sweep.nowhere.",
        "sweep.unknown.",
        "sweep.first.",
        "sweep.last.",
        "sweep.shown.",
        "recommend.",
        "explains.",
        *(f"synthesis.{part}." for part in ("title", "intro", "mode", "column", "number", "warn")),
        *(f"synthesis.{part}." for part in ("said", "regime", "altered")),
    )
    for key in TEXTS:
        named = f'"{key}"' in source or key.startswith(some)
        assert named or key.split(".")[0] in built.split(), f"{key} is not used"

"""The words that the sources mark for translation, and catalogues made of them.

`python tests/words.py` brings every catalogue up to date with the sources: new words stand there
without a translation, those that are used no longer are gone. tests/reports/test_catalogue.py says
which words a language lacks.
"""

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

PACKAGE = Path(__file__).resolve().parents[1] / "src/offmanifold"
LOCALES = PACKAGE / "reports/locale"


def marked() -> set[str]:
    """Return every text that a source marks by `N_`."""
    found = extract_from_dir(PACKAGE, method_map=[("**.py", "python")], keywords={"N_": None})
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def write_catalogue(path: Path, language: str, words: dict[str, str]) -> None:
    """Write the catalogue of a language, in the order of its English words."""
    catalogue = Catalog(
        locale=language,
        project="offmanifold",
        version="0.1",
        charset="utf-8",
        fuzzy=False,
        header_comment="# Words of offmanifold; `python tests/words.py` keeps them up to date.",
    )
    for text in sorted(words):
        catalogue.add(text, words[text])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=100, omit_header=False, sort_output=True)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    passing = ('"POT-', '"PO-Rev', '"Last-', '"Language-Team', '"Report-', '"Generated-')
    kept = "".join(line for line in lines if not line.startswith(passing))
    path.write_text(kept, encoding="utf-8")


def read_words(path: Path) -> dict[str, str]:
    """Return {English: translation} of a catalogue."""
    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id}


if __name__ == "__main__":
    for path in LOCALES.glob("*/LC_MESSAGES/offmanifold.po"):
        known = read_words(path)
        language = path.parents[1].name
        write_catalogue(path, language, {text: known.get(text, "") for text in marked()})

"""What README and docs say is so: code runs, commands parse, both languages say the same."""

import contextlib
import importlib
import io
import re
import shlex
import tempfile
import types
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import tyro
from PIL import Image

import offmanifold as om
from offmanifold.cli import COMMANDS
from offmanifold.cli.subcommands import CONFIG
from offmanifold.manifolds import Denoiser, ManifoldCard, low_pass
from offmanifold.measures import measures
from offmanifold.objectives import objectives

ROOT = Path(__file__).parents[1]
README = {"en": "README.md", "ja": "README.ja.md"}
PAGES = {"en": sorted((ROOT / "docs").glob("*.md")), "ja": sorted((ROOT / "docs/ja").glob("*.md"))}
OWN = ("python.md", "extending.md", "contributing.md", "changelog.md", "index.md")
"""In English alone, or lists of pages."""


def told(language: str) -> str:
    """Return the README and all pages of the documents in a language."""
    pages = [p for p in PAGES[language] if p.name not in OWN]
    return "\n".join(p.read_text("utf-8") for p in (ROOT / README[language], *pages))


ENGLISH, JAPANESE = told("en"), told("ja")
TEXTS = [
    *("README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE"),
    *("Makefile", "pyproject.toml", "constraints.txt"),
]

MODEL = """
import torch

CLASSES = ["dark", "bright"]  # not the order of the folders


class Brightness(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        excess = self.scale * (x - 0.5).mean((1, 2, 3))
        return torch.stack([-excess, excess], 1)


def make():
    return Brightness()
"""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def command_lines(text: str) -> list[str]:
    """Return every line of a console block that begins with `offmanifold`."""
    lines = "".join(blocks(text, "console")).splitlines()
    return [line for line in lines if line.startswith("offmanifold ")]


def spoken_lines(text: str) -> list[str]:
    """Return commands in running text: `offmanifold …` between backticks."""
    return [found for found in re.findall(r"`(offmanifold [^`]+)`", text) if "…" not in found]


def without_language(line: str) -> str:
    return re.sub(r" --language ja", "", line)


def parse(line: str) -> str:
    """Parse a command line without running it; returns the help if it asks for it."""
    argv = shlex.split(line)[1:]
    argv = [next(iter(COMMANDS)) if a == "COMMAND" else a for a in argv]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = 0
        try:
            all_of_them = {name: command.load() for name, command in COMMANDS.items()}
            tyro.extras.subcommand_cli_from_dict(all_of_them, args=argv, config=CONFIG)
        except SystemExit as stop:
            code = stop.code
    assert not code, f"{line}\n{printed.getvalue()}"
    return printed.getvalue()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on several threads, far slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with photos/, model.py and best.pth, as the README assumes them."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name, level in (("bright", 170), ("dark", 85)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.clip(generator.normal(level, 20, (8, 8)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "model.py").write_text(MODEL)
    torch.save({"scale": torch.tensor(20.0)}, tmp_path / "best.pth")
    return tmp_path


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["en", "ja"])
def test_the_five_lines_run(text: str, photos: Path, monkeypatch: pytest.MonkeyPatch):
    tiny = Denoiser(width=4, depth=1, steps=2)
    monkeypatch.setattr(om, "fit_manifold", partial(om.fit_manifold, estimator=tiny, show=False))
    (code,) = dict.fromkeys(
        b for b in blocks(text, "python") if "om.load_model" in b and "report" in b
    )
    assert len([line for line in code.splitlines() if "=" in line or "report" in line]) == 5
    names: dict = {}
    exec(compile(code, "README", "exec"), names)
    assert names["audit"]["accuracy.clean"].value == 1.0  # by name: the orders differ
    page = (photos / "report.html").read_text("utf-8")
    assert ("正解率" in page) == (text is JAPANESE)
    (attacked,) = [b for b in blocks(text, "python") if "robust_accuracy" in b]
    exec(compile(attacked, "docs", "exec"), names)
    assert names["found"].robust.shape == names["y"].shape


def test_the_python_page_runs(photos: Path, monkeypatch: pytest.MonkeyPatch):
    card = ManifoldCard("m", "h", (1, 8, 8), sigma=0.25, dimension=5.0)
    monkeypatch.setattr(om, "fit_manifold", lambda data: low_pass(card, 5))
    short = om.SweepConfig(
        recipe=om.Recipe(epochs=1), manifold="none", audit=om.AuditConfig(limit=4)
    )
    for name in ("sweep", "recommend"):
        monkeypatch.setattr(om, name, partial(getattr(om, name), config=short))
    monkeypatch.setattr(om, "recommend", partial(om.recommend, wanted="accuracy.clean"))
    names: dict = {}
    for block in blocks((ROOT / "docs/python.md").read_text("utf-8"), "python"):
        known = block.replace("alignment.cosine_posterior", "alignment.on_manifold_fraction")
        exec(compile(known, "python.md", "exec"), names)
    assert [point["value"] for point in names["points"]] == [0.5, 1]
    assert names["best"].saved["tried"]
    assert names["share"].shape == (4,)


def test_the_readmes_are_a_first_screen():
    for name in README.values():
        text = (ROOT / name).read_text("utf-8")
        assert len(text.splitlines()) <= 120, name
    first = re.search(r"^`offmanifold` .*?\.$", ENGLISH, re.M | re.S)
    assert first is not None and len(first.group(0).split()) <= 25


@pytest.mark.parametrize(
    "line",
    dict.fromkeys(
        [*(c for t in (ENGLISH, JAPANESE) for c in (*command_lines(t), *spoken_lines(t)))]
    ),
)
def test_a_command_that_is_named_parses(line: str):
    asks_for_help = "--help" in line
    assert ("usage:" in parse(line)) == asks_for_help


def test_parsing_sees_a_wrong_flag():
    with pytest.raises(AssertionError, match="no-such-flag"):
        parse("offmanifold train --no-such-flag 3")


def test_every_command_has_an_example():
    assert {line.split()[1] for line in command_lines(ENGLISH)} == set(COMMANDS)


def test_flags_in_running_text_exist():
    asked = [*COMMANDS, *(f"train {name.replace('_', '-')}" for name in objectives)]
    known = "".join(parse(f"offmanifold {name} --help") for name in asked)
    for text in (ENGLISH, JAPANESE):
        for flag in re.findall(r"`(--[a-z-]+)", text):
            assert flag in known, flag


def test_both_languages_have_the_same_parts():
    def levels(text: str) -> list[str]:
        return re.findall(r"^(#+) ", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)

    def rows(text: str) -> int:
        return len(re.findall(r"^\|", text, re.M))

    def links(text: str) -> set[str]:
        found = {
            re.sub(r"^(\.\./)+|^docs/(ja/)?", "", a) for a in re.findall(r"\]\((\S+?)\)", text)
        }
        return found - {"README.md", "README.ja.md"}

    assert levels(ENGLISH) == levels(JAPANESE)
    assert rows(ENGLISH) == rows(JAPANESE)
    assert links(ENGLISH) == links(JAPANESE)
    english, japanese = (
        {without_language(c) for c in (*command_lines(t), *spoken_lines(t))}
        for t in (ENGLISH, JAPANESE)
    )
    assert english == japanese


def test_every_measure_is_explained_in_both_languages():
    explained = [name for name in measures if not name.endswith("_l2") or "pgd" in name]
    for text in (ENGLISH, JAPANESE):
        assert [name for name in explained if f"`{name}`" not in text] == []
    groups = "accuracy|alignment|robustness|signal|deletion|output"
    named = set(re.findall(rf"`((?:{groups})\.\w+)`", ENGLISH))
    assert named <= set(measures)


def test_every_link_inside_the_repository_leads_somewhere():
    pages = [*PAGES["en"], *PAGES["ja"]]
    for path in (ROOT / "README.md", ROOT / "README.ja.md", ROOT / "CONTRIBUTING.md", *pages):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text("utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_public_names_can_be_imported_and_say_what_they_are():
    package = importlib.import_module("offmanifold")
    for name in package.__all__:
        public = getattr(package, name)
        assert (public.__doc__ or "").strip(), f"{name} has no docstring"
        if not isinstance(public, types.ModuleType):
            assert not public.__doc__.startswith(f"{name}("), f"{name}: written by dataclass"
    assert len(set(package.__all__)) == len(package.__all__)


def test_no_text_names_a_place_outside_the_repository():
    texts = [ROOT / name for name in TEXTS]
    texts += [*(ROOT / "src").rglob("*.py"), *PAGES["en"], *PAGES["ja"]]
    texts += [path for path in (ROOT / "results").rglob("*") if path.suffix in (".md", ".py")]
    places = [str(ROOT), str(Path.home()), tempfile.gettempdir(), "/home/"]
    for path in texts:
        text = path.read_text("utf-8")
        outside = places if path.parts[-2] in ("docs", "ja") else [*places, "../"]
        for place in outside:
            assert f"{place.rstrip('/')}/" not in text, path

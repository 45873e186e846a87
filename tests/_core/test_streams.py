"""A command says what it can, wherever its words go, and loses nothing that it makes."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from offmanifold._core.errors import InputError
from offmanifold._core.log import note
from offmanifold._core.progress import bar, live_table
from offmanifold._core.streams import Steady, encodable, results_alone
from offmanifold.cli.base import print_json, print_line, print_table
from offmanifold.cli.main import guarded, main

NAMES = ["犬 × ≤ σ", "[best] run", "[/x]", ":smile:", "\x1b[31mred\nline", "\u202eexe", "\udc83"]
ENCODINGS = ["ascii", "cp932", "cp1252", "latin-1", "shift_jis", "koi8-r", "utf-8"]
FILE = Path("made.txt")


def console(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def said(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)  # type: ignore[attr-defined]


def say_everything() -> int:
    print_table(["a [/head]", "−1"], [[name, "−0.5"] for name in NAMES])
    print_json({name: name for name in NAMES})
    for name in NAMES:
        print_line(name)
        note(name)
        with bar(name, 2) as progress:
            progress.advance(**{"[/n]": 1.0})
    with live_table(NAMES) as show:
        for name in NAMES:
            show(name, "failed", name)
    raise InputError("; ".join(NAMES))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_and_numbers_on_a_console_of_any_encoding(encoding, monkeypatch):
    out, err = console(encoding), console(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert guarded(say_everything) == 2
    for text in (said(out), said(err)):
        for name in ("[best] run", "[/x]", ":smile:", r"\x1b[31mred\nline", r"\u202eexe", r"\x83"):
            assert name in text or name in text.replace("\\\\", "\\")
        assert "\x1b" not in text
    assert any(f"{minus}0.5" in said(out) for minus in "-−－")
    assert "error: " in said(err)
    assert "bug" not in said(err)


def test_a_table_on_a_terminal_moves_by_names_as_they_are(monkeypatch):
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with live_table(NAMES, done=NAMES[:1]) as show:
        show(NAMES[2], "failed", "[/y]")
    for name in ("[best] run", "[/x]", "[/y]", r"\x1b[31mred", r"\u202eexe"):
        assert name in screen.getvalue()


@pytest.mark.parametrize(
    ("text", "encoding", "written"),
    [
        ("−0.5 ≤ ρ", "cp1252", "-0.5 <= rho"),
        ("é × 犬", "ascii", "e x ?"),
        ("σ ≤ 犬", "cp932", "σ <= 犬"),
        ("┏━┓│", "ascii", "+-+|"),
        ("\udc83", "utf-8", "?"),
        ("σ", None, "σ"),
    ],
)
def test_the_nearest_characters_are_written(text, encoding, written):
    assert encodable(text, encoding) == written


class Failing(io.StringIO):
    encoding = "utf-8"

    def __init__(self, error: Exception):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("closed")])
def test_what_is_made_after_a_stream_has_failed_is_made(error, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", Failing(error))

    def run() -> int:
        print("numbers")
        FILE.write_text("all of it")
        print("more numbers")
        return 0

    assert guarded(run) == 1
    assert FILE.read_text() == "all of it"
    assert "error: stdout cannot be written" in capsys.readouterr().err


def test_a_stderr_that_fails_stops_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Failing(OSError(28, "full")))

    def run() -> int:
        note("a line")
        with bar("training", 1) as progress:
            progress.advance()
        print("numbers")
        return 0

    assert guarded(run) == 0
    assert capsys.readouterr().out == "numbers\n"


def test_streams_that_were_closed_before_the_start(monkeypatch):
    def quiet() -> int:
        note("a line")
        return 0

    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert guarded(quiet) == 0
    assert guarded(lambda: print("numbers") or 0) == 1
    assert (sys.stdout, sys.stderr) == (None, None)


def test_streams_are_given_back(capsys):
    before = sys.stdout, sys.stderr
    assert main(["nothing"]) == 2
    assert (sys.stdout, sys.stderr) == before
    assert Steady(sys.stdout).isatty() is False


SHELL = {  # what follows the command line: its exit code, the beginning of what it says
    "info --json >&-": (1, "error: stdout cannot be written"),
    "--help > /dev/full": (1, "error: stdout cannot be written"),
    "nothing >&- <&-": (2, "error: unknown command"),
    "info 2>&-": (0, ""),
}


@pytest.mark.parametrize("line", SHELL)
def test_a_shell_that_closes_a_stream(line):
    if "/dev/full" in line and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    command = f'"$0" -c "from offmanifold.cli.main import entry; entry()" {line}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, text=True, timeout=120
    )
    code, begins = SHELL[line]
    assert done.returncode == code
    assert done.stderr.startswith(begins)
    assert done.stderr.count("\n") == bool(begins)


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
@pytest.mark.parametrize("line", [["train", "--help"], ["train", "--é犬\x1b"]])
def test_help_and_errors_of_the_parser_in_any_encoding(line, encoding, monkeypatch):
    out, err = console(encoding), console(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(line) == (0 if "--help" in line else 2)
    assert "\x1b" not in said(out) + said(err)
    assert "bug" not in said(err)


def test_a_bug_is_told_where_no_folder_takes_a_log(monkeypatch, capsys):
    def run() -> int:
        raise KeyError("[/x]\n\x1b")

    def none(*_, **__):
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", none)
    assert guarded(run) == 1
    found = capsys.readouterr().err
    assert "bug: KeyError" in found and "test_streams.py, line" in found
    assert found.count("\n") == 1


def test_a_traceback_of_odd_names_is_logged(capsys):
    def run() -> int:
        raise ValueError("犬\udc83")

    assert guarded(run) == 1
    log = Path(capsys.readouterr().err.partition("traceback: ")[2].strip()[:-1])
    assert "犬" in log.read_text(encoding="utf-8")
    log.unlink()


def test_what_a_model_prints_does_not_reach_stdout(capsys):
    with results_alone():
        print("from a forward pass")
        print_json({"a": 1})
        print_line("a line")
        print_table(["x"], [["y"]])
    out, err = capsys.readouterr()
    assert err == "from a forward pass\n"
    assert out.startswith('{\n "a": 1\n}\na line\n')

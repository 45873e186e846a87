"""What all tests share: one tiny workplace, made once, in which every command has run."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import torchvision_without_cuda  # noqa: F401
from offmanifold._core import precision
from offmanifold._core.log import notes_printed
from offmanifold.cli.main import main

torch.set_num_threads(1)  # tests share the machine; threads that wait for one another crawl

FP32 = ["--precision", "fp32"]
TINY = ["--epochs", "3", "--batch-size", "64", *FP32]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--other-processor", action="store_true", help="with bf16 if here is none")


@pytest.fixture(scope="session", autouse=True)
def processor(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the processor for one of the other kind, with bf16 or without, where that is asked."""
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("--other-processor"):
            other = not precision.has_bf16("cpu")
            patch.setattr(precision, "_cpu_has_bf16", lambda: other)
        yield


@pytest.fixture(autouse=True)
def notes() -> Iterator[None]:
    """Print what the library says, as the command line does."""
    with notes_printed():
        yield


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/standard, runs/robust and runs/manifold of `digits`, made by commands."""
    folder = tmp_path_factory.mktemp("workplace")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train = ["train", "--data", "digits", *TINY]
        assert main([*train, "--out", "runs/standard"]) == 0
        robust = [*train, "--out", "runs/robust", "pgd", "--eps", "0.5", "--steps", "2"]
        assert main(robust) == 0
        fit = ["fit-manifold", "--data", "digits", "--out", "runs/manifold", *FP32]
        assert main([*fit, "denoiser", "--width", "16", "--steps", "500"]) == 0
    return folder


@pytest.fixture
def here(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workplace, as the working directory."""
    monkeypatch.chdir(workplace)
    return workplace


@pytest.fixture
def offmanifold(capsys: pytest.CaptureFixture[str]):
    """Run a command line; returns its exit code, stdout (parsed with --json) and stderr."""

    def run(*argv: str):
        code = main([str(a) for a in argv])
        captured = capsys.readouterr()
        out = captured.out
        if "--json" in argv:
            out = json.loads(out) if code == 0 else [None]
        return code, out, captured.err

    return run

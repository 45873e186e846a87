"""A denoiser of one's own on the command line, by the specs FILE.py:FUNCTION and diffusers:PATH."""

import sys
from pathlib import Path

import pytest

FILE = '''
import torch
from torch import nn
import offmanifold as om

class Fitted(nn.Module):
    """The fitted manifold, as a stranger's denoiser that counts its classes backwards."""
    classes = [str(i) for i in reversed(range(10))]

    def __init__(self):
        super().__init__()
        self.inner = om.load_manifold(FOLDER)

    def forward(self, x, sigma, y=None):
        return self.inner.denoise(x, None if y is None else 9 - y, sigma)

def fitted():
    return Fitted()

def identity():
    return lambda x, sigma: x

def nan():
    return lambda x, sigma: x * float("nan")

def flat():
    return lambda x, sigma: x.flatten(1)

def labels():
    return lambda x, sigma, y: x + y[:, None, None, None]

def unnamed():
    return lambda x, sigma, y=None: x

def large():
    class Large(nn.Identity):
        shape = (3, 32, 32)
        def forward(self, x, sigma):
            return x
    return Large()
'''
AUDIT = ["audit", "runs/standard", "--data", "digits", "--limit", "12"]


@pytest.fixture
def mine(here: Path, tmp_path: Path) -> str:
    text = FILE.replace("FOLDER", f"__import__('pathlib').Path({str(here / 'runs/manifold')!r})")
    (tmp_path / "mine.py").write_text(text)
    return f"{tmp_path}/mine.py"


def test_it_judges_as_the_same_manifold_does_when_fitted_here(mine, offmanifold):
    names = ["alignment.on_manifold_fraction", "alignment.cosine_posterior"]
    found = []
    for spec in ("runs/manifold", f"{mine}:fitted"):
        argv = [*AUDIT, "--manifold", spec, "--json", "--only", *names]
        code, (audit,), err = offmanifold(*argv)
        assert code == 0, err
        found.append(audit)
    assert found[0]["settings"]["sigma"] == found[1]["settings"]["sigma"]
    assert found[1]["manifold"]["spec"] == f"{mine}:fitted"
    assert found[1]["manifold"]["usable"]
    assert "which images" in err
    assert "is not known here" in err
    for name in names:
        theirs, ours = (audit["measures"][name] for audit in found)
        assert ours["value"] == pytest.approx(theirs["value"], abs=1e-4)
        assert ours["value"] != 0


def test_a_useless_one_is_said_to_be_unusable(mine, offmanifold):
    name = "alignment.on_manifold_fraction"
    argv = [*AUDIT, "--manifold", f"{mine}:identity", "--json", "--only", name, "accuracy.clean"]
    code, (audit,), err = offmanifold(*argv)
    assert code == 0
    assert "passed its gates at no σ; what needs it is skipped" in err
    assert audit["manifold"]["usable"] is False
    assert len(audit["manifold"]["gates"]) == 5
    assert audit["skipped"][name]
    assert audit["measures"]["accuracy.clean"]["n"] == 12


BAD = {
    "nowhere.py:fitted": ["there is no file nowhere.py"],
    "{}:fited": ["unknown function", 'did you mean "fitted"?'],
    "{}:nan": ["NaN", "check its weights"],
    "{}:flat": ["(8, 256)", "denoised images of the same shape"],
    "{}:labels": ["takes labels y, but names no classes"],
    "{}:unnamed": ["takes labels y, but names no classes"],
    "{}:large": ["takes (3, 32, 32)", "--image-size 32 32 --channels 3"],
    "exact": ["the exact manifold of digits is not known"],
    "autoo": ["autoo", 'did you mean "auto"?', "FILE.py:FUNCTION"],
}


@pytest.mark.parametrize("spec", BAD)
def test_bad_specs_get_one_clear_sentence(mine, offmanifold, spec):
    code, _, err = offmanifold(*AUDIT, "--manifold", spec.format(mine))
    last = err.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith("error: ")
    for words in BAD[spec]:
        assert words in last


def test_a_missing_extra_is_named(here, offmanifold, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    code, _, err = offmanifold(*AUDIT, "--manifold", "diffusers:somewhere")
    assert code == 2
    assert 'pip install "offmanifold[diffusers]"' in err.strip().splitlines()[-1]

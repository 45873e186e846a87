import json
from pathlib import Path

import pytest

from offmanifold import runs
from offmanifold.errors import InputError
from offmanifold.runs import identity, package_version, run_folder, write_provenance


def test_identity_is_of_the_config_alone(monkeypatch: pytest.MonkeyPatch):
    config = {"seed": 0, "model": {"spec": "small-resnet"}}
    first = identity(config)
    assert len(first) == 12
    assert set(first) <= set("0123456789abcdef")
    assert identity(dict(reversed(config.items()))) == first
    assert identity({**config, "seed": 1}) != first
    monkeypatch.setattr(runs, "FORMAT", runs.FORMAT + 1)
    assert identity(config) != first


def test_where_a_run_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = run_folder("pgd-1", {"seed": 0})
    assert folder == Path("runs") / f"pgd-1-{identity({'seed': 0})}"
    assert folder.is_dir()
    assert run_folder("pgd-1", {"seed": 0}, tmp_path / "a" / "b") == tmp_path / "a" / "b"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        run_folder("pgd-1", {}, tmp_path / "file" / "x")


def test_provenance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["my script.py", "--seed", "3"])
    monkeypatch.setattr("offmanifold.runs.time.time", lambda: 105.0)
    write_provenance(tmp_path, 100.0, images=7)
    facts = json.loads((tmp_path / "provenance.json").read_text())
    assert facts["command"] == "'my script.py' --seed 3"
    assert facts["offmanifold"] == package_version()
    assert facts["seconds"] == 5
    assert facts["images"] == 7

import json
from pathlib import Path

import pytest

from offmanifold._core import runs
from offmanifold._core.errors import InputError
from offmanifold._core.runs import identity, run_folder, write_provenance
from offmanifold._core.version import package_version


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
    monkeypatch.setattr("offmanifold._core.runs.time.time", lambda: 105.0)
    write_provenance(tmp_path, 100.0, images=7)
    facts = json.loads((tmp_path / "provenance.json").read_text())
    assert facts["command"] == "'my script.py' --seed 3"
    assert facts["offmanifold"] == package_version()
    assert facts["seconds"] == 5
    assert facts["images"] == 7


def test_a_run_is_held_until_it_is_finished_and_read_by_all_afterwards(tmp_path: Path):
    with runs.claim(tmp_path, {"a": 1}) as done:
        assert not done
        with pytest.raises(InputError, match="another process"), runs.claim(tmp_path, {"a": 1}):
            raise AssertionError
        runs.finish(tmp_path, 0, {})
    tmp_path.chmod(0o500)
    with runs.claim(tmp_path, {"a": 1}) as one, runs.claim(tmp_path, {"a": 1}) as other:
        assert one and other
    tmp_path.chmod(0o700)
    with pytest.raises(InputError, match="holds another run"), runs.claim(tmp_path, {"a": 2}):
        raise AssertionError
    assert not (tmp_path / ".lock").exists()


def test_a_damaged_config_is_named_with_its_mend(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"a": 1')
    named = r"config\.json is not valid .*damaged; remove .*`out`"
    with pytest.raises(InputError, match=named), runs.claim(tmp_path, {"a": 1}):
        raise AssertionError


@pytest.mark.parametrize("there", [True, False])
def test_a_run_is_written_where_a_link_leads(tmp_path: Path, there: bool):
    (tmp_path / "link").symlink_to("far/run")
    if there:
        (tmp_path / "far/run").mkdir(parents=True)
    assert run_folder("pgd-1", {}, tmp_path / "link") == tmp_path / "far/run"
    assert (tmp_path / "far/run").is_dir() and (tmp_path / "link").is_symlink()

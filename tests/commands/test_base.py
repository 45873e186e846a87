"""Which folders below runs/ are manifolds."""

from pathlib import Path

import pytest

from offmanifold.commands.base import fitted_manifolds


def test_what_is_broken_or_another_hides_no_manifold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    configs = {
        "halves/first": '{"kind": "manifold"}',
        "judge": '{"kind": "manifold"}',
        "half-written": '{"kind": "mani',
        "list": "[1]",
        "net": '{"kind": "run"}',
    }
    for name, text in configs.items():
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.json").write_text(text)
    assert fitted_manifolds() == [Path("runs/halves/first"), Path("runs/judge")]

"""Audits are found in whatever form they come."""

import json
from types import SimpleNamespace

import pytest

from offmanifold._core.errors import InputError
from offmanifold.reports.sources import load


def test_folder_dictionary_object_and_comparison(make_audit, comparison, tmp_path):
    folder = make_audit(tmp_path / "a")
    loaded = json.loads((folder / "audit.json").read_text())
    audit = SimpleNamespace(folder=folder, json=loaded)
    for given in (folder, str(folder), [folder], folder / "audit.json", audit, [audit]):
        (source,) = load(given).audits
        assert source.label == "pgd-1.0" and "gradient" in source.panels
    assert load(loaded).audits[0].panels == {}
    for given in (comparison, comparison.parent, [comparison]):
        found = load(given)
        assert len(found.audits) == 4 and found.differences
        assert all(a.panels for a in found.audits)


@pytest.mark.parametrize("broken", ["[]", "{}", '{"schema": "offmanifold.audit/2"}', "{"])
def test_what_is_no_audit_is_an_input_error(broken, tmp_path):
    (tmp_path / "audit.json").write_text(broken)
    with pytest.raises(InputError, match="audit"):
        load(tmp_path)


def test_missing_and_empty(tmp_path):
    with pytest.raises(InputError, match=r"neither audit\.json"):
        load(tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        load(tmp_path / "nothing.json")
    with pytest.raises(InputError, match="no audit"):
        load([])


@pytest.mark.parametrize("content", [None, b"", b"not tensors"])
def test_panels_that_cannot_be_read_are_left_out(content, make_audit, tmp_path):
    folder = make_audit(tmp_path)
    (folder / "panels.safetensors").unlink()
    if content is not None:
        (folder / "panels.safetensors").write_bytes(content)
    assert load(folder).audits[0].panels == {}

"""What an audit saved comes back as it was, or is named."""

from pathlib import Path

import pytest

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, write_json
from offmanifold.audits.store import read_audit
from sweep_runs import make_run, pgd


def test_a_flipped_bit_of_the_columns_is_found_or_harmless(tmp_path: Path):
    (path,) = make_run(tmp_path, pgd(1)).glob("audits/*/images.parquet")
    whole, columns = path.read_bytes(), read_audit(path.parent).columns
    refused = 0
    for place in range(0, len(whole), max(1, len(whole) // 300)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        try:
            found = read_audit(path.parent).columns
        except InputError as error:
            refused += 1
            assert str(path) in str(error)
            continue
        assert found.keys() == columns.keys()
        assert all((found[k] == columns[k]).all() for k in columns)
    assert refused > 200
    path.write_bytes(whole)
    assert read_audit(path.parent).columns.keys() == columns.keys()


def test_columns_without_a_hash_are_read(tmp_path: Path):
    import pyarrow.parquet as pq

    (path,) = make_run(tmp_path, pgd(1)).glob("audits/*/images.parquet")
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)
    assert len(read_audit(path.parent).columns["index"])
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"cannot read .*images\.parquet"):
        read_audit(path.parent)


@pytest.mark.parametrize(
    "change", [{"measures": None}, {"measures": {"a": []}}, {"model": "x"}, {"settings": []}]
)
def test_an_audit_of_another_structure_is_named(change, tmp_path: Path):
    (folder,) = (p.parent for p in make_run(tmp_path, pgd(0.5)).glob("audits/*/audit.json"))
    write_json(folder / "audit.json", {**read_json(folder / "audit.json"), **change})
    with pytest.raises(InputError, match=rf"audit\.json is damaged, at {next(iter(change))}"):
        read_audit(folder)

"""Runs by method and strength, and the images that they share."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json, write_json
from offmanifold.audits.store import read_audit
from offmanifold.sweeps.groups import Pool, methods_of
from offmanifold.sweeps.runs import read_sweep
from sweep_runs import N, make_run, pgd


def test_methods_are_told_by_all_fields_but_the_strength(tmp_path: Path):
    make_run(tmp_path, {"name": "erm"})
    for eps in (2.0, 1.0):
        make_run(tmp_path, pgd(eps))
    make_run(tmp_path, {**pgd(1.0), "steps": 10})
    make_run(tmp_path, {"name": "noise", "sigma": 0.3})
    standard, methods = methods_of(read_sweep(tmp_path))
    assert standard is not None
    assert standard.value is None
    assert [m.label for m in methods] == ["noise", "pgd (steps=10)", "pgd (steps=5)"]
    found = [
        (m.name, m.field, m.others.get("steps"), [s.value for s in m.strengths]) for m in methods
    ]
    assert sorted(found, key=str) == [
        ("noise", "sigma", None, [0.3]),
        ("pgd", "eps", 10, [1.0]),
        ("pgd", "eps", 5, [1.0, 2.0]),
    ]


def test_a_pool_holds_the_images_that_all_saw_in_one_order(tmp_path: Path):
    first, second = (make_run(tmp_path, pgd(eps)) / "audits/a" for eps in (1.0, 2.0))
    table = pq.read_table(second / "images.parquet")
    order = np.random.default_rng(0).permutation(N)[:150]
    other = table.take(pa.array(order)).replace_schema_metadata(None)  # nor the hash of the first
    pq.write_table(other, second / "images.parquet")
    audits = [read_audit(first), read_audit(second)]
    pool = Pool(audits)
    assert pool.n == 150
    index = [pool.columns(a)["index"] for a in audits]
    assert (index[0] == index[1]).all()
    assert (pool.columns(audits[0])["accuracy.clean"] == (index[0] >= 10)).all()


def test_other_judges_and_other_images_are_no_pool(tmp_path: Path):
    first, second = (make_run(tmp_path, pgd(eps)) / "audits/a" for eps in (1.0, 2.0))
    saved = read_json(second / "audit.json")
    write_json(second / "audit.json", {**saved, "manifold": {"spec": "runs/m", "hash": "another"}})
    with pytest.raises(InputError, match="judged by different manifolds"):
        Pool([read_audit(first), read_audit(second)])
    write_json(second / "audit.json", saved)
    table = pq.read_table(second / "images.parquet")
    elsewhere = table.set_column(
        table.column_names.index("index"), "index", pa.array(np.arange(N) + N)
    )
    pq.write_table(elsewhere.replace_schema_metadata(None), second / "images.parquet")
    with pytest.raises(InputError, match="share no image"):
        Pool([read_audit(first), read_audit(second)])

"""Batches on disk, and the rows that they hold."""

import json

import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_tensors
from offmanifold.synthesis.schema import Numbers
from offmanifold.synthesis.store import Row, finished_rows, keep

CONFIG = {"mode": "ascent", "seed": 0}
ROWS = [Row(f"i{k}", {"result": torch.full((1, 2, 2), k / 4)}, Numbers(steps=k)) for k in range(3)]


def test_batches_are_read_in_order_up_to_the_first_that_is_missing(tmp_path):
    keep(tmp_path, CONFIG, 0, ROWS[:1])
    keep(tmp_path, CONFIG, 1, ROWS[1:])
    keep(tmp_path, CONFIG, 5, ROWS[:1])
    rows, alone = finished_rows(tmp_path, CONFIG)
    assert [(r.name, r.numbers) for r in rows] == [(r.name, r.numbers) for r in ROWS]
    assert all(
        torch.equal(a.pictures["result"], b.pictures["result"])
        for a, b in zip(rows, ROWS, strict=True)
    )
    assert alone == 3
    with pytest.raises(InputError, match="other settings; choose another `folder`"):
        finished_rows(tmp_path, {**CONFIG, "seed": 1})


def test_a_batch_of_another_shape_is_named(tmp_path):
    path = tmp_path / "batches/00000000.safetensors"
    saved = {"config": CONFIG, "rows": [{"name": "a", "columns": "result", "numbers": {}}]}
    write_tensors(path, {}, {"saved": json.dumps(saved)})
    with pytest.raises(InputError, match=r"00000000.safetensors .*rows\[0\].columns"):
        finished_rows(tmp_path, CONFIG)

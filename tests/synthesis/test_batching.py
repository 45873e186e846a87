"""Batches, and what happens when one does not fit the memory."""

import pytest
import torch

from offmanifold.synthesis.batching import comfortable, in_batches, is_out_of_memory


def test_every_row_once_and_in_order():
    parts = list(in_batches(lambda rows: rows.tolist(), 10, 4))
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(in_batches(lambda rows: rows.tolist(), 5, 4, first=3)) == [[3, 4]]


def test_a_batch_that_does_not_fit_is_halved(capsys):
    asked = []

    def run(rows: torch.Tensor) -> list[int]:
        asked.append(len(rows))
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rows.tolist()

    assert [i for part in in_batches(run, 10, 8) for i in part] == list(range(10))
    assert asked == [8, 4, 2, 2, 2, 2, 2]
    assert "2" in capsys.readouterr().err


def test_other_errors_and_a_single_image_are_not_hidden():
    def broken(rows: torch.Tensor) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes"):
        list(in_batches(broken, 4, 4))

    def never(rows: torch.Tensor) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 byte")

    with pytest.raises(RuntimeError, match="allocate"):
        list(in_batches(never, 4, 4))
    assert is_out_of_memory(torch.OutOfMemoryError("")) and not is_out_of_memory(RuntimeError("x"))


def test_large_images_come_in_small_batches():
    assert comfortable((1, 28, 28)) == 64
    assert comfortable((3, 224, 224)) == 2
    assert comfortable((3, 2000, 2000)) == 1

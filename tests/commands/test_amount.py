"""How many images can be asked for."""

import pytest

from galleries import ALONE
from offmanifold.commands import amount
from offmanifold.errors import InputError
from saying import says


@pytest.mark.parametrize("n", ["0", "-1", "1000000000000"])
def test_a_number_that_cannot_be(here, offmanifold, tmp_path, n):
    says(offmanifold("generate", *ALONE, "-n", n, "--out", tmp_path / "no"), 2, "-n", n)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("memory", "disk", "what"), [(6000, 1e9, "memory"), (None, 6000, "disk")])
def test_what_fits_is_what_is_free(tmp_path, monkeypatch, memory, disk, what):
    class Usage:
        free = disk

    monkeypatch.setattr(amount, "available_memory", lambda: memory)
    monkeypatch.setattr(amount.shutil, "disk_usage", lambda place: Usage)
    amount.check_amount(10, (1, 5, 5), tmp_path / "not/there")  # of 600 bytes each
    with pytest.raises(InputError, match=f"^-n 11 .* of {what}, .* at most 10$"):
        amount.check_amount(11, (1, 5, 5), tmp_path / "not/there")

"""How many images can be asked for."""

from types import SimpleNamespace

import pytest

from galleries import ALONE
from offmanifold._core.errors import InputError
from offmanifold.synthesis import capacity
from saying import says


@pytest.mark.parametrize("n", ["0", "-1", "1000000000000"])
def test_a_number_that_cannot_be(here, offmanifold, tmp_path, n):
    says(offmanifold("generate", *ALONE, "-n", n, "--out", tmp_path / "no"), 2, "-n", n)
    assert not list(tmp_path.iterdir())


def test_what_fits_is_what_is_free(monkeypatch):
    monkeypatch.setattr(capacity, "available_memory", lambda: 6000)
    capacity.check_amount(10, (1, 5, 5))  # of 600 bytes each
    with pytest.raises(InputError, match="^`n` 11 .* of memory, .* at most 10$"):
        capacity.check_amount(11, (1, 5, 5))


def test_a_disk_is_to_hold_what_is_not_there_yet(here, offmanifold, tmp_path, monkeypatch):
    """A command that was interrupted needs less to go on, and one that is finished nothing."""

    def free(there: int) -> None:
        usage = SimpleNamespace(free=there)
        monkeypatch.setattr("shutil.disk_usage", lambda place: usage)

    argv = ("generate", *ALONE, "-n", "1", "--out", tmp_path / "made")
    free(0)
    says(offmanifold(*argv), 2, "0.0 MB are free", "--out")
    assert not list(tmp_path.iterdir())
    free(10**9)
    assert offmanifold(*argv)[0] == 0
    free(0)
    assert offmanifold(*argv, "--language", "ja")[0] == 0

    image, page = 600, 3 * (600 + 6 * capacity.BLOCK)
    for kept in (0, 2):
        free(page + (3 - kept) * image)
        capacity.check_room(tmp_path / "made", 3, kept, (1, 5, 5))
        free(page + (3 - kept) * image - 1)
        with pytest.raises(InputError):
            capacity.check_room(tmp_path / "made", 3, kept, (1, 5, 5))

"""A summary of a sweep is told from any other file."""

from pathlib import Path

import pytest

from offmanifold._core.errors import InputError
from offmanifold.reports import read_summary


def test_a_file_that_is_no_summary(tmp_path: Path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match="no summary of a sweep"):
        read_summary(tmp_path / "x.json")

"""`report` of what it does not take says what to give instead."""

from pathlib import Path

import pytest

from offmanifold.files import write_json
from saying import says


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("sweep.json", "sweep/1"),
        ("summary.json", "sweep-summary/1"),
        ("recommendation.json", "recommendation/1"),
    ],
)
def test_a_file_of_a_sweep_names_the_folder_to_give(file, schema, tmp_path: Path, offmanifold):
    write_json(tmp_path / "s" / file, {"schema": f"offmanifold.{schema}"})
    told = offmanifold("report", tmp_path / "s" / file, "--out", tmp_path / "r.html")
    says(told, 2, f"s/{file}", "give the sweep's folder")

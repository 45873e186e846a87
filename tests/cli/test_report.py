"""`report` of what it does not take says what to give instead."""

from pathlib import Path

import pytest

from offmanifold._core.files import write_json
from saying import says
from sweep_runs import make_run, pgd


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


def test_a_sweep_is_reported_alone(tmp_path: Path, offmanifold):
    folders = [tmp_path / "a", tmp_path / "b"]
    runs = [make_run(folder, pgd(1)) for folder in folders]
    for given in (folders, [runs[0], folders[1]]):
        says(offmanifold("report", *given, "--out", tmp_path / "r.html"), 2, "one at a time")

"""Run the benchmarks: `make bench` prints the table, writes results.json and README.md's table."""

import platform
from pathlib import Path

import torch

from benchmarks.racing import PAIRS, measure
from benchmarks.speed import RACES
from offmanifold._core.files import write_json, write_text
from offmanifold.cli.base import print_table

HERE = Path(__file__).parent
BEGIN, END = "<!-- make bench -->\n", "<!-- end -->"


def markdown(machine: str, rows: list[dict[str, object]]) -> str:
    """Return the table and the machine it was measured on."""
    lines = ["| benchmark | ratio | range | target |", "| --- | --- | --- | --- |"]
    for r in rows:
        target = f"≥ {r['target']}" if r["target"] else "–"
        lines.append(f"| {r['name']} | {r['ratio']}× | {r['low']} – {r['high']} | {target} |")
    return "\n".join([*lines, "", f"Medians of {PAIRS} pairs; {machine}.", ""])


def main() -> None:
    """Measure all, print and save."""
    rows = [measure(number) for number in range(len(RACES))]
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(machine)
    print_table(
        ["benchmark", "ratio", "range", "target"],
        [
            [str(r["name"]), f"{r['ratio']}×", f"{r['low']} – {r['high']}", str(r["target"] or "–")]
            for r in rows
        ],
    )
    write_json(HERE / "results.json", rows)
    before, rest = (HERE / "README.md").read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    write_text(HERE / "README.md", before + BEGIN + markdown(machine, rows) + END + after)


if __name__ == "__main__":
    main()

"""`offmanifold counterfactual`, as a user calls it."""

from galleries import ROBUST


def test_a_counterfactual_changes_the_decision(here, offmanifold, files, tmp_path):
    out = tmp_path / "changed"
    code, made, err = offmanifold(
        *("counterfactual", files / "0.png", *ROBUST, "--class", "7", "--steps", "30"),
        *("--out", out, "--json"),
    )
    assert code == 0, err
    assert made["mode"] == "projected"
    (row,) = made["made"]
    assert row["found"] and row["class"] == "7" and row["was"] != "7"
    assert (out / "change/0.png").exists()
    assert "was" in (out / "index.html").read_text()

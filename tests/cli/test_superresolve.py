"""`offmanifold superresolve`, as a user calls it."""

from galleries import ROBUST, pixels


def test_superresolution_keeps_block_means(here, offmanifold, files, tmp_path):
    code, _, err = offmanifold("superresolve", files / "low0.png", *ROBUST, "--out", tmp_path / "s")
    assert code == 0, err
    large, low = pixels(tmp_path / "s/low0.png"), pixels(files / "low0.png")
    means = large.reshape(4, 4, 4, 4).mean((1, 3))
    assert abs(means - low).max() <= 0.5

"""Files that are originals: degraded by the command, and each way judged by them."""

import json

import numpy as np
import pytest

from galleries import ALONE, pixels, rows
from saying import says

USES = {
    "denoise": ("--sigma", "0.3"),
    "inpaint": ("--mask", "{files}/mask.png"),
    "superresolve": ("--factor", "4"),
}


@pytest.mark.parametrize("use", USES)
def test_each_way_is_judged_by_the_originals(here, offmanifold, files, tmp_path, use):
    out = tmp_path / "o"
    more = (a.format(files=files) for a in USES[use])
    images = [files / f"{i}.png" for i in range(3)]
    argv = (use, *images, *more, *ALONE, "--degrade", "--out", out, "--json")
    code, made, err = offmanifold(*argv)
    assert code == 0, err
    for i in range(3):
        original, result = (pixels(out / p / f"{i}.png").astype(float) for p in ("original", ""))
        assert np.array_equal(original, pixels(images[i]))
        assert result.shape == original.shape
        error = float(np.sqrt(((result - original) ** 2).mean())) / 255
        assert rows(out)[i]["numbers"]["error"]["result"] == pytest.approx(error, abs=1e-3)
    errors = made["scores"]["errors"]
    assert {"denoise": "blur", "inpaint": "mean_fill", "superresolve": "bicubic"}[use] in errors
    mean = np.mean([row["numbers"]["error"]["result"] for row in rows(out)])
    assert errors["result"]["value"] == pytest.approx(mean, abs=1e-6)
    page = (out / "index.html").read_text()
    assert "Distance to the originals" in page and "Distance to the originals" in err
    assert page.count("loses to") == len(made["scores"]["lost"])
    assert made["scores"] == json.loads((out / "synthesis.json").read_text())["scores"]


def test_without_originals_nothing_is_scored(here, offmanifold, files, tmp_path):
    argv = ("denoise", files / "0.png", "--sigma", "0.1", *ALONE, "--out", tmp_path / "o")
    assert offmanifold(*argv)[0] == 0
    assert "scores" not in json.loads((tmp_path / "o/synthesis.json").read_text())
    says(offmanifold("denoise", files / "0.png", *ALONE, "--degrade"), 2, "--sigma")

"""Whatever takes a path takes it as a string and as a Path, and does the same."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold.audits.compare import save_comparison
from offmanifold.manifolds import LocalPCA
from small_training import RECIPE, images

QUICK = {"limit": 8, "only": ["accuracy.clean"], "show": False}
ROOMS = (om, om.synthesis, om.attacks, om.objectives)


@pytest.fixture(scope="module")
def data() -> om.Data:
    return images(n=96)


@pytest.fixture(params=[str, Path], ids=["str", "Path"])
def kind(request):
    return request.param


@pytest.fixture
def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


@pytest.mark.parametrize("room", ROOMS, ids=lambda r: r.__name__)
def test_no_public_function_wants_a_path_alone(room):
    for name in room.__all__:
        found = getattr(room, name)
        if not inspect.isfunction(found):
            continue
        for parameter in inspect.signature(found).parameters.values():
            written = str(parameter.annotation)
            assert "Path" not in written or "str" in written, f"{name}({parameter})"


def test_a_manifold_is_fitted_into_a_place_and_loaded_from_it(data, kind, tmp_path):
    out = kind(tmp_path / "manifold")
    fitted = om.fit_manifold(data, LocalPCA(), out=out, device="cpu", show=False)
    assert (tmp_path / "manifold/config.json").is_file()
    assert om.load_manifold(out).card == fitted.card


def test_a_model_is_trained_into_a_place_and_loaded_from_it(data, kind, tmp_path):
    out = kind(tmp_path / "run")
    recipe = {"recipe": RECIPE, "device": "cpu", "precision": "fp32", "show": False}
    run = om.train("small-resnet", data, out=out, **recipe)
    assert run.folder == tmp_path / "run"
    loaded = om.load_model(out, weights=kind(tmp_path / "run/model.safetensors"))
    assert loaded.card.weights_hash == run.card.weights_hash
    om.train(out, data, out=kind(tmp_path / "more"), weights=None, **recipe)
    assert (tmp_path / "more/metrics.json").is_file()


def test_audits_are_written_read_compared_and_reported(data, linear, kind, tmp_path):
    folders = [kind(tmp_path / name) for name in ("one", "other")]
    audits = [
        om.audit(linear, data, **asked(folder=folder, label=Path(folder).name, **QUICK))
        for folder in folders
    ]
    assert [a.folder for a in audits] == [tmp_path / "one", tmp_path / "other"]
    assert om.read_audit(folders[0]).folder == tmp_path / "one"
    compared = om.compare(folders)
    assert compared == om.compare(audits)
    assert save_comparison(compared, kind(tmp_path / "compare.json")).is_file()
    assert om.report(folders, kind(tmp_path / "page.html")) == tmp_path / "page.html"
    assert om.report(kind(tmp_path / "compare.json"), kind(tmp_path / "page.html")).is_file()


def test_one_audit_is_nothing_to_compare(data, linear):
    with pytest.raises(om.InputError, match="several audits"):
        om.compare("one")  # pyright: ignore[reportArgumentType]
    with pytest.raises(om.InputError, match="several audits"):
        om.compare(om.audit(linear, data, **asked(**QUICK)))  # pyright: ignore[reportArgumentType]


def test_data_lie_at_a_path(kind, tmp_path):
    x, y = np.zeros((40, 8, 8), np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "two.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert len(om.load_data(kind(tmp_path / "two.npz")).test) == 40


def test_weights_of_lpips_are_looked_for_at_a_path(data, linear, kind, tmp_path):
    with pytest.raises(om.InputError, match="alexnet"):
        om.audit(linear, data, **asked(lpips=kind(tmp_path / "alexnet.pth"), **QUICK))

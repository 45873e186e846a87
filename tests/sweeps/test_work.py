"""A job trains and audits, and says how it ended."""

import json
from pathlib import Path

import pytest

from offmanifold._core.errors import Diverged, RunError
from offmanifold._core.exits import guarded
from offmanifold._core.files import file_hash, read_json, write_json
from offmanifold.data import load_data
from offmanifold.measures import measures
from offmanifold.models.load import start_content
from offmanifold.objectives import PGD
from offmanifold.sweeps import work as module
from offmanifold.sweeps.executors import Inputs, Job
from offmanifold.sweeps.runs import make_job, read_sweep

IMAGES = {
    "data": "digits",
    "image_size": None,
    "channels": None,
    "max_bad_share": 0.05,
    "data_seed": 0,
}


NOTHING = Inputs()


def made(**changes) -> Job:
    shared = {
        "model": "small-resnet",
        "weights": None,
        "weights_content": None,
        "precision": "fp32",
        "recipe": {"epochs": 1, "batch_size": 256},
        "images": IMAGES,
        "audit": {"limit": 20, "manifold": "none"},
        "data": load_data("digits").fingerprint,
        "judge": None,
        "second": None,
        "coach": None,
        "randomised": None,
        "measures": sorted(measures),
        **changes,
    }
    return make_job(shared, PGD(eps=0.5, steps=1), 0, "cpu")


def run(job: Job, root: Path, inputs: Inputs = NOTHING) -> tuple[int, dict]:
    folder = root / job.name
    write_json(folder / "job.json", job.config)

    def begun() -> int:
        module.carry_out(folder / "job.json", folder, inputs)
        return 0

    return guarded(begun), read_json(folder / "outcome.json")


def test_a_run_is_trained_audited_and_found_in_its_sweep(tmp_path, monkeypatch, capsys):
    job = made()
    code, outcome = run(job, tmp_path)
    assert code == 0
    assert outcome["state"] == "finished"
    assert job.done(tmp_path)
    assert not made(measures=["other"]).done(tmp_path)
    write_json(tmp_path / "sweep.json", {})
    (found,) = read_sweep(tmp_path)
    assert found.state == "finished"
    assert found.audit is not None
    assert found.audit.label == "pgd-0.5-s0"
    assert found.audit["accuracy.clean"].n == 20


def test_other_images_on_this_machine_are_refused(tmp_path, monkeypatch, capsys):
    code, outcome = run(made(data="others"), tmp_path)
    assert code == 2
    assert outcome["state"] == "refused"
    assert "give each machine the same files" in capsys.readouterr().err


def test_weights_are_those_given_and_no_others(tmp_path, monkeypatch, capsys):
    file = tmp_path / "w.pt"
    file.write_bytes(b"weights")
    seen = []
    monkeypatch.setattr(module, "_train", lambda c, d, f, inputs: seen.append(inputs.weights))
    monkeypatch.setattr(module, "_audit", lambda *_: "an-audit")
    job = made(weights=file_hash(file))
    assert run(job, tmp_path, Inputs(weights=file))[0] == 0
    assert run(made(), tmp_path)[0] == 0
    assert seen == [file, None]
    file.write_bytes(b"others")
    for inputs in (Inputs(weights=file), Inputs()):
        code, outcome = run(job, tmp_path, inputs)
        assert (code, outcome["state"]) == (2, "refused")
        assert "the weights to begin with are others now" in outcome["error"]
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("error", "code", "state"),
    [(Diverged("the loss is not finite"), 0, "collapsed"), (RunError("disk full"), 1, "failed")],
)
def test_divergence_is_a_result_and_another_failure_is_none(
    error, code, state, tmp_path, monkeypatch, capsys
):
    def fail(*_):
        raise error

    monkeypatch.setattr(module, "_train", fail)
    job = made()
    assert run(job, tmp_path)[0] == code
    outcome = json.loads((tmp_path / job.name / "outcome.json").read_text())
    assert (outcome["state"], outcome["error"]) == (state, str(error))
    assert job.done(tmp_path) is (state == "collapsed")


def test_a_model_file_that_was_edited_since_is_refused(tmp_path, monkeypatch, capsys):
    net = tmp_path / "net.py"
    text = "from torch import nn\nmake = lambda: nn.Sequential(nn.Flatten(), nn.Linear({}, 10))\n"
    net.write_text(text.format(256))
    model, data = f"{net}:make", load_data("digits")
    job = made(model=model, start=start_content(model, data.classes, data.shape))
    monkeypatch.setattr(module, "_train", lambda *_: None)
    monkeypatch.setattr(module, "_audit", lambda *_: "an-audit")
    assert run(job, tmp_path)[0] == 0
    net.write_text(text.format("16 * 16"))
    code, outcome = run(job, tmp_path)
    assert (code, outcome["state"]) == (2, "refused")
    assert "is another model now" in outcome["error"]

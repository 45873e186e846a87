"""A job trains and audits, and says how it ended."""

import json
from pathlib import Path

import pytest

from offmanifold._core.errors import Diverged, RunError
from offmanifold._core.files import file_hash, read_json, write_json
from offmanifold.cli.main import guarded
from offmanifold.data import load_data
from offmanifold.measures import measures
from offmanifold.models.load import start_content
from offmanifold.objectives import PGD
from offmanifold.sweeps import work as module
from offmanifold.sweeps.executors import Job
from offmanifold.sweeps.runs import make_job, read_sweep

IMAGES = {
    "data": "digits",
    "image_size": None,
    "channels": None,
    "max_bad_share": 0.05,
    "data_seed": 0,
}


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


def run(job: Job, root: Path, monkeypatch, *inputs: str) -> tuple[int, dict]:
    folder = root / job.name
    write_json(folder / "job.json", job.config)
    line = [str(folder / "job.json"), str(folder), *inputs]
    code = guarded(lambda: module.carry_out(line))
    return code, read_json(folder / "outcome.json")


def test_a_run_is_trained_audited_and_found_in_its_sweep(tmp_path, monkeypatch, capsys):
    job = made()
    code, outcome = run(job, tmp_path, monkeypatch)
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
    code, outcome = run(made(data="others"), tmp_path, monkeypatch)
    assert code == 2
    assert outcome["state"] == "refused"
    assert "give each machine the same files" in capsys.readouterr().err


def test_weights_are_those_given_and_no_others(tmp_path, monkeypatch, capsys):
    file = tmp_path / "w.pt"
    file.write_bytes(b"weights")
    seen = []
    monkeypatch.setattr(module.Train, "run", lambda self: seen.append(self.weights))
    monkeypatch.setattr(module, "_audit", lambda *_: "an-audit")
    job = made(weights=file_hash(file))
    assert run(job, tmp_path, monkeypatch, "--weights", str(file))[0] == 0
    assert run(made(), tmp_path, monkeypatch)[0] == 0
    assert seen == [file, None]
    file.write_bytes(b"others")
    for inputs in (("--weights", str(file)), ()):
        code, outcome = run(job, tmp_path, monkeypatch, *inputs)
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
    def fail(self):
        raise error

    monkeypatch.setattr(module.Train, "run", fail)
    job = made()
    assert run(job, tmp_path, monkeypatch)[0] == code
    outcome = json.loads((tmp_path / job.name / "outcome.json").read_text())
    assert (outcome["state"], outcome["error"]) == (state, str(error))
    assert job.done(tmp_path) is (state == "collapsed")


def test_a_model_file_that_was_edited_since_is_refused(tmp_path, monkeypatch, capsys):
    net = tmp_path / "net.py"
    text = "from torch import nn\nmake = lambda: nn.Sequential(nn.Flatten(), nn.Linear({}, 10))\n"
    net.write_text(text.format(256))
    model, data = f"{net}:make", load_data("digits")
    job = made(model=model, start=start_content(model, data.classes, data.shape))
    monkeypatch.setattr(module.Train, "run", lambda self: None)
    monkeypatch.setattr(module, "_audit", lambda *_: "an-audit")
    assert run(job, tmp_path, monkeypatch)[0] == 0
    net.write_text(text.format("16 * 16"))
    code, outcome = run(job, tmp_path, monkeypatch)
    assert (code, outcome["state"]) == (2, "refused")
    assert "is another model now" in outcome["error"]

import dataclasses
import functools
import json
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.optimisation import optimise
from offmanifold._core.registry import to_config
from offmanifold.data.types import Data
from offmanifold.models import Loaded, ModelCard, load_model
from offmanifold.objectives import ERM, PGD, GradientNorm, Loss, Noise
from offmanifold.training import train as training
from offmanifold.training.recipe import Recipe
from offmanifold.training.train import accuracy, run_name, train
from small_training import ALL_NEW, CLASSES, FIRST_RECIPE, RECIPE, fit, images, write_noisy_net

STEPS = 8


@pytest.fixture
def data() -> Data:
    return images()


@pytest.fixture
def noisy_net(tmp_path: Path) -> str:
    return write_noisy_net(tmp_path)


@pytest.fixture
def every_step_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after each step, not after 15 seconds."""
    monkeypatch.setattr(training, "optimise", functools.partial(optimise, checkpoint_seconds=0))


def assert_same_weights(a: nn.Module, b: nn.Module):
    assert a.state_dict().keys() == b.state_dict().keys()
    assert all(v.equal(b.state_dict()[k]) for k, v in a.state_dict().items())


class Killed(Exception):
    pass


def killed_at(monkeypatch: pytest.MonkeyPatch, stop: int, act=None) -> None:
    """Let standard training fail (or `act`) in its step `stop`, counted from the present call."""
    calls, original = [], ERM.__call__

    def call(self, *args, **kwargs):
        calls.append(1)
        loss = original(self, *args, **kwargs)
        if len(calls) == stop + 1:
            if act is None:
                raise Killed
            return act(loss)
        return loss

    monkeypatch.setattr(ERM, "__call__", call)


@pytest.mark.parametrize("objective", [ERM(), GradientNorm(0.1), Noise(0.2), PGD(eps=0.3, steps=2)])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_objective_learns(data: Data, tmp_path: Path, objective, precision: str):
    recipe = Recipe(epochs=8, batch_size=8, lr=0.01)
    run = fit("small-resnet", data, tmp_path, objective, recipe, precision=precision)
    assert run.metrics["val_accuracy"] > 0.9
    assert accuracy(run.module, data.test) > 0.8
    assert run.metrics["log"][-1]["loss"] < run.metrics["log"][0]["loss"]
    assert run.metrics["log"][-1]["val_accuracy"] > 0.8


def test_accuracy_by_hand(data: Data):
    labels = data.val.labels
    assert labels is not None

    class AlwaysLeft(nn.Linear):
        def forward(self, x):
            return torch.tensor([1.0, 0.0]).expand(len(x), 2)

    assert accuracy(AlwaysLeft(1, 1), data.val) == (labels == 0).mean()


def test_what_a_run_holds(data: Data, tmp_path: Path):
    run = fit("small-resnet", data, tmp_path, GradientNorm(0.5))
    assert run.folder == tmp_path
    names = {"config.json", "metrics.json", "model.safetensors", "provenance.json"}
    assert {p.name for p in tmp_path.iterdir()} == names
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["objective"] == to_config(GradientNorm(0.5))
    assert config["recipe"] == FIRST_RECIPE
    assert config["data"] == data.fingerprint
    assert config["precision"] == "fp32"
    assert [e["step"] for e in run.metrics["log"]] == list(range(1, STEPS + 1))
    assert {"loss", "cross_entropy", "gradient_norm_sq"} <= run.metrics["log"][0].keys()
    assert not run.module.training
    again = load_model(str(tmp_path), shape=data.shape)
    assert again.card.classes == run.card.classes == CLASSES
    assert_same_weights(again.module, run.module)


def test_unsaved_equals_saved_and_writes_nothing(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    unsaved = fit("small-resnet", data, None)
    assert not list(tmp_path.iterdir())
    assert unsaved.folder is None
    saved = fit("small-resnet", data, tmp_path / "run")
    assert_same_weights(unsaved.module, saved.module)
    assert unsaved.card.config == saved.card.config
    assert unsaved.metrics == saved.metrics


def test_by_default_it_lies_in_runs_under_its_objective_and_hash(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run = train(
        "small-resnet",
        data,
        objective=Noise(0.25),
        recipe=RECIPE,
        device="cpu",
        precision="fp32",
        show=False,
    )
    assert run.folder is not None
    assert run.folder.parent == Path("runs")
    assert run.folder.name.startswith("noise-0.25-")
    assert load_model("runs/noise-0.25").card.spec == str(run.folder)


def test_seeds(data: Data):
    first, again = (fit("small-resnet", data, None).module for _ in range(2))
    other = fit("small-resnet", data, None, recipe=dataclasses.replace(RECIPE, seed=1)).module
    assert_same_weights(first, again)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_the_global_random_state_is_left_alone_and_has_no_say(data: Data, noisy_net: str):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = fit(noisy_net, data, None)
    assert torch.get_rng_state().equal(state)
    torch.manual_seed(2)
    assert_same_weights(fit(noisy_net, data, None).module, first.module)


@pytest.mark.usefixtures("every_step_kept")
@pytest.mark.parametrize("new", [{}, ALL_NEW], ids=["default", "all new"])
@pytest.mark.parametrize("stops", [[1], [4], [STEPS - 1], [2, 3]])
def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    data: Data,
    noisy_net: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stops: list[int],
    new: dict,
):
    recipe = dataclasses.replace(RECIPE, **new)
    whole = fit(noisy_net, data, tmp_path / "whole", recipe=recipe)
    for stop in stops:
        with monkeypatch.context() as patch:
            killed_at(patch, stop)
            with pytest.raises(Killed):
                fit(noisy_net, data, tmp_path / "killed", recipe=recipe)
    assert (tmp_path / "killed" / "resume.pt").exists()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    resumed = fit(noisy_net, data, tmp_path / "killed", recipe=recipe)
    assert_same_weights(resumed.module, whole.module)
    assert resumed.metrics == whole.metrics
    assert not (tmp_path / "killed" / "resume.pt").exists()


def test_a_finished_run_is_only_loaded(data: Data, tmp_path: Path, monkeypatch):
    first = fit("small-resnet", data, tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    killed_at(monkeypatch, 0)
    again = fit("small-resnet", data, tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before
    assert_same_weights(again.module, first.module)
    assert again.metrics == first.metrics
    assert again.folder == tmp_path


@pytest.mark.usefixtures("every_step_kept")
@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    "other", [{"recipe": Recipe(seed=5)}, {"objective": Noise(0.1)}, {"precision": "bf16"}]
)
def test_a_folder_of_another_run_is_refused(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: bool, other: dict
):
    with monkeypatch.context() as patch:
        if not finished:
            killed_at(patch, 3)
        try:
            fit("small-resnet", data, tmp_path)
        except Killed:
            assert not finished
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(InputError, match="holds another run; choose another folder with `out`"):
        fit("small-resnet", data, tmp_path, **other)
    with pytest.raises(InputError, match="holds another run"):
        fit("small-resnet", images(n=48), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("every_step_kept")
def test_a_loss_that_is_not_finite(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    killed_at(monkeypatch, 5, lambda loss: Loss(loss.per_sample * math.nan))
    with pytest.raises(RunError, match=f"training erm: .* at step 6 of {STEPS}"):
        fit("small-resnet", data, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "resume.pt"}


def test_ctrl_c_keeps_a_checkpoint(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = fit("small-resnet", data, None)

    def interrupt(loss: Loss) -> Loss:
        os.kill(os.getpid(), signal.SIGINT)
        return loss

    with monkeypatch.context() as patch:
        killed_at(patch, 2, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit("small-resnet", data, tmp_path)
    assert torch.load(tmp_path / "resume.pt", weights_only=True)["step"] == 3
    assert_same_weights(fit("small-resnet", data, tmp_path).module, whole.module)


def test_a_damaged_checkpoint(data: Data, tmp_path: Path):
    fit("small-resnet", data, tmp_path)
    (tmp_path / "metrics.json").unlink()
    (tmp_path / "resume.pt").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(InputError, match=r"resume\.pt cannot be read"):
        fit("small-resnet", data, tmp_path)


def test_an_unwritable_place(data: Data, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        fit("small-resnet", data, tmp_path / "file" / "run")


def test_a_loaded_model_is_trained_on_and_left_as_it_is(data: Data, tmp_path: Path):
    start = fit("small-resnet", data, tmp_path / "start")
    before = {k: v.clone() for k, v in start.module.state_dict().items()}
    for i, loaded in enumerate((start, load_model(str(tmp_path / "start")))):
        run = fit(loaded, data, tmp_path / str(i), recipe=Recipe(epochs=1, batch_size=8, lr=1e-9))
        assert all(v.equal(before[k]) for k, v in start.module.state_dict().items())
        assert not any(m.training for m in start.module.modules())
        assert all(p.grad is None for p in start.module.parameters())
        for name, value in run.module.state_dict().items():
            torch.testing.assert_close(value, before[name], rtol=0, atol=1e-5)
        assert run.card.config["model"]["spec"] == "small-resnet"
        assert load_model(str(tmp_path / str(i))).card.outputs == 2


def test_the_identity_of_a_run_knows_the_weights_it_began_with(data: Data):
    configs = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        mine = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
        run = fit(Loaded(mine, ModelCard("mine", outputs=2)), data, None)
        configs.append(run.card.config)
    assert configs[0] != configs[1]


@pytest.mark.parametrize("name", [*ALL_NEW, None])
def test_every_new_field_has_its_effect(data: Data, noisy_net: str, name: str | None):
    recipe = RECIPE if name is None else dataclasses.replace(RECIPE, **{name: ALL_NEW[name]})
    plain, other = (fit(noisy_net, data, None, recipe=r).module for r in (RECIPE, recipe))
    same = all(v.equal(other.state_dict()[k]) for k, v in plain.state_dict().items())
    assert same == (name is None)


def test_what_is_saved_is_the_average(data: Data, tmp_path: Path):
    last = fit("small-resnet", data, None)
    recipe = dataclasses.replace(RECIPE, ema=0.999)
    run = fit("small-resnet", data, tmp_path, recipe=recipe)
    assert not run.module.head.weight.equal(last.module.head.weight)
    assert run.metrics["val_accuracy"] == accuracy(run.module, data.val)
    losses = [[entry["loss"] for entry in r.metrics["log"]] for r in (run, last)]
    assert losses[0] == losses[1]  # averaging looks on


def test_names():
    names = [run_name(o) for o in (ERM(), PGD(eps=0.5), GradientNorm(0.1), Noise(1.0))]
    assert names == ["erm", "pgd-0.5", "gradient-norm-0.1", "noise-1"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("objective", [ERM(), PGD(eps=0.3, steps=2)])
def test_compiled_it_trains_alike(data: Data, noisy_net: str, tmp_path: Path, objective):
    # Dropout draws otherwise when compiled, and a bias before normalisation follows rounding alone.
    file = Path(noisy_net.removesuffix(":make"))
    text = (
        file.read_text().replace(", nn.Dropout()", "").replace("stride=2", "stride=2, bias=False")
    )
    file.write_text(text)
    recipe = dataclasses.replace(RECIPE, ema=0.9)
    plain = fit(noisy_net, data, tmp_path / "plain", objective, recipe)
    compiled = dataclasses.replace(recipe, compile=True)
    run = fit(noisy_net, data, tmp_path / "compiled", objective, compiled)
    assert run.card.config["recipe"] == {**plain.card.config["recipe"], "compile": True}
    for a, b in zip(plain.metrics["log"], run.metrics["log"], strict=True):
        assert b == pytest.approx(a, rel=1e-4)
    assert run.module.state_dict().keys() == plain.module.state_dict().keys()
    for name, value in plain.module.state_dict().items():
        torch.testing.assert_close(run.module.state_dict()[name], value, rtol=1e-2, atol=1e-3)

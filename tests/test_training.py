import dataclasses
import functools
import json
import math
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from offmanifold import training
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.errors import InputError, RunError
from offmanifold.loop import optimise
from offmanifold.models import Loaded, ModelCard, load_model
from offmanifold.objectives import ERM, PGD, GradientNorm, Loss, Noise, objectives
from offmanifold.objectives.base import Plain
from offmanifold.training import Recipe, accuracy, at_strength, run_name, train

CLASSES = ("left", "right")
RECIPE = Recipe(epochs=2, batch_size=8, lr=0.02)  # 2 epochs of 4 steps
STEPS = 8


def images(classes: tuple[str, ...] | None = CLASSES, n: int = 64) -> Data:
    """Noise with a bright left or right half: half for training, a quarter each for the rest."""
    generator = np.random.default_rng(0)
    labels = np.arange(n) % 2
    pixels = generator.integers(0, 120, (n, 1, 8, 8), dtype=np.uint8)
    for side in (0, 1):
        pixels[labels == side, :, :, 4 * side : 4 * side + 4] += 60
    source = ArraySource(pixels, labels if classes else None, [str(i) for i in range(n)])
    parts = np.split(np.arange(n), [n // 2, 3 * n // 4])
    return Data(*(Split(source, rows, classes) for rows in parts))


@pytest.fixture
def data() -> Data:
    return images()


@pytest.fixture
def noisy_net(tmp_path: Path) -> str:
    """The spec of a network with dropout and batch normalisation."""
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def make():\n"
        "    layers = [nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.SiLU(), nn.Dropout()]\n"
        "    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(36, 2))\n"
    )
    return f"{tmp_path / 'net.py'}:make"


@pytest.fixture
def every_step_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after each step, not after 15 seconds."""
    monkeypatch.setattr(training, "optimise", functools.partial(optimise, checkpoint_seconds=0))


def fit(model, data: Data, out: Path | None, objective=None, recipe=RECIPE, **more):
    return train(
        model,
        data,
        objective=objective,
        recipe=recipe,
        out=out,
        save=out is not None,
        device="cpu",
        **{"precision": "fp32", "show": False, **more},
    )


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
    assert config["objective"] == {"name": "gradient_norm", "weight": 0.5}
    assert config["recipe"] == dataclasses.asdict(RECIPE)
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
@pytest.mark.parametrize("stops", [[1], [4], [STEPS - 1], [2, 3]])
def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    data: Data, noisy_net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: list[int]
):
    whole = fit(noisy_net, data, tmp_path / "whole")
    for stop in stops:
        with monkeypatch.context() as patch:
            killed_at(patch, stop)
            with pytest.raises(Killed):
                fit(noisy_net, data, tmp_path / "killed")
    assert (tmp_path / "killed" / "resume.pt").exists()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    resumed = fit(noisy_net, data, tmp_path / "killed")
    assert_same_weights(resumed.module, whole.module)
    assert resumed.metrics["val_accuracy"] == whole.metrics["val_accuracy"]
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
    with pytest.raises(InputError, match="holds another run; choose another folder with --out"):
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


@pytest.fixture
def recorder():
    """An objective from outside the package that keeps the strength of every step."""
    seen: list[float] = []

    @objectives.register("recorder")
    @dataclass(frozen=True)
    class Recorder(Plain):
        strength: ClassVar[str | None] = "dose"
        dose: float = 4.0
        prepared: bool = False

        def prepare(self, resources):
            assert len(resources.train_data) == 32
            return dataclasses.replace(self, prepared=True)

        def __call__(self, model, x, y, *, generator):
            assert self.prepared
            seen.append(self.dose)
            return ERM()(model, x, y, generator=generator)

    yield Recorder(), seen
    objectives.remove("recorder")


@pytest.mark.parametrize(
    ("warmup", "expected"),
    [
        (0.0, [4.0] * 8),
        (0.5, [1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0, 4.0]),
        (1.0, [0.5 * step for step in range(1, 9)]),
    ],
)
def test_the_strength_rises_in_a_line_and_is_never_zero(
    data: Data, tmp_path: Path, recorder, warmup: float, expected: list[float]
):
    objective, seen = recorder
    fit("small-resnet", data, tmp_path, objective, dataclasses.replace(RECIPE, warmup=warmup))
    assert seen == pytest.approx(expected)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["objective"] == {"name": "recorder", "dose": 4.0, "prepared": False}


def test_every_epoch_sees_every_image_once_in_another_order(data: Data, monkeypatch):
    seen: list[torch.Tensor] = []
    original = Split.read

    def read(self, index):
        batch = original(self, index)
        if set(index) <= set(data.train.rows):
            seen.append(batch.index)
        return batch

    monkeypatch.setattr(Split, "read", read)
    fit("small-resnet", data, None)
    epochs = torch.cat(seen).view(2, 32)
    assert all(sorted(e.tolist()) == data.train.rows.tolist() for e in epochs)
    assert not epochs[0].equal(epochs[1])
    assert not epochs[0].equal(epochs[0].sort().values)


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


def test_a_loaded_model_that_cannot_be_trained_on_these_data(data: Data, tmp_path: Path):
    mine = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(InputError, match="unknown model"):  # before any step, not after the last
        fit(Loaded(mine, ModelCard("mine", outputs=2)), data, tmp_path)
    with pytest.raises(InputError, match="does not make this model"):
        fit(Loaded(mine, ModelCard("small-resnet", outputs=2)), data, tmp_path)
    for card in (ModelCard("mine", outputs=3), ModelCard("mine", outputs=2, classes=CLASSES[::-1])):
        with pytest.raises(InputError, match=r"data's classes are \('left', 'right'\)"):
            fit(Loaded(mine, card), data, None)
    assert not list(tmp_path.iterdir())


def test_data_without_labels(tmp_path: Path):
    with pytest.raises(InputError, match="training needs labelled images"):
        fit("small-resnet", images(classes=None), tmp_path)


def test_an_objective_without_its_manifold(data: Data, tmp_path: Path):
    @dataclass(frozen=True)
    class Needy(Plain):
        name: ClassVar[str] = "needy"
        needs: ClassVar[frozenset] = frozenset({"manifold"})

    with pytest.raises(InputError, match="needy needs a manifold"):
        fit("small-resnet", data, tmp_path, Needy())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": -1}, "batch_size must be at least 1"),
        ({"lr": 0.0}, "lr must be above 0"),
        ({"lr": math.nan}, "lr must be above 0"),
        ({"clip": 0.0}, "clip must be above 0"),
        ({"weight_decay": -1e-3}, "weight_decay must be 0 or above"),
        ({"warmup": 1.5}, "warmup is a share between 0 and 1, not 1.5"),
        ({"warmup": math.nan}, "warmup is a share"),
    ],
)
def test_recipes_that_cannot_be(settings: dict, said: str):
    with pytest.raises(InputError, match=said):
        Recipe(**settings)


def test_names_and_strengths():
    names = [run_name(o) for o in (ERM(), PGD(eps=0.5), GradientNorm(0.1), Noise(1.0))]
    assert names == ["erm", "pgd-0.5", "gradient-norm-0.1", "noise-1"]
    assert at_strength(ERM(), 0.25) == ERM()
    assert at_strength(PGD(eps=2.0, steps=3), 0.25) == PGD(eps=0.5, steps=3)
    assert at_strength(PGD(eps=2.0), 1.0) == PGD(eps=2.0)

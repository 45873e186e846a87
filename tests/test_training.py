import copy
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
from offmanifold.randomness import seed_of
from offmanifold.recipes import Recipe
from offmanifold.registry import to_config
from offmanifold.steps import at_strength, layers_seed
from offmanifold.training import accuracy, run_name, train

CLASSES = ("left", "right")
RECIPE = Recipe(epochs=2, batch_size=8, lr=0.02)  # 2 epochs of 4 steps
STEPS = 8
FIRST_RECIPE = {  # as version 0.1 saved it; a run's identity is made of it
    "epochs": 2,
    "batch_size": 8,
    "lr": 0.02,
    "weight_decay": 1e-3,
    "warmup": 0.5,
    "clip": 1.0,
    "seed": 0,
}
ALL_NEW = {"schedule": "step", "ema": 0.9, "shift": 1, "flip": True}


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
        ({"schedule": "steps"}, 'unknown schedule "steps"; did you mean "step"'),
        ({"ema": 1.0}, "ema is a decay at least 0 and below 1, not 1.0"),
        ({"ema": math.nan}, "ema is a decay"),
        ({"shift": -1}, "shift must be at least 0 pixels, not -1"),
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


def test_new_fields_are_in_the_config_where_they_are_used():
    assert RECIPE.config == FIRST_RECIPE
    assert Recipe(**FIRST_RECIPE) == RECIPE
    for name, value in {**ALL_NEW, "compile": True}.items():
        recipe = dataclasses.replace(RECIPE, **{name: value})
        assert recipe.config == {**FIRST_RECIPE, name: value}
        assert Recipe(**recipe.config) == recipe


@pytest.mark.parametrize("name", [*ALL_NEW, None])
def test_every_new_field_has_its_effect(data: Data, noisy_net: str, name: str | None):
    recipe = RECIPE if name is None else dataclasses.replace(RECIPE, **{name: ALL_NEW[name]})
    plain, other = (fit(noisy_net, data, None, recipe=r).module for r in (RECIPE, recipe))
    same = all(v.equal(other.state_dict()[k]) for k, v in plain.state_dict().items())
    assert same == (name is None)


def test_the_model_sees_moved_images_and_their_own_labels(data: Data, monkeypatch):
    seen, labels = [], []
    original = ERM.__call__

    def call(self, model, x, y, *, generator):
        seen.append(x)
        labels.append(y)
        return original(self, model, x, y, generator=generator)

    monkeypatch.setattr(ERM, "__call__", call)
    recipe = dataclasses.replace(RECIPE, epochs=1)
    moved = dataclasses.replace(recipe, shift=2, flip=True)
    fit("small-resnet", data, None, recipe=recipe)
    fit("small-resnet", data, None, recipe=moved)
    plain, other = torch.cat(seen[:4]), torch.cat(seen[4:])
    assert torch.cat(labels[:4]).equal(torch.cat(labels[4:]))
    assert not torch.isclose(plain, other).flatten(1).all(1).all()
    for x, y in zip(plain, other, strict=True):
        padded = torch.nn.functional.pad(x[None], (2, 2, 2, 2), mode="reflect")[0]
        windows = padded.unfold(1, 8, 1).unfold(2, 8, 1).reshape(25, 8, 8)
        assert (torch.cat([windows, windows.flip(2)]) == y).flatten(1).all(1).any()


def test_a_shift_as_large_as_the_images(data: Data):
    with pytest.raises(InputError, match="shift must be .* below the images' 8×8 pixels"):
        fit("small-resnet", data, None, recipe=Recipe(shift=8))


def test_what_is_saved_is_the_average(data: Data, tmp_path: Path):
    last = fit("small-resnet", data, None)
    recipe = dataclasses.replace(RECIPE, ema=0.999)
    run = fit("small-resnet", data, tmp_path, recipe=recipe)
    assert not run.module.head.weight.equal(last.module.head.weight)
    assert run.metrics["val_accuracy"] == accuracy(run.module, data.val)
    losses = [[entry["loss"] for entry in r.metrics["log"]] for r in (run, last)]
    assert losses[0] == losses[1]  # averaging looks on


class Vectors(nn.Module):
    """A batch normalisation over vectors, which one image alone cannot have."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)
        )

    def forward(self, x):
        return self.layers(x)


def test_a_batch_of_one_image(data: Data, noisy_net: str):
    one = Recipe(epochs=1, batch_size=1, lr=1e-3)
    for model in ("small-resnet", noisy_net):
        assert len(fit(model, data, None, recipe=one).metrics["log"]) == 32
    model = Loaded(Vectors(), ModelCard("mine", outputs=2))
    with pytest.raises(InputError, match="batch normalisation needs more than one image a batch"):
        fit(model, data, None, recipe=one)
    fit(model, data, None, recipe=dataclasses.replace(one, batch_size=2))
    with pytest.raises(InputError, match="more than one image a batch and process"):
        fit(model, data, None, recipe=dataclasses.replace(one, batch_size=3), devices=2)


def test_another_error_of_the_model_is_not_taken_for_that(data: Data, monkeypatch):
    def broken(self, *args, **kwargs):
        raise ValueError("of another kind")

    monkeypatch.setattr(ERM, "__call__", broken)
    with pytest.raises(ValueError, match="of another kind"):
        fit("small-resnet", data, None)


def relabelled(data: Data, labels: np.ndarray, classes: tuple[str, ...]) -> Data:
    source = copy.copy(data.train.source)
    source.labels = labels
    return Data(*(Split(source, s.rows, classes) for s in (data.train, data.val, data.test)))


def test_labels_and_classes_that_cannot_be(data: Data, tmp_path: Path):
    labels = data.train.source.labels
    assert labels is not None
    with pytest.raises(InputError, match=r"one class alone \(left\) leaves nothing"):
        fit("small-resnet", relabelled(data, 0 * labels, ("left",)), tmp_path)
    for wrong, said in ((labels + 1, "from 1 to 2"), (labels - 1, "from -1 to 0")):
        with pytest.raises(InputError, match=f"the training labels go {said}, but .* 2 classes"):
            fit("small-resnet", relabelled(data, wrong, CLASSES), tmp_path)
    late = np.where(np.arange(64) >= 32, 2, labels)
    with pytest.raises(InputError, match="the validation labels go from 2 to 2"):
        fit("small-resnet", relabelled(data, late, CLASSES), tmp_path)
    nothing = dataclasses.replace(data, train=Split(data.train.source, np.arange(0), CLASSES))
    with pytest.raises(InputError, match="no images to train on"):
        fit("small-resnet", nothing, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("counts", [{"devices": 9}, {"devices": 3, "num_nodes": 3}])
def test_more_processes_than_images_in_a_batch(data: Data, counts: dict):
    with pytest.raises(InputError, match="9 processes are more than the 8 images of a batch"):
        fit("small-resnet", data, None, **counts)


@pytest.mark.parametrize("counts", [{"devices": 0}, {"num_nodes": 0}, {"devices": -1}])
def test_fewer_than_one_process(data: Data, counts: dict):
    with pytest.raises(InputError, match="must be at least 1, not"):
        fit("small-resnet", data, None, **counts)


def test_dropout_of_processes_differs_and_of_one_is_as_before():
    seeds = [layers_seed(3, 7, rank) for rank in range(3)]
    assert seeds[0] == seed_of("layers", 3, 7)
    assert len({*seeds}) == 3


def test_compiling_an_objective_that_cannot_be(data: Data, tmp_path: Path):
    with pytest.raises(InputError, match="gradient_norm is not made for torch.compile"):
        fit("small-resnet", data, tmp_path, GradientNorm(), Recipe(compile=True))
    assert not list(tmp_path.iterdir())


def broken_backend(graph, inputs):
    raise OSError("no compiler")


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:The .grad attribute"
)
@pytest.mark.parametrize(
    ("objective", "backend", "why"),
    [
        (ERM(), broken_backend, "no compiler"),
        (GradientNorm(), "aot_eager", "double backward|donated buffer"),
    ],
)
def test_a_compilation_that_fails_is_named(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objective, backend, why: str
):
    monkeypatch.setattr(GradientNorm, "compiles", True)  # as one from elsewhere may claim
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    said = f"torch.compile failed for {objective.name} with this model .*({why}).* leave out"
    with pytest.raises(InputError, match=said):
        fit("small-resnet", data, tmp_path, objective, dataclasses.replace(RECIPE, compile=True))
    assert not (tmp_path / "resume.pt").exists()


def test_an_error_of_a_compiled_model_is_not_taken_for_that(data: Data, monkeypatch):
    def broken(self, *args, **kwargs):
        raise RuntimeError("of another kind")

    monkeypatch.setattr(ERM, "__call__", broken)
    with pytest.raises(RuntimeError, match="of another kind"):
        fit("small-resnet", data, None, recipe=dataclasses.replace(RECIPE, compile=True))


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

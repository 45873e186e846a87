"""Every recipe of docs/extending.md is taken out of it, registered from outside, and tried."""

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold.attacks import attacks
from offmanifold.cli import COMMANDS
from offmanifold.data.load import NAMES
from offmanifold.manifolds import estimators
from offmanifold.measures import measures
from offmanifold.models.load import SOURCES
from offmanifold.objectives import objectives

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FEW = om.Recipe(epochs=1, batch_size=512)
VOCABULARIES = [objectives, attacks, estimators, measures, NAMES, SOURCES, COMMANDS]


def recipes() -> dict[str, str]:
    """Return {heading: its python block}."""
    parts = re.split(r"^## (.+)$", TEXT, flags=re.M)[1:]
    blocks = {
        heading: re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }
    assert all(len(block) == 1 for block in blocks.values()), "one block a recipe"
    return {heading: block[0] for heading, block in blocks.items()}


def write(heading: str, folder: Path) -> Path:
    """Write a recipe to the file that its first line names."""
    block = recipes()[heading]
    named = re.match(r"# (\S+\.py)\n", block)
    assert named, "a recipe's first line says where it belongs"
    path = folder / Path(named[1]).name
    path.write_text(block, encoding="utf-8")
    return path


def names_of(vocabulary) -> set[str]:
    return set(vocabulary)


@contextlib.contextmanager
def registered(heading: str, folder: Path) -> Iterator[ModuleType]:
    """Import a recipe, and forget afterwards whatever it registered."""
    path = write(heading, folder)
    before = [names_of(vocabulary) for vocabulary in VOCABULARIES]
    spec = importlib.util.spec_from_file_location(f"recipe_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        new = [names_of(v) - old for v, old in zip(VOCABULARIES, before, strict=True)]
        assert sum(map(len, new)) == 1, "a recipe registers one thing"
        yield module
    finally:
        del sys.modules[spec.name]
        for vocabulary, old in zip(VOCABULARIES, before, strict=True):
            for name in names_of(vocabulary) - old:
                if isinstance(vocabulary, dict):
                    del vocabulary[name]
                else:
                    vocabulary.remove(name)
            assert names_of(vocabulary) == old


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on several threads, far slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


def test_every_recipe_is_tried():
    tried = {
        *("An objective", "An attack", "A manifold estimator", "A measure"),
        *("A source of data", "A source of models", "A command", "From outside the package"),
    }
    assert set(recipes()) == tried


def test_the_table_of_recipes_names_files_and_vocabularies_that_are_there():
    rows = re.findall(r"^\| ([\w ]+) \| `(\w+)/NAME\.py` \| (.+) \|$", CONTRIBUTING, re.M)
    headings = {re.sub(r"^An? ", "", name) for name in recipes()} - {"From outside the package"}
    assert {thing for thing, _, _ in rows} == headings
    for _, room, place in rows:
        name, file = re.findall(r"`@?(\w+)[^`]*`", place)[0], re.findall(r"`([\w/]+\.py)`", place)
        source = ROOT / "src/offmanifold" / file[0]
        assert source.parent.name == room
        assert re.search(rf"^{name}\b.* = ", source.read_text("utf-8"), re.M), name


def test_an_objective_trains(tmp_path: Path, digits: om.Data):
    with registered("An objective", tmp_path) as recipe:
        run = om.train(
            "small-resnet",
            digits,
            objective=recipe.LabelSmoothing(amount=0.3),
            recipe=FEW,
            out=tmp_path / "run",
            show=False,
        )
        assert run.card.objective == {"name": "label_smoothing", "amount": 0.3}
        x, y = torch.rand(4, 1, 16, 16), torch.tensor([0, 1, 2, 3])
        g = torch.Generator()
        sharp = recipe.LabelSmoothing(amount=0.0)(run.module, x, y, generator=g)
        smooth = recipe.LabelSmoothing(amount=0.5)(run.module, x, y, generator=g)
        assert smooth.per_sample.shape == (4,)
        log_p = run.module(x).log_softmax(1)
        expected = (sharp.per_sample - log_p.mean(1)) / 2
        torch.testing.assert_close(smooth.per_sample, expected)
    with pytest.raises(om.InputError, match="label_smoothing"):
        objectives["label_smoothing"]


def test_an_objective_is_a_subcommand_of_a_command_line_started_after_it(tmp_path: Path):
    write("An objective", tmp_path)
    script = write("From outside the package", tmp_path)
    done = subprocess.run(
        [sys.executable, str(script), "train", "label-smoothing", "--help"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "--amount" in done.stdout
    assert "share of probability" in done.stdout


def test_an_attack_moves_each_image_inside_its_ball(tmp_path: Path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    x, y = torch.rand(5, 1, 6, 6), torch.tensor([0, 1, 2, 0, 1])
    with registered("An attack", tmp_path):
        attack = attacks["one-step"](eps=0.3)
        moved = attack(model, x, y, generator=torch.Generator())
    norms = (moved - x).flatten(1).norm(dim=1)
    assert (norms <= 0.3).all()
    assert (norms > 0.1).all()
    assert moved.min() >= 0
    assert moved.max() <= 1
    loss = nn.CrossEntropyLoss(reduction="none")
    assert (loss(model(moved), y) > loss(model(x), y)).all()
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_an_estimator_fits_through_fit_manifold_and_is_found_again(tmp_path: Path, digits: om.Data):
    small = om.load_data("digits", size=8)
    few = om.Data(small.train, small.val.subset(50), small.test, small.info)
    with registered("A manifold estimator", tmp_path) as recipe:
        manifold = om.fit_manifold(few, recipe.Gaussian(), save=False, device="cpu", show=False)
        assert manifold.card.usable
        assert 2 < manifold.card.dimension < 40
        x = few.test.read(few.test.rows[:4]).x
        along, across = manifold.axes.T[-1], manifold.axes.T[0]
        v = torch.stack([u.view(1, 8, 8).expand_as(x) for u in (along, across)])
        on, off = manifold.energy(x, v)
        assert (on > 0.7).all()
        assert (off < 0.05).all()
        out = tmp_path / "manifold"
        for _ in range(2):  # fitted, then found
            saved = om.fit_manifold(few, recipe.Gaussian(), out=out, device="cpu", show=False)
        torch.testing.assert_close(saved.score(x, None), manifold.score(x, None))


def test_a_measure_stands_in_an_audit_with_its_control(tmp_path: Path, digits: om.Data):
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
    with registered("A measure", tmp_path):
        audit = om.audit(
            model,
            digits,
            **asked(limit=20, only=["output.confidence"], folder=tmp_path / "audit", show=False),
        )
        page = om.report([audit], tmp_path / "report.html")
    number = om.read_audit(tmp_path / "audit").json["measures"]["output.confidence"]
    assert 0.1 <= number["low"] <= number["value"] <= number["high"] <= 1
    assert number["n"] == 20
    assert number["unit"] == "probability"
    assert set(number["controls"]) == {"untrained"}
    assert "Confidence" in page.read_text(encoding="utf-8")


def test_a_source_of_data_is_a_spec(tmp_path: Path):
    with registered("A source of data", tmp_path):
        data = om.load_data("stripes:40")
        around = om.load_data("distractor:stripes")
    assert data.shape == (1, 16, 16)
    assert data.classes == ("lying", "standing")
    assert len(data.train) + len(data.val) + len(data.test) == 40
    assert around.shape == (1, 32, 16)
    with pytest.raises(om.InputError, match="stripes"):
        om.load_data("stripes:40")


def test_a_source_of_models_is_a_spec_that_trains_and_loads(tmp_path: Path, digits: om.Data):
    with registered("A source of models", tmp_path):
        run = om.train("linear", digits, recipe=FEW, out=tmp_path / "run", show=False)
        again = om.load_model(str(tmp_path / "run"))
        assert again.card.classes == digits.classes
        x = torch.rand(3, 1, 16, 16)
        torch.testing.assert_close(again.module(x), run.module(x))
        with pytest.raises(om.InputError, match="made for data"):
            om.load_model("linear")


def test_a_command_runs(tmp_path: Path, offmanifold):
    with registered("A command", tmp_path):
        assert offmanifold("count", "--no-such-flag")[0] == 2
        code, out, _ = offmanifold("count", "--data", "digits")
    assert code == 0
    assert '"test": 2' in out
    assert offmanifold("count")[0] == 2

"""The audit as a library call, on a classifier and a manifold known exactly."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold._core.files import read_tensors
from offmanifold.audits.run import Subject, audit_models
from offmanifold.data.arrays import ArraySource
from offmanifold.data.types import Data, Split
from offmanifold.gradients.input_gradient import input_gradient
from offmanifold.measures import measures

QUICK = {"limit": 20, "show": False}


@pytest.fixture(scope="module")
def digits() -> om.Data:
    return om.load_data("digits")


@pytest.fixture(scope="module")
def masked() -> om.Data:
    return om.load_data("distractor:digits")


@pytest.fixture
def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))


def test_a_bare_module_is_left_as_it_was_found(digits, linear):
    linear.train()
    linear[1].weight.requires_grad_(False)
    linear[1].bias.grad = torch.ones(10)
    state, before = torch.get_rng_state(), {k: v.clone() for k, v in linear.state_dict().items()}
    audit = om.audit(linear, digits, **asked(label="mine", **QUICK))
    assert audit.label == "mine"
    assert linear.training
    assert linear[1].training
    assert not linear[1].weight.requires_grad
    assert linear[1].bias.requires_grad
    assert torch.equal(linear[1].bias.grad, torch.ones(10))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in linear.state_dict().items():
        assert torch.equal(value, before[name])


def test_accuracy_is_that_of_the_images_it_names(digits, linear):
    audit = om.audit(linear, digits, **asked(**QUICK))
    index = audit.columns["index"]
    assert audit.json["data"]["split"] == "test"  # a bare module may have seen the others
    assert set(index) <= set(digits.test.rows)
    batch = digits.test.read(index)
    right = (linear(batch.x).argmax(1) == batch.y).float().mean()
    assert audit["accuracy.clean"].value == pytest.approx(float(right))
    assert audit["accuracy.pgd_l2"].value <= audit["accuracy.clean"].value
    assert list(audit.columns["path"]) == [digits.test.source.names[i] for i in index]


def test_without_a_manifold_the_rest_is_measured_and_the_lack_named(digits, linear):
    audit = om.audit(linear, digits, **asked(**QUICK))
    needing = [n for n, m in measures.items() if "manifold" in m.needs]
    for name in needing:
        assert name in audit.json["skipped"]
    with pytest.raises(om.InputError, match="fit-manifold"):
        audit["alignment.on_manifold_fraction"]
    assert audit.regime.name in ("uncertain", "collapsed")


@pytest.mark.parametrize("labelled", [True, False])
def test_explanations_are_judged_where_asked_against_the_mean_of_training(digits, linear, labelled):
    options = {"only": ["deletion.gap"], **QUICK}
    assert (
        om.audit(linear, digits, **asked(**options)).json["skipped"]["deletion.gap"]["code"]
        == "lacks.explain"
    )
    parts = (digits.train, digits.val, digits.test)
    if not labelled:
        pixels = np.stack([digits.test.source.read(np.array([i]))[0] for i in range(1797)])
        source = ArraySource(pixels, None, digits.test.source.names)
        parts = [Split(source, part.rows) for part in parts]
    data = Data(*parts)
    audit = om.audit(linear, data, **asked(explain=True, **options))
    assert set(audit.json["curves"]) == {"deletion.most", "deletion.least"}
    index = audit.columns["index"]
    x = data.test.read(index).x
    mean = digits.train.read(digits.train.rows).x.mean(0).flatten()
    y = torch.from_numpy(audit.columns["label" if labelled else "prediction"])
    sizes = input_gradient(linear, x, y).abs().flatten(1)
    first = sizes.argsort(1, descending=True)[:, : round(0.4 * 256)]
    x.flatten(1).scatter_(1, first, mean.expand(len(x), -1).gather(1, first))
    p = (linear(x) / audit.json["settings"]["temperature"]).softmax(1)
    given = torch.from_numpy(audit.columns["prediction"])[:, None]
    found = audit.columns["deletion.most@0.4"]
    np.testing.assert_allclose(found, p.gather(1, given)[:, 0].detach(), atol=1e-5)


def test_signal_of_a_classifier_that_reads_only_the_upper_half(masked):
    """Exact: all energy is on the signal where the digit is above, none where it is below."""

    class Upper(nn.Module):
        def forward(self, x):
            means = x[:, 0, :16].reshape(len(x), 8, 32).mean(2)
            return torch.cat([means, means[:, :2] ** 2], 1)

    audit = om.audit(
        Upper(), masked, **asked(only=["signal.fraction", "signal.noise_ratio"], **QUICK)
    )
    above = masked.test.read(audit.columns["index"]).mask[:, 0, 0, 0]
    np.testing.assert_allclose(audit.columns["signal.fraction"], above, atol=1e-6)
    assert audit.json["measures"]["signal.fraction"]["chance"] == pytest.approx(0.5)
    assert len(audit.json["curves"]["signal.noise_ratio"]["points"]) == 10
    assert set(audit.json["measures"]) == {"signal.fraction", "signal.noise_ratio"}


def test_saved_and_read_back(digits, linear, tmp_path):
    audit = om.audit(linear, digits, **asked(folder=tmp_path / "a", **QUICK))
    again = om.read_audit(tmp_path / "a")
    assert again.json == json.loads(json.dumps(audit.json))
    for name, column in audit.columns.items():
        np.testing.assert_array_equal(again.columns[name], column)
    panels, _ = read_tensors(tmp_path / "a/panels.safetensors")
    norms = panels["gradient"].float().flatten(1).norm(dim=1)
    assert torch.allclose(norms, torch.ones(20), atol=1e-2)
    assert not list(tmp_path.rglob("*.part"))


def test_an_unsaved_audit_is_reported_with_its_pictures(digits, linear, tmp_path):
    page = om.report(
        [om.audit(linear, digits, **asked(**QUICK))], tmp_path / "page.html"
    ).read_text()
    assert page.count("data:image/png") >= 8


def test_several_models_in_one_pass_equal_each_alone(digits, linear):
    torch.manual_seed(1)
    other = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
    alone = [
        om.audit(m, digits, **asked(label=n, **QUICK)) for n, m in (("a", linear), ("b", other))
    ]
    loaded = [om.Loaded(m, om.ModelCard(n)) for n, m in (("a", linear), ("b", other))]
    subjects = [Subject(one, one.card.label, mapping="by-index") for one in loaded]
    for one, together in zip(alone, audit_models(subjects, digits, **asked(**QUICK)), strict=True):
        for name, number in one.json["measures"].items():
            assert together[name].value == pytest.approx(number["value"]), name


def test_a_wrong_number_of_logits_is_named(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 7))
    with pytest.raises(om.InputError, match="7 and 10"):
        om.audit(model, digits, **asked(**QUICK))


def test_an_image_size_the_model_does_not_take_is_named(masked, linear):
    with pytest.raises(om.InputError, match="`image_size`"):
        om.audit(linear, masked, **asked(**QUICK))


INTERRUPT = {"after": 0}  # forward passes until Ctrl-C; not of the model, whose content counts


class Interrupts(nn.Module):
    """A linear classifier that is interrupted at a forward pass."""

    def __init__(self, linear: nn.Module):
        super().__init__()
        self.linear = linear

    def forward(self, x):
        interrupt()
        return self.linear(x.flatten(1))


def interrupt(state=INTERRUPT) -> None:
    state["after"] -= 1
    if state["after"] == 0:
        signal.raise_signal(signal.SIGINT)


interrupt.__module__ = "torch.interrupt"  # of a library: how it is interrupted does not count


def interrupted(after: int, *args, **options) -> None:
    INTERRUPT["after"] = after
    with pytest.raises(KeyboardInterrupt):
        om.audit(*args, **asked(**options))
    INTERRUPT["after"] = 0


RESUMED = {
    "only": ["accuracy.clean", "accuracy.pgd_l2", "output.spread"],
    "batch_size": 5,
    "limit": 38,
    "show": False,
}


def assert_same(one: om.Audit, other: om.Audit) -> None:
    """The same numbers, to the bit, and the same pictures."""
    saved = [json.loads(json.dumps(audit.json)) for audit in (one, other)]
    for each in saved:
        del each["settings"]["seconds"]
    assert saved[0] == saved[1]
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other.columns[name])
    pictures = [read_tensors(a.folder / "panels.safetensors")[0] for a in (one, other)]
    assert pictures[0].keys() == pictures[1].keys()
    for name, picture in pictures[0].items():
        assert torch.equal(picture, pictures[1][name])


def test_an_interrupted_audit_goes_on_and_equals_a_whole_one_to_the_bit(digits, linear, tmp_path):
    model, folder = Interrupts(linear), tmp_path / "a"
    interrupted(60, model, digits, folder=folder, **RESUMED)
    first = om.read_audit(folder)
    assert 0 < first["accuracy.clean"].n < 38
    assert first.json["data"]["planned"] == 38
    interrupted(40, model, digits, folder=str(folder), **RESUMED)
    second = om.read_audit(folder)
    assert first["accuracy.clean"].n < second["accuracy.clean"].n < 38
    calls = count_calls(model, lambda: om.audit(model, digits, **asked(folder=folder, **RESUMED)))
    whole = om.audit(model, digits, **asked(folder=tmp_path / "b", **RESUMED))
    assert 0 < calls < count_calls(model, lambda: om.audit(model, digits, **asked(**RESUMED))) / 2
    assert_same(om.read_audit(folder), whole)
    assert not (folder / "batches").exists()


def count_calls(model: nn.Module, run) -> int:
    INTERRUPT["after"] = 0
    run()
    return -INTERRUPT["after"]


def test_an_audit_that_was_killed_goes_on(digits, linear, tmp_path):
    """All that a kill leaves are the batches: no audit.json, and perhaps half a file."""
    model, folder = Interrupts(linear), tmp_path / "a"
    interrupted(60, model, digits, folder=folder, **RESUMED)
    for name in ("audit.json", "images.parquet", "panels.safetensors"):
        (folder / name).unlink()
    last = sorted((folder / "batches").iterdir())[-1]
    last.write_bytes(last.read_bytes()[:100])
    audit = om.audit(model, digits, **asked(folder=folder, **RESUMED))
    assert_same(audit, om.audit(model, digits, **asked(folder=tmp_path / "b", **RESUMED)))


def test_models_that_stopped_at_different_images_go_on_in_one_pass(digits, linear, tmp_path):
    torch.manual_seed(1)
    other = nn.Sequential(nn.Flatten(), nn.Linear(256, 10))
    models = {"a": Interrupts(linear), "b": other, "c": Interrupts(other)}
    interrupted(60, models["a"], digits, label="a", folder=tmp_path / "a", **RESUMED)
    interrupted(30, models["c"], digits, label="c", folder=tmp_path / "c", **RESUMED)
    subjects = [
        Subject(om.Loaded(m, om.ModelCard(n)), n, tmp_path / n, "by-index")
        for n, m in models.items()
    ]
    for one in audit_models(subjects, digits, **asked(**RESUMED)):
        alone = tmp_path / f"{one.label}-alone"
        whole = om.audit(
            models[one.label], digits, **asked(label=one.label, folder=alone, **RESUMED)
        )
        whole.json["model"]["spec"] = one.json["model"]["spec"]
        for key in ("parameters", "weights_hash"):
            whole.json["model"][key] = one.json["model"][key]
        assert_same(one, whole)


def test_ctrl_c_is_answered_within_a_batch_and_keeps_the_batches_before(
    digits, linear, tmp_path, capsys
):
    model, options = Interrupts(linear), {**RESUMED, "show": True}
    interrupted(60, model, digits, folder=tmp_path / "a", **options)
    n = om.read_audit(tmp_path / "a")["accuracy.clean"].n
    assert n % 5 == 0
    assert "stopping: saving what is done" in capsys.readouterr().err
    INTERRUPT["after"] = 0
    om.audit(model, digits, **asked(folder=tmp_path / "a", **options))
    assert f"goes on after the {n} images" in capsys.readouterr().err


def test_ctrl_c_in_the_first_batch_leaves_no_audit(digits, linear, tmp_path):
    model = Interrupts(linear)
    interrupted(8, model, digits, folder=tmp_path / "a", **RESUMED)
    assert not (tmp_path / "a" / "audit.json").exists()
    assert (
        om.audit(model, digits, **asked(folder=tmp_path / "a", **RESUMED))["accuracy.clean"].n == 38
    )


def test_golden_schemas_are_read(tmp_path):
    golden = Path(__file__).parents[1] / "golden"
    audit = om.read_audit(golden / "audit")
    assert audit["accuracy.clean"].n == len(audit.columns["index"])
    assert audit.regime.name
    comparison = json.loads((golden / "compare.json").read_text())
    assert comparison["schema"] == "offmanifold.compare/1"
    page = om.report(golden / "compare.json", tmp_path / "page.html")
    assert "bayes-aligned" in page.read_text().lower()


def test_an_unknown_schema_is_refused(tmp_path):
    (tmp_path / "audit.json").write_text(json.dumps({"schema": "offmanifold.audit/9"}))
    with pytest.raises(om.InputError, match="update"):
        om.read_audit(tmp_path)
    (tmp_path / "audit.json").write_text("{")
    with pytest.raises(om.InputError, match="JSON"):
        om.read_audit(tmp_path)


def binary(digits: om.Data) -> om.Data:
    """Zeros and ones among the digits."""

    def kept(split: Split) -> Split:
        assert split.labels is not None
        return Split(split.source, split.rows[split.labels < 2], ("0", "1"))

    return Data(kept(digits.train), kept(digits.val), kept(digits.test), digits.info)


class Ending(nn.Module):
    """A linear classifier of two or ten classes whose last step is a function."""

    def __init__(self, data: om.Data, end, outputs: int):
        super().__init__()
        mean = data.train.class_means.flatten(1)
        weight = 20 * (mean - mean.mean(0)) / mean.shape[1]
        bias = -10 * (mean.square() - mean.mean(0).square()).sum(1) / mean.shape[1]
        self.linear = nn.Linear(mean.shape[1], outputs)
        if outputs == 1:
            weight, bias = weight[1:2] - weight[:1], bias[1:2] - bias[:1]
        self.linear.weight.data, self.linear.bias.data = weight, bias
        self.end = end

    def forward(self, x):
        return self.end(self.linear(x.flatten(1)))


NUMBERS = ["accuracy.clean", "accuracy.pgd_l2", "output.spread"]


@pytest.mark.parametrize(
    ("outputs", "end"),
    [
        (1, torch.sigmoid),
        (2, lambda f: f.softmax(1)),
        (10, lambda f: f.softmax(1)),
        (10, lambda f: f.log_softmax(1)),
        (10, torch.sigmoid),
    ],
)
def test_probabilities_are_audited_as_their_logits_are(digits, outputs, end):
    data = digits if outputs == 10 else binary(digits)
    wanted = om.audit(Ending(data, lambda f: f, outputs), data, **asked(only=NUMBERS, **QUICK))
    found = om.audit(Ending(data, end, outputs), data, **asked(only=NUMBERS, **QUICK))
    assert wanted["accuracy.clean"].value > 0.7
    for name in NUMBERS:
        assert found[name].value == pytest.approx(wanted[name].value, abs=1e-3)


@pytest.mark.parametrize("gradient", ["log_prob", "logsumexp", "smoothgrad"])
def test_no_model_is_told_robust_since_its_gradients_lead_nowhere(digits, capsys, gradient):
    rounded = Ending(digits, lambda f: f, 10)

    def lost(x):  # half of the images are rounded first
        some = (x.mean((1, 2, 3), keepdim=True) > digits.train.mean.mean()).float()
        return some * x.round() + (1 - some) * x

    class Partly(nn.Module):
        def forward(self, x):
            return rounded(lost(x))

    audit = om.audit(Partly(), digits, **asked(only=NUMBERS[:2], limit=40, gradient=gradient))
    assert audit["accuracy.clean"].value > 0.5
    assert audit["accuracy.pgd_l2"].value is None
    reason = audit.json["skipped"]["accuracy.pgd_l2"]
    assert reason["code"] == "missing.no_gradient" and reason["values"]["n"] == 40
    assert "of 40 images have no gradient" in capsys.readouterr().err

    class Wholly(nn.Module):
        def forward(self, x):
            return rounded((x * 4).round() / 4)

    with pytest.raises(om.InputError, match="gradient is zero at every image"):
        om.audit(Wholly(), digits, **asked(only=NUMBERS[:2], **QUICK))


def test_a_gamma_at_black_pixels_is_refused(digits):
    class Gamma(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(256, 10)

        def forward(self, x):
            return self.linear((x ** (1 / 2.2)).flatten(1))

    with pytest.raises(om.InputError, match=r"infinite or NaN at every image .*clamp"):
        om.audit(Gamma(), digits, **asked(**QUICK))

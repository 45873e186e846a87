import contextlib
import io
import itertools
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from offmanifold._core.device import Engine
from offmanifold._core.errors import InputError, RunError
from offmanifold._core.files import write_sealed
from offmanifold._core.optimisation import PATIENCE, Schedule, _Average, optimise
from offmanifold._core.randomness import generator_of

STEPS = 12
Hook = Callable[[int], None]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine("cpu", "fp32")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.SiLU(), nn.Linear(4, 1))


def run(
    engine: Engine,
    checkpoint: Path | None,
    hook: Hook = lambda step: None,
    ema: float = 0.0,
    model: nn.Module | None = None,
    **more,
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Fit Σx on 8 points a step; hook(step) may break it."""
    model = network() if model is None else model

    def loss_at(step: int):
        x = torch.randn(8, 3, generator=generator_of("test", step))
        loss = (model(x)[:, 0] - x.sum(1)).square().mean()
        hook(step)
        return loss, {"step_squared": float(step**2)}

    log = optimise(
        model,
        loss_at,
        Schedule(STEPS, lr=0.05),
        engine,
        title="test",
        checkpoint=checkpoint,
        checkpoint_seconds=0,
        ema=ema,
        show=False,
        **more,
    )
    return model, log


def assert_same_weights(a: nn.Module, b: nn.Module):
    assert all(v.equal(b.state_dict()[k]) for k, v in a.state_dict().items())


class Killed(Exception):
    pass


def kill_at(step: int) -> Hook:
    def hook(now: int) -> None:
        if now == step:
            raise Killed

    return hook


def test_it_learns_and_logs_every_step(engine: Engine):
    _, log = run(engine, None)
    assert [entry["step"] for entry in log] == list(range(1, STEPS + 1))
    assert [entry["step_squared"] for entry in log] == [s**2 for s in range(STEPS)]
    assert log[-1]["loss"] < log[0]["loss"] / 2


def watched(ema: float, model: nn.Sequential | None = None) -> dict[str, Any]:
    """Arguments by which the first weight is looked at every fourth step."""
    model = network() if model is None else model
    return {
        "ema": ema,
        "model": model,
        "watch": lambda: {"first_weight": float(model[0].weight.detach()[0, 0])},
        "watch_every": 4,
    }


@pytest.mark.parametrize("ema", [0.0, 0.7])
@pytest.mark.parametrize("stops", [[1], [6], [STEPS - 1], [2, 3, 4, 9]])
def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    tmp_path: Path, engine: Engine, ema: float, stops: list[int]
):
    whole, log = run(engine, None, **watched(ema))
    for stop in stops:
        with pytest.raises(Killed):
            run(engine, tmp_path / "resume.pt", kill_at(stop), **watched(ema))
    first = []
    resumed, resumed_log = run(engine, tmp_path / "resume.pt", first.append, **watched(ema))
    assert first[0] == stops[-1]
    assert resumed_log == log
    assert_same_weights(resumed, whole)


def test_the_moving_average_by_hand(engine: Engine):
    model, seen = network(), []

    def keep(step: int) -> None:  # called when the statistics have moved and the weights have not
        seen.append({k: v.clone() for k, v in model.state_dict().items()})

    decay = 0.7
    averaged, log = run(engine, None, keep, **watched(decay, model))
    last, _ = run(engine, None)
    weights = [state["0.weight"] for state in seen] + [last[0].weight.detach()]
    means = [torch.zeros(4)] + [state["1.running_mean"] for state in seen]
    for name, values in (("0.weight", weights), ("1.running_mean", means)):
        expected = values[0]
        for step, value in enumerate(values[1:]):
            rate = max(1 - decay, 1 / (1 + 0.1 * (step + 1)))
            expected = (1 - rate) * expected + rate * value
            if name == "0.weight" and step == 3:  # before the fifth step comes the first look
                assert log[4]["first_weight"] == pytest.approx(float(expected[0, 0]), abs=1e-6)
        torch.testing.assert_close(averaged.state_dict()[name], expected)
        assert not torch.allclose(averaged.state_dict()[name], values[-1])


def test_early_averages_forget_the_weights_before_the_first_step():
    value = torch.ones(3)
    average = _Average([value], 0.999)
    value.zero_()
    for step in range(10):
        average.update(step)
    share = math.factorial(10) ** 2 / math.factorial(20)
    assert share < 1e-5
    torch.testing.assert_close(average.values[0], torch.full((3,), share))


def told(numbers: list[float], ema: float = 0.0, every: int = 1) -> dict[str, Any]:
    """Arguments by which the numbers are watched one by one, whatever the weights.

    seen: the weights and statistics at the time of each number. left: numbers not watched.
    """
    model, left, seen = network(), list(numbers), {}

    def watch() -> dict[str, float]:
        number = left.pop(0)
        seen[number] = {k: v.clone() for k, v in model.state_dict().items()}
        return {"other": 0.0, "error": number}

    more = {"ema": ema, "model": model, "watch": watch, "watch_every": every, "least": "error"}
    return {"arguments": more, "seen": seen, "left": left}


def assert_ends_as_at(model: nn.Module, state: dict[str, torch.Tensor]):
    kept = {k: v for k, v in model.state_dict().items() if v.is_floating_point()}
    assert len(kept) == 8
    for name, value in kept.items():
        assert torch.equal(value, state[name])


@pytest.mark.parametrize("ema", [0.0, 0.7])
@pytest.mark.parametrize("at", [0, 3, 10, 11])
def test_it_ends_as_it_was_at_the_least_watched_number(engine: Engine, ema: float, at: int):
    numbers = [10.0 + abs(i - at) + 0.1 * i for i in range(STEPS)]
    trial = told(numbers, ema)
    model, _ = run(engine, None, **trial["arguments"])
    assert_ends_as_at(model, trial["seen"][min(numbers)])
    if at < STEPS - 1:
        assert not torch.equal(model[0].weight, trial["seen"][max(trial["seen"])]["0.weight"])


def test_of_equal_numbers_the_first_is_kept(engine: Engine):
    model = network()
    weights = []

    def watch() -> dict[str, float]:
        weights.append(model[0].weight.detach().clone())
        return {"error": 1.0}

    run(engine, None, model=model, watch=watch, least="error", watch_every=2)
    assert torch.equal(model[0].weight, weights[0])
    assert not torch.equal(weights[0], weights[1])


@pytest.mark.parametrize("best", [1, 2])
def test_it_stops_after_patience_runs_out(engine: Engine, best: int):
    numbers = [5.0, 4.0, 3.0][:best] + [9.0 + i for i in range(STEPS)]
    trial, steps = told(numbers), []
    model, log = run(engine, None, steps.append, **trial["arguments"])
    assert PATIENCE == 8
    assert len(steps) == best + PATIENCE  # the watch of step s comes before it
    assert log[-1]["step"] == best + PATIENCE < STEPS
    assert len(trial["left"]) == len(numbers) - best - PATIENCE  # nothing is watched afterwards
    assert_ends_as_at(model, trial["seen"][min(numbers)])


def test_a_new_least_starts_patience_anew(engine: Engine):
    numbers = [5.0, *[9.0 + i for i in range(7)], 4.0, 20.0, 21.0, 22.0]
    trial = told(numbers)
    steps = []
    run(engine, None, steps.append, **trial["arguments"])
    assert len(steps) == STEPS
    assert not trial["left"]


def test_the_end_is_a_candidate_too(engine: Engine):
    plain, _ = run(engine, None)
    trial = told([9.0, 8.0, 1.0], every=5)  # before steps 5 and 10, and at the end
    model, log = run(engine, None, **trial["arguments"])
    assert_same_weights(model, plain)
    assert [entry.get("error") for entry in log] == [None] * 5 + [9.0] * 5 + [8.0] * 2


def test_without_patience_running_out_learning_is_unchanged(engine: Engine):
    falling = told([float(STEPS - i) for i in range(STEPS)])
    assert_same_weights(run(engine, None, **falling["arguments"])[0], run(engine, None)[0])


def test_a_number_that_is_nan_is_never_the_least(engine: Engine):
    trial = told([math.nan, 3.0, math.nan, 4.0, *[math.nan] * STEPS])
    model, _ = run(engine, None, **trial["arguments"])
    assert_ends_as_at(model, trial["seen"][3.0])
    nothing = told([math.nan] * STEPS)
    model, log = run(engine, None, **nothing["arguments"])
    assert log[-1]["step"] == PATIENCE
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_least_that_is_not_watched_is_no_silent_zero(engine: Engine):
    arguments = {**told([1.0] * STEPS)["arguments"], "least": "eror"}
    with pytest.raises(KeyError, match="eror"):
        run(engine, None, **arguments)


def stopping(ema: float) -> dict[str, Any]:
    """Arguments by which a function of the weights alone decides, and stops before the end."""
    model = network()

    def watch() -> dict[str, float]:
        gone = float((model[0].weight.detach() - network()[0].weight.detach()).abs().sum())
        return {"error": abs(gone - 1.2)}  # some .5 a step: least at the second watch

    return {"ema": ema, "model": model, "watch": watch, "least": "error"}


@pytest.mark.parametrize("ema", [0.0, 0.7])
@pytest.mark.parametrize("stop", range(STEPS))
def test_killed_anywhere_it_ends_at_the_same_least_bit_for_bit(
    tmp_path: Path, engine: Engine, ema: float, stop: int
):
    """Every place of a kill, before and after the least, and just before the early stop."""
    whole, log = run(engine, None, **stopping(ema))
    last = int(log[-1]["step"])
    watched = [entry["error"] for entry in log if "error" in entry]
    assert watched[0] > min(watched) < watched[-1]
    assert last == PATIENCE + 2
    killed = contextlib.nullcontext() if stop >= last else pytest.raises(Killed)
    with killed:
        run(engine, tmp_path / "resume.pt", kill_at(stop), **stopping(ema))
    resumed, resumed_log = run(engine, tmp_path / "resume.pt", **stopping(ema))
    assert resumed_log == log
    assert_same_weights(resumed, whole)


def test_a_run_that_stopped_early_and_was_lost_stops_there_again(tmp_path: Path, engine: Engine):
    numbers = [1.0, *[2.0 + i for i in range(STEPS)]]
    trial = told(numbers)
    whole, log = run(engine, tmp_path / "resume.pt", **trial["arguments"])
    assert log[-1]["step"] == PATIENCE + 1
    steps, again = [], told(numbers[PATIENCE:])
    resumed, resumed_log = run(engine, tmp_path / "resume.pt", steps.append, **again["arguments"])
    assert steps == []
    assert resumed_log == log
    assert_same_weights(resumed, whole)


def test_a_checkpoint_from_before_there_was_a_least_goes_on(tmp_path: Path, engine: Engine):
    path = tmp_path / "resume.pt"
    with pytest.raises(Killed):
        run(engine, path, kill_at(6))
    state = torch.load(path, weights_only=True)
    del state["best"]
    save(state, path)
    assert_same_weights(run(engine, path)[0], run(engine, None)[0])


@pytest.mark.parametrize("ema", [0.0, 0.7])
def test_watching_is_done_every_so_often_and_changes_nothing(engine: Engine, ema: float):
    plain, _ = run(engine, None, ema=ema)
    model, log = run(engine, None, **watched(ema))
    assert_same_weights(model, plain)
    assert ["first_weight" in entry for entry in log] == [False] * 4 + [True] * 8
    assert log[4]["first_weight"] == log[7]["first_weight"] != log[8]["first_weight"]


def test_without_a_checkpoint_nothing_is_written(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run(engine, None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", ["loss", "images", "gradient"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_names_the_step_and_keeps_a_good_checkpoint(
    tmp_path: Path, engine: Engine, value: float, where: str
):
    model = network()

    def loss_at(step: int):
        broken = value if step == 4 else 1.0
        x = torch.randn(8, 3, generator=generator_of("test", step))
        if where == "images":  # reaches the statistics of the batch normalisation
            x = x * broken
        loss = model(x).square().mean()
        if where == "gradient":  # √ has an infinite slope at 0
            loss = loss + (model(x)[0, 0] * 0).sqrt() if step == 4 else loss
        return (loss * broken if where == "loss" else loss), {}

    path = tmp_path / "resume.pt"
    with pytest.raises(RunError, match=f"not finite at step 5 of {STEPS}"):
        optimise(
            model,
            loss_at,
            Schedule(STEPS),
            engine,
            title="test",
            checkpoint=path,
            checkpoint_seconds=0,
            ema=0.9,
            show=False,
        )
    state = torch.load(path, weights_only=True)
    assert state["step"] == 4
    moments = [v for entry in state["optimiser"]["state"].values() for v in entry.values()]
    tensors = [*state["module"].values(), *state["average"], *moments]
    assert len(tensors) > 20
    assert all(tensor.isfinite().all() for tensor in tensors)
    assert all(p.isfinite().all() for p in model.parameters())


def test_statistics_that_overflow_under_a_finite_loss_are_never_saved(
    tmp_path: Path, engine: Engine
):
    model, path = network(), tmp_path / "resume.pt"

    def loss_at(step: int):
        x = torch.randn(8, 3, generator=generator_of("test", step))
        loss = model(x * (1e25 if step == 4 else 1)).square().mean()  # the variance is infinite
        assert loss.isfinite()
        return loss, {}

    with pytest.raises(
        RunError, match=f"weights or statistics are not finite at step 5 of {STEPS}"
    ):
        optimise(
            model,
            loss_at,
            Schedule(STEPS),
            engine,
            title="test",
            checkpoint=path,
            checkpoint_seconds=0,
            show=False,
        )
    assert model[1].running_var.isinf().any()
    state = torch.load(path, weights_only=True)
    assert state["step"] == 4
    assert all(tensor.isfinite().all() for tensor in state["module"].values())


def test_a_mask_of_infinities_is_no_statistic(tmp_path: Path, engine: Engine):
    model = network()
    model.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    run(engine, tmp_path / "resume.pt", ema=0.7, model=model)
    assert (tmp_path / "resume.pt").exists()
    assert model.mask.tolist() == [0, -torch.inf]


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([0.5, 0.9e6, 1.1e6], 3),  # a first loss below 1 counts as 1
        ([20.0, 1.9e7, 2.1e7], 3),
        ([2.1e7, 2.1e7, 2.2e7], None),  # large from the start
        ([1.0, -1e9, 1.0], None),
    ],
)
def test_a_loss_that_explodes(engine: Engine, losses: list[float], stop: int | None):
    weight = nn.Linear(1, 1, bias=False)
    named = contextlib.nullcontext()
    if stop:
        named = pytest.raises(RunError, match=f"risen to .* at step {stop} of 3; use a smaller")
    with named:
        optimise(
            weight,
            lambda step: (0 * weight.weight.sum() + losses[step], {}),
            Schedule(3),
            engine,
            title="test",
            show=False,
        )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_after_the_step_with_a_checkpoint(
    tmp_path: Path, engine: Engine, sent: signal.Signals
):
    path, before = tmp_path / "resume.pt", signal.getsignal(sent)

    def interrupt(step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), sent)

    with pytest.raises(KeyboardInterrupt) as ended:
        run(engine, path, interrupt)
    assert getattr(ended.value, "code", None) == 128 + sent
    assert signal.getsignal(sent) is before
    assert torch.load(path, weights_only=True)["step"] == 6
    assert_same_weights(run(engine, path)[0], run(engine, None)[0])


def save(state: dict, path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_sealed(path, buffer.getbuffer())


def valid_but_other(path: Path) -> None:
    save({"step": 3}, path)


def of_another_network(path: Path) -> None:
    optimiser = torch.optim.AdamW([torch.ones(1)])
    state = {"module": {"w": torch.ones(1)}, "optimiser": optimiser.state_dict()}
    save({**state, "average": [], "step": 3, "log": []}, path)


def half(path: Path) -> None:
    torch.save(network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    "spoil", [lambda p: p.write_bytes(b""), half, valid_but_other, of_another_network]
)
def test_a_damaged_checkpoint_is_named(tmp_path: Path, engine: Engine, spoil):
    path = tmp_path / "resume.pt"
    spoil(path)
    with pytest.raises(InputError, match=r"resume\.pt cannot be read or is damaged.*delete it"):
        run(engine, path)


def test_a_flipped_bit_of_a_checkpoint_is_found(tmp_path: Path, engine: Engine):
    path = tmp_path / "resume.pt"
    with pytest.raises(Killed):
        run(engine, path, kill_at(3))
    whole = path.read_bytes()
    for place in [*range(0, len(whole), len(whole) // 40), len(whole) - 1]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(InputError, match=r"resume\.pt .*is damaged.*delete it"):
            run(engine, path)
    path.write_bytes(whole)
    assert_same_weights(run(engine, path)[0], run(engine, None)[0])


def test_a_full_disk_keeps_the_former_checkpoint(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "resume.pt"
    with pytest.raises(Killed):
        run(engine, path, kill_at(3))

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(RunError, match="no space left"):
            run(engine, path)
    assert list(tmp_path.iterdir()) == [path]
    assert_same_weights(run(engine, path)[0], run(engine, None)[0])


def test_the_learning_rate_rises_and_falls():
    schedule = Schedule(100, lr=1.0, rise=0.1)
    rates = [schedule.lr_at(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[10] == max(rates) == 1
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.01
    assert 0 < Schedule(1).lr_at(0) <= Schedule(1).lr


def test_steps_of_the_learning_rate():
    schedule = Schedule(200, lr=1.0, shape="step")
    rates = [schedule.lr_at(epoch) for epoch in range(200)]
    assert rates == [1.0] * 150 + [0.1] * 25 + [0.01] * 25
    assert [Schedule(5, lr=1.0, shape="step").lr_at(s) for s in range(5)] == [1, 1, 1, 1, 0.1]


def test_in_bf16_weights_stay_float32():
    model, _ = run(Engine("cpu", "bf16"), None)
    assert all(p.dtype == torch.float32 for p in model.parameters())

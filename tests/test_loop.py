import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from offmanifold.errors import InputError, RunError
from offmanifold.loop import Engine, Schedule, deferred_interrupt, optimise, resolve_precision
from offmanifold.randomness import generator_of

STEPS = 12
Hook = Callable[[int], None]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine("cpu", "fp32")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.SiLU(), nn.Linear(4, 1))


def run(
    engine: Engine, checkpoint: Path | None, hook: Hook = lambda step: None, ema: bool = False
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Fit Σx on 8 points a step; hook(step) may break it."""
    model = network()

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


@pytest.mark.parametrize("ema", [False, True])
@pytest.mark.parametrize("stops", [[1], [6], [STEPS - 1], [2, 3, 9]])
def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(
    tmp_path: Path, engine: Engine, ema: bool, stops: list[int]
):
    whole, log = run(engine, None, ema=ema)
    for stop in stops:
        with pytest.raises(Killed):
            run(engine, tmp_path / "resume.pt", kill_at(stop), ema)
    first = []
    resumed, resumed_log = run(engine, tmp_path / "resume.pt", first.append, ema)
    assert first[0] == stops[-1]
    assert resumed_log == log
    assert_same_weights(resumed, whole)


def test_the_moving_average_is_not_the_last_weight(engine: Engine):
    averaged, _ = run(engine, None, ema=True)
    last, _ = run(engine, None)
    assert not averaged[0].weight.equal(last[0].weight)


def test_without_a_checkpoint_nothing_is_written(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    run(engine, None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_loss_that_is_not_finite_names_the_step_and_keeps_the_checkpoint(
    tmp_path: Path, engine: Engine, value: float
):
    model = network()

    def loss_at(step: int):
        loss = model(torch.ones(2, 3)).square().mean()
        return (loss * value if step == 4 else loss), {}

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
            show=False,
        )
    assert torch.load(path, weights_only=True)["step"] == 4
    assert all(p.isfinite().all() for p in model.parameters())


def test_ctrl_c_ends_after_the_step_with_a_checkpoint(tmp_path: Path, engine: Engine):
    path, before = tmp_path / "resume.pt", signal.getsignal(signal.SIGINT)

    def interrupt(step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(engine, path, interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    assert torch.load(path, weights_only=True)["step"] == 6
    assert_same_weights(run(engine, path)[0], run(engine, None)[0])


def test_a_second_ctrl_c_stops_at_once():
    def press_twice() -> None:
        with deferred_interrupt() as interrupted:
            assert not interrupted()
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupted()
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("went on")

    with pytest.raises(KeyboardInterrupt):
        press_twice()


def valid_but_other(path: Path) -> None:
    torch.save({"step": 3}, path)


def of_another_network(path: Path) -> None:
    optimiser = torch.optim.AdamW([torch.ones(1)])
    state = {"module": {"w": torch.ones(1)}, "optimiser": optimiser.state_dict()}
    torch.save({**state, "average": [], "step": 3, "log": []}, path)


def half(path: Path) -> None:
    torch.save(network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    "spoil", [lambda p: p.write_bytes(b""), half, valid_but_other, of_another_network]
)
def test_a_damaged_checkpoint_is_named(tmp_path: Path, engine: Engine, spoil):
    path = tmp_path / "resume.pt"
    spoil(path)
    with pytest.raises(InputError, match=r"resume\.pt cannot be read .*delete it"):
        run(engine, path)


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


@pytest.mark.parametrize("device", ["cuda:999", "nonsense", "", "tpu"])
def test_a_device_that_is_not_there(device: str):
    with pytest.raises(InputError, match=f'device "{device}" cannot be used here'):
        Engine(device, "fp32")


def test_precision(engine: Engine):
    cpu = torch.device("cpu")
    assert engine.precision == "fp32"
    assert resolve_precision("bf16", cpu) == "bf16"
    assert resolve_precision("auto", cpu) in ("bf16", "fp32")
    with pytest.raises(InputError, match='unknown precision "fp8"; known: auto, bf16, fp32'):
        Engine("cpu", "fp8")  # type: ignore[arg-type]


def test_in_bf16_weights_stay_float32():
    model, _ = run(Engine("cpu", "bf16"), None)
    assert all(p.dtype == torch.float32 for p in model.parameters())

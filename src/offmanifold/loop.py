"""The one optimisation loop: devices and precision by lightning-fabric, checkpoints, progress.

It knows neither data nor objectives. All randomness of a step is made from (seed, step) by the
caller, so that a run resumed from any checkpoint ends with the same weights as one never stopped.
"""

import contextlib
import io
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from offmanifold.errors import InputError, RunError
from offmanifold.files import write_atomically
from offmanifold.precision import bf16_is_faster
from offmanifold.progress import bar

Precision = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to optimise, by AdamW.

    steps: optimiser steps. lr: peak learning rate, reached after the share `rise` of the steps,
    then a cosine to zero (one cycle). clip: largest l2 norm of the whole weight gradient.
    """

    steps: int
    lr: float = 2e-3
    weight_decay: float = 1e-4
    rise: float = 0.1
    clip: float = 1.0

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step counted from 0."""
        risen = max(1, round(self.rise * self.steps))
        if step < risen:
            return self.lr * (step + 1) / risen
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - risen) / max(1, self.steps - risen)))


def resolve_precision(precision: Precision, device: torch.device) -> str:
    """Return "bf16" or "fp32"; `auto` takes bf16 where a timed convolution shows it faster."""
    if precision not in ("auto", "bf16", "fp32"):
        raise InputError(f'unknown precision "{precision}"; known: auto, bf16, fp32')
    if precision == "auto":
        return "bf16" if bf16_is_faster(device.type) else "fp32"
    return precision


def settled(precision: Precision, saved: str | None) -> Precision:
    """Return the precision of an earlier run where `auto` meets one, else what was asked."""
    if precision == "auto" and saved in ("bf16", "fp32"):
        return "bf16" if saved == "bf16" else "fp32"
    return precision


class Engine:
    """Where and in which precision a loop runs."""

    def __init__(self, device: str = "auto", precision: Precision = "auto"):
        logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
        try:
            plain = Fabric(accelerator=device, devices=1)
            self.precision = resolve_precision(precision, plain.device)
            name = "bf16-mixed" if self.precision == "bf16" else "32-true"
            self.fabric = Fabric(accelerator=device, devices=1, precision=name)
        except (ValueError, RuntimeError, ImportError) as error:
            raise InputError(f'device "{device}" cannot be used here: {error}') from error
        self.device = self.fabric.device


def optimise(
    module: nn.Module,
    loss_at: Callable[[int], tuple[Tensor, dict[str, float]]],
    schedule: Schedule,
    engine: Engine,
    *,
    title: str,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 15.0,
    ema: bool = False,
    show: bool = True,
) -> list[dict[str, float]]:
    """Minimise `loss_at(step)`, a scalar, over a module's parameters, in place.

    loss_at: returns the loss and numbers to show and keep. checkpoint: a file from which an
    interrupted run goes on; removed by the caller once the result is saved. ema: leave the
    exponential moving average of the weights in the module. Returns the log, a dict a step kept
    (about 200). Raises RunError that names the step where the loss is not finite; the last
    checkpoint is kept.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, lr=schedule.lr, betas=(0.9, 0.99), weight_decay=schedule.weight_decay
    )
    average = [p.detach().clone() for p in parameters] if ema else []
    log: list[dict[str, float]] = []
    start = 0
    if checkpoint is not None and checkpoint.exists():
        with _named_read_errors(checkpoint):
            state = torch.load(checkpoint, map_location=engine.device, weights_only=True)
            module.load_state_dict(state["module"])
            optimiser.load_state_dict(state["optimiser"])
            for a, saved in zip(average, state["average"], strict=True):
                a.copy_(saved)
            start, log = state["step"], state["log"]

    def save(step: int) -> None:
        if checkpoint is None:
            return
        state: dict[str, Any] = {
            "step": step,
            "module": module.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average,
            "log": log,
        }
        buffer = io.BytesIO()  # torch.save tells no full disk from a bug; write_bytes does
        torch.save(state, buffer)
        write_atomically(checkpoint, lambda path: path.write_bytes(buffer.getbuffer()))

    keep_every = max(1, schedule.steps // 200)
    saved_at = time.monotonic()
    with (
        bar(title, schedule.steps, done=start, show=show) as progress,
        deferred_interrupt() as interrupted,
    ):
        for step in range(start, schedule.steps):
            for group in optimiser.param_groups:
                group["lr"] = schedule.lr_at(step)
            with engine.fabric.autocast():
                loss, numbers = loss_at(step)
            optimiser.zero_grad(set_to_none=True)
            engine.fabric.backward(loss)
            norm = nn.utils.clip_grad_norm_(parameters, schedule.clip)
            if not torch.isfinite(norm) or not torch.isfinite(loss):
                raise RunError(
                    f"{title}: the loss or its gradient is not finite at step {step + 1} of "
                    f"{schedule.steps}; use a smaller strength or learning rate"
                )
            optimiser.step()
            if ema:
                rate = max(1 - 0.995, 1 / (1 + 0.1 * (step + 1)))
                torch._foreach_lerp_(average, [p.detach() for p in parameters], rate)  # pyright: ignore
            value = float(loss.detach())
            if step % keep_every == 0 or step == schedule.steps - 1:
                log.append({"step": step + 1, "loss": value, **numbers})
            progress.advance(loss=value, **numbers)
            if interrupted() or time.monotonic() - saved_at > checkpoint_seconds:
                save(step + 1)
                saved_at = time.monotonic()
            if interrupted():
                raise KeyboardInterrupt
    if ema:
        with torch.no_grad():
            for parameter, a in zip(parameters, average, strict=True):
                parameter.copy_(a)
    return log


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C wait for the end of a step: yields whether one came; a second stops at once."""
    came = []

    def handle(signum: int, frame: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(signum)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _named_read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise InputError(
            f"the checkpoint {path} cannot be read ({type(error).__name__}); "
            "delete it to start anew"
        ) from error

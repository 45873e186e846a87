"""The one optimisation loop: schedules, clipping, averages of weights, checkpoints, progress.

It knows neither data nor objectives. All randomness of a step is made from (seed, step) by the
caller, so that a run resumed from any checkpoint ends with the same weights as one never stopped.
"""

import contextlib
import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from offmanifold._core.device import Engine
from offmanifold._core.errors import Diverged, InputError
from offmanifold._core.files import read_sealed, write_sealed
from offmanifold._core.interrupts import deferred_interrupt
from offmanifold._core.memory import freed_memory_kept
from offmanifold._core.progress import bar

Shape = Literal["one-cycle", "step"]
LARGEST_RISE = 1e6  # of the loss, over that of the first step
PATIENCE = 8  # watches without a new least before a loop ends


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to optimise, by AdamW.

    steps: optimiser steps. lr: peak learning rate. clip: largest l2 norm of the whole weight
    gradient. shape: "one-cycle" reaches lr after the share `rise` of the steps, then a cosine to
    zero; "step" begins with lr and divides it by 10 at 3/4 and again at 7/8 of the steps, as
    Srinivas et al. 2023 do (epochs 150 and 175 of 200).
    """

    steps: int
    lr: float = 2e-3
    weight_decay: float = 1e-4
    rise: float = 0.1
    clip: float = 1.0
    shape: Shape = "one-cycle"

    def lr_at(self, step: int) -> float:
        """Return the learning rate of a step counted from 0."""
        if self.shape == "step":
            return self.lr / 10 ** ((4 * step >= 3 * self.steps) + (8 * step >= 7 * self.steps))
        risen = max(1, round(self.rise * self.steps))
        if step < risen:
            return self.lr * (step + 1) / risen
        return self.lr * 0.5 * (1 + math.cos(math.pi * (step - risen) / max(1, self.steps - risen)))


def optimise(
    module: nn.Module,
    loss_at: Callable[[int], tuple[Tensor, dict[str, float]]],
    schedule: Schedule,
    engine: Engine,
    *,
    title: str,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 15.0,
    ema: float = 0.0,
    watch: Callable[[], dict[str, float]] | None = None,
    watch_every: int = 1,
    least: str | None = None,
    show: bool = True,
) -> list[dict[str, float]]:
    """Minimise `loss_at(step)`, a scalar, over a module's parameters, in place.

    loss_at: returns the loss and numbers to show and keep; in several processes each returns its
    share, and they are summed. checkpoint: a file from which an interrupted run goes on; removed
    by the caller once the result is saved. ema: decay of an exponential moving average of the
    weights and of floating buffers, which is what the module holds in the end; 0 is off. watch:
    called every `watch_every` steps, the averages in the module's place; its numbers are shown and
    kept until the next ones. least: name of a watched number: the module ends as it was where that
    was least, and no later than PATIENCE watches after. Floating buffers (statistics of batch
    normalisation) are averaged over the processes after each step. Returns the log, a dict a step
    kept (about 200).

    Raises Diverged that names the step where the loss is not finite, or above 1e6 times that of
    the first step (of 1 if that was less), or where weights to be saved are not finite; the last
    checkpoint is kept.
    """
    engine.copy_from_main([*module.parameters(), *module.buffers()])
    parameters = [p for p in module.parameters() if p.requires_grad]
    # A buffer that holds infinity from the start is a mask, not a statistic.
    buffers = [b for b in module.buffers() if b.is_floating_point() and _all_finite([b])]
    optimiser = torch.optim.AdamW(
        parameters, lr=schedule.lr, betas=(0.9, 0.99), weight_decay=schedule.weight_decay
    )
    average = _Average([*parameters, *buffers] if ema else [], ema)
    best = _Best([*parameters, *buffers] if least else [])
    log: list[dict[str, float]] = []
    seen: dict[str, float] = {}
    start = 0
    state = engine.from_main(lambda: _read(checkpoint))
    if state is not None:
        with _named_read_errors(checkpoint):
            module.load_state_dict(state["module"])
            optimiser.load_state_dict(state["optimiser"])
            average.load(state["average"])
            best.load(state.get("best"))
            start, log, seen = state["step"], state["log"], state["seen"]

    def save(step: int) -> None:
        if checkpoint is None or engine.rank > 0:
            return
        state: dict[str, Any] = {
            "step": step,
            "module": module.state_dict(),
            "optimiser": optimiser.state_dict(),
            "average": average.values,
            "best": best.state(),
            "log": log,
            "seen": seen,
        }
        buffer = io.BytesIO()  # torch.save tells no full disk from a bug; write_bytes does
        torch.save(state, buffer)
        write_sealed(checkpoint, buffer.getbuffer())

    def stopped(why: str, step: int) -> BaseException:
        return engine.shared(
            Diverged(
                f"{title}: {why} at step {step + 1} of {schedule.steps}; "
                "use a smaller strength or learning rate"
            )
        )

    keep_every = max(1, schedule.steps // 200)
    saved_at = time.monotonic()
    with (
        bar(title, schedule.steps, done=start, show=show) as progress,
        deferred_interrupt() as interrupted,
        freed_memory_kept(),
    ):
        for step in range(start, schedule.steps):
            if watch is not None and step > 0 and step % watch_every == 0:
                with average.in_place():
                    seen = watch()
                    if least is not None:
                        best.offer(seen[least])
                if best.stale >= PATIENCE:
                    break
            for group in optimiser.param_groups:
                group["lr"] = schedule.lr_at(step)
            with engine.autocast():
                loss, shares = loss_at(step)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            engine.sum_gradients(parameters)
            norm = nn.utils.clip_grad_norm_(parameters, schedule.clip)
            late = engine.rank == 0 and time.monotonic() - saved_at > checkpoint_seconds
            value, *sums, pressed, due = engine.sum(
                [
                    float(loss.detach()),
                    *shares.values(),
                    float(interrupted() is not None),
                    float(late),
                ]
            )
            numbers = {**dict(zip(shares, sums, strict=True)), **seen}
            if not torch.isfinite(norm) or not math.isfinite(value):
                raise stopped("the loss or its gradient is not finite", step)
            if value > LARGEST_RISE * max(1.0, log[0]["loss"] if log else value):
                raise stopped(f"the loss has risen to {value:.3g}", step)
            optimiser.step()
            engine.average(buffers)
            average.update(step)
            if step % keep_every == 0 or step == schedule.steps - 1:
                log.append({"step": step + 1, "loss": value, **numbers})
            progress.advance(loss=value, **numbers)
            if pressed or due:
                if not _all_finite([*parameters, *buffers]):
                    raise stopped("the weights or statistics are not finite", step)
                save(step + 1)
                saved_at = time.monotonic()
            if pressed:
                raise engine.shared(interrupted() or KeyboardInterrupt())
    average.install()
    if watch is not None and least is not None and best.stale < PATIENCE:
        best.offer(watch()[least])
    best.install()
    return log


def _all_finite(tensors: Sequence[Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


class _Best:
    """Tensors as they were where a number was least. stale: how often it has not fallen since."""

    def __init__(self, tensors: Sequence[Tensor]):
        self.tensors = [t.detach() for t in tensors]
        self.values: list[Tensor] = []
        self.least, self.stale = math.inf, 0

    def offer(self, number: float) -> None:
        """Keep the tensors if the number is the least so far."""
        if not self.tensors:
            return
        self.stale += 1
        if number < self.least:
            self.least, self.stale = number, 0
            self.values = [t.clone() for t in self.tensors]

    def install(self) -> None:
        """Write what was kept into the tensors."""
        for tensor, value in zip(self.tensors, self.values, strict=False):
            tensor.copy_(value)

    def state(self) -> dict[str, Any]:
        """Return what `load` takes."""
        return {"values": self.values, "least": self.least, "stale": self.stale}

    def load(self, state: dict[str, Any] | None) -> None:
        """Go on from a saved state."""
        if state is not None:
            self.values = [v.to(t) for v, t in zip(state["values"], self.tensors, strict=False)]
            self.least, self.stale = state["least"], state["stale"]


class _Average:
    """Exponential moving averages of tensors, with memory 1/rate of steps."""

    def __init__(self, tensors: Sequence[Tensor], decay: float):
        self.tensors, self.decay = [t.detach() for t in tensors], decay
        self.values = [t.clone() for t in self.tensors]

    def update(self, step: int) -> None:
        """Take in the tensors after a step counted from 0.

        The memory grows with the steps, up to that of the decay: of the first weights there
        remains a share of 10! t! / (t + 10)! after t steps, 5e-6 after ten.
        """
        if self.tensors:
            rate = max(1 - self.decay, 1 / (1 + 0.1 * (step + 1)))
            torch._foreach_lerp_(self.values, self.tensors, rate)  # pyright: ignore

    def load(self, values: Sequence[Tensor]) -> None:
        """Go on from saved averages; raises where they are of other tensors."""
        for mine, saved in zip(self.values, values, strict=True):
            mine.copy_(saved)

    def install(self) -> None:
        """Write the averages into the tensors."""
        for tensor, value in zip(self.tensors, self.values, strict=True):
            tensor.copy_(value)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Have the averages in the tensors for a while."""
        kept = [tensor.clone() for tensor in self.tensors]
        try:
            self.install()
            yield
        finally:
            for tensor, value in zip(self.tensors, kept, strict=True):
                tensor.copy_(value)


def _read(checkpoint: Path | None) -> dict[str, Any] | None:
    """Return what a checkpoint holds, on the CPU; None where there is none."""
    if checkpoint is None or not checkpoint.exists():
        return None
    with _named_read_errors(checkpoint):
        content = io.BytesIO(read_sealed(checkpoint))
        return torch.load(content, map_location="cpu", weights_only=True)


@contextlib.contextmanager
def _named_read_errors(path: Path | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        why = error if isinstance(error, InputError) else type(error).__name__
        raise InputError(
            f"the checkpoint {path} cannot be read or is damaged ({why})"
            "; delete it to start anew by the same command"
        ) from error

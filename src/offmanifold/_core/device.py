"""Where a loop runs: device, precision, and processes by lightning-fabric.

Several processes hold the same weights; each gives its share of the loss, gradients are summed
after the backward pass, and only the main process touches the disk. The module is not wrapped, so
a loss may call it several times a step and differentiate twice.
"""

import atexit
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn

from offmanifold._core.errors import InputError, RunError
from offmanifold._core.parents import end_with_main_process
from offmanifold._core.precision import Named, Precision, has_bf16, region

T = TypeVar("T")


def resolve_precision(
    precision: Precision, device: torch.device, begun: Callable[[str], bool] = lambda p: False
) -> Named:
    """Return "bf16" or "fp32"; `auto` is bf16 where the processor has it.

    begun: whether what is to be made lies there already, in the precision it gets: `auto` goes on
    in it, on whatever processor it was begun.
    """
    if precision == "bf16" or precision == "fp32":
        return precision
    if precision != "auto":
        raise InputError(f'unknown precision "{precision}"; known: auto, bf16, fp32')
    bf16 = has_bf16(device.type)
    native: Named = "bf16" if bf16 else "fp32"
    other: Named = "fp32" if bf16 else "bf16"
    return other if begun(other) and not begun(native) else native


class Engine:
    """Where, in which precision and in how many processes a loop runs.

    device: auto, cpu, cuda or mps. devices: processes on this machine, each with a device of its
    own (on the CPU they share its cores). num_nodes: machines; more than one is passed through to
    lightning-fabric and untested. begun: see `resolve_precision`. With several processes the first
    Engine of a script starts the others, which run the same command line. Raises InputError for a
    device that is not there and counts below 1.
    """

    def __init__(
        self,
        device: str = "auto",
        precision: Precision = "auto",
        devices: int = 1,
        num_nodes: int = 1,
        begun: Callable[[str], bool] = lambda p: False,
    ):
        for name, count in (("devices", devices), ("num_nodes", num_nodes)):
            if count < 1:
                raise InputError(f"{name} must be at least 1, not {count}")
        logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
        strategy = "ddp" if devices * num_nodes > 1 else "auto"
        try:
            fabric = Fabric(
                accelerator=device, devices=devices, num_nodes=num_nodes, strategy=strategy
            )
        except (ValueError, RuntimeError, ImportError, MisconfigurationException) as error:
            asked = device if devices == 1 else f"{device} × {devices}"
            raise InputError(f'device "{asked}" cannot be used here: {error}') from error
        self.fabric, self.device = fabric, fabric.device
        self.rank, self.world = fabric.global_rank, fabric.world_size
        main = self.rank == 0
        resolved = resolve_precision(precision, self.device, begun) if main else None
        if self.world > 1:
            end_with_main_process()
            with _lost_processes_named():
                fabric.launch()
            atexit.register(_leave)
        self.precision: str = self._broadcast(resolved)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the region in which losses are computed, whatever the caller's."""
        return region(self.device, self.precision)

    def from_main(self, function: Callable[[], T]) -> T:
        """Call a function in the main process alone; return its (pickled) result in all.

        If it raises, the main process raises that, and the others end quietly.
        """
        if self.rank > 0:
            outcome = self._broadcast(None)
            if outcome is None:
                raise SystemExit(0)
            return outcome[0]
        try:
            result = function()
        except BaseException:
            self._broadcast(None)
            raise
        self._broadcast((result,))
        return result

    def shared(self, error: BaseException) -> BaseException:
        """Return what to raise where all processes find the same error: only the main one tells it.

        Lightning kills the main process as soon as another ends with an exit code.
        """
        return error if self.rank == 0 else SystemExit(0)

    def sum(self, numbers: Sequence[float]) -> list[float]:
        """Return numbers summed over the processes."""
        if self.world == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        self._sum_in_place([summed])
        return summed.tolist()

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace gradients by their sums over the processes, by one all_reduce.

        A parameter without a gradient in all processes keeps none.
        """
        if self.world == 1:
            return
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        self._sum_in_place([*grads, has])
        for parameter, grad, count in zip(parameters, grads, has.tolist(), strict=True):
            parameter.grad = grad if count > 0 else None

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their means over the processes, by one all_reduce."""
        if self.world > 1 and tensors:
            self._sum_in_place(tensors)
            for tensor in tensors:
                tensor /= self.world

    @torch.no_grad()
    def copy_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of the main process."""
        for tensor in tensors if self.world > 1 else ():
            values = tensor.contiguous()
            with _lost_processes_named():
                torch.distributed.broadcast(values, src=0)
            tensor.copy_(values)

    def _sum_in_place(self, tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _lost_processes_named():
            torch.distributed.all_reduce(flat)
        sums = flat.split([tensor.numel() for tensor in tensors])
        for tensor, total in zip(tensors, sums, strict=True):
            tensor.copy_(total.view_as(tensor))

    def _broadcast(self, value: Any) -> Any:
        if self.world == 1:
            return value
        with _lost_processes_named():
            return self.fabric.broadcast(value)


def _leave() -> None:
    """Leave the group of processes before the interpreter ends.

    Threads of it that are still running then now and then abort the process: its exit code is lost.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextlib.contextmanager
def _lost_processes_named() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise RunError(
            "another process of this run has ended; what was finished is kept, the same command "
            "goes on"
        ) from error

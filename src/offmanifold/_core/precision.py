"""float32 and bfloat16: what the processor has, and regions in which one or the other computes.

What is measured, attacked for an evaluation or made as an image is computed in float32 unless bf16
is asked for by name; training by `auto` takes bf16 where the processor has it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from offmanifold._core.errors import InputError

Named = Literal["fp32", "bf16"]
Precision = Literal["auto", "bf16", "fp32"]

KINDS = ("cpu", "cuda", "mps")
CPUINFO = Path("/proc/cpuinfo")
FLAGS = {"amx_bf16", "avx512_bf16"}  # instructions of an x86 processor, as Linux calls them


def has_bf16(device_type: str) -> bool:
    """Return whether the processor multiplies in bf16 by instructions of its own.

    What it has, never how fast it was: a timing comes out differently beside other work.
    """
    if device_type == "cuda":
        there = torch.cuda.is_available()
        return there and torch.cuda.is_bf16_supported(including_emulation=False)
    return device_type == "cpu" and _cpu_has_bf16()


def _cpu_has_bf16() -> bool:
    queries = [
        getattr(torch.cpu, name, None)  # not public in 2.6 to 2.13: one day they may be gone
        for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    ]
    if all(queries):
        return any(query() for query in queries if query)
    try:
        words = CPUINFO.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return not FLAGS.isdisjoint(words)


def check_precision(precision: str) -> None:
    """Raise InputError for what is neither fp32 nor bf16."""
    if precision not in ("fp32", "bf16"):
        raise InputError(f'unknown precision "{precision}"; known: fp32, bf16')


def region(device: torch.device | str, precision: str) -> AbstractContextManager[Any]:
    """Return a region that computes in bf16 or in float32, whatever autocast the caller's is."""
    if precision == "bf16":
        return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)
    return in_float32()


@contextmanager
def in_float32(device: torch.device | str | None = None) -> Iterator[None]:
    """Return a region in float32, or decorate a function to be one, whatever the caller's.

    Without autocast, on all devices where none is given, and without TF32 in convolutions: of ten
    bits, cuDNN takes it for float32 unless told otherwise. oneDNN takes bf16 for float32 only
    where torch.set_float32_matmul_precision says so, which is the caller's own word.
    """
    kinds = KINDS if device is None else (torch.device(device).type,)
    cudnn: Any = torch.backends.cudnn
    with ExitStack() as stack:
        for kind in kinds:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, dtype=torch.bfloat16, enabled=False))
        if "cuda" in kinds and _allows_tf32():
            cudnn.allow_tf32 = False
            stack.callback(setattr, cudnn, "allow_tf32", True)
        yield


def _allows_tf32() -> bool:
    try:
        return torch.backends.cudnn.allow_tf32
    except RuntimeError:  # switched by the newer names, operation by operation: the caller's word
        return False


def at_least_float32(logits: Tensor) -> Tensor:
    """Return logits in float32 where autocast left them in less; float64 stays what it is."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))

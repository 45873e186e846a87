"""Where bfloat16 pays: in training and in the inner steps of attacks, if it is faster here."""

import contextlib
import time

import torch
from torch import Tensor, nn

_faster: dict[str, bool] = {}  # whether bf16 beats float32, once it is known, by device type


def bf16_is_faster(device_type: str) -> bool:
    """Return whether bf16 beats float32: by a timed convolution on the CPU, natively on CUDA.

    Found out once a process, since a timing may come out differently the next time.
    """
    if device_type not in _faster:
        _faster[device_type] = _timed(device_type)
    return _faster[device_type]


def take_for_faster(device_type: str, bf16: bool) -> None:
    """Take bf16 for faster or not, whatever a timing would say: as where a job was begun."""
    _faster[device_type] = bf16


def _timed(device_type: str) -> bool:
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device_type != "cpu":
        return False
    generator = torch.Generator().manual_seed(0)  # leaves the caller's random state alone
    x = torch.rand(32, 32, 16, 16, generator=generator).to(memory_format=torch.channels_last)
    weight = torch.rand(32, 32, 3, 3, generator=generator).to(memory_format=torch.channels_last)

    def seconds(dtype: torch.dtype) -> float:
        a, w = x.to(dtype), weight.to(dtype)
        times = []
        for _ in range(7):
            start = time.perf_counter()
            nn.functional.conv2d(a, w, padding=1)
            times.append(time.perf_counter() - start)
        return min(times)

    with torch.no_grad():
        return seconds(torch.bfloat16) * 1.2 < seconds(torch.float32)


def fast_autocast(device: torch.device | str) -> contextlib.AbstractContextManager[object]:
    """Return an autocast region in bf16 where that is faster on this device, else nothing."""
    device_type = torch.device(device).type
    if bf16_is_faster(device_type):
        return torch.autocast(device_type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def in_float32(device: torch.device | str) -> contextlib.AbstractContextManager[object]:
    """Return a region in which autocast is off, whatever the caller's."""
    return torch.autocast(torch.device(device).type, enabled=False)


def at_least_float32(logits: Tensor) -> Tensor:
    """Return logits in float32 where autocast left them in less; float64 stays what it is."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))

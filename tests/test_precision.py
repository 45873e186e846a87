import contextlib

import pytest
import torch

from offmanifold import precision
from offmanifold.precision import at_least_float32, bf16_is_faster, fast_autocast


def test_timing_leaves_the_random_generator_alone(monkeypatch):
    monkeypatch.setattr(precision, "_faster", {})
    state = torch.get_rng_state()
    with fast_autocast("cpu"):
        pass
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize(("faster", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_autocast_is_on_where_it_pays(monkeypatch: pytest.MonkeyPatch, faster: bool, expected):
    monkeypatch.setattr(precision, "bf16_is_faster", lambda device_type: faster)
    a = torch.ones(2, 2)
    with fast_autocast(torch.device("cpu")):
        assert (a @ a).dtype == expected
    assert (a @ a).dtype == torch.float32


@pytest.mark.parametrize("faster", [True, False])
def test_what_was_found_out_before_holds(monkeypatch, faster):
    monkeypatch.setattr(precision, "_faster", {})
    monkeypatch.setattr(precision, "_timed", lambda device_type: not faster)
    precision.take_for_faster("cpu", faster)
    assert bf16_is_faster("cpu") is faster
    monkeypatch.setattr(precision, "_timed", lambda device_type: faster)
    assert bf16_is_faster("cuda") is faster
    monkeypatch.setattr(precision, "_timed", lambda device_type: not faster)
    assert bf16_is_faster("cuda") is faster  # of a process, one answer


def test_unknown_devices_stay_in_float32():
    assert not bf16_is_faster("meta")
    assert isinstance(fast_autocast("meta"), contextlib.nullcontext)


def test_logits_become_float32_but_keep_float64():
    for dtype in (torch.bfloat16, torch.half, torch.float32):
        assert at_least_float32(torch.ones(2, dtype=dtype)).dtype == torch.float32
    assert at_least_float32(torch.ones(2, dtype=torch.double)).dtype == torch.double

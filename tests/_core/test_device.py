import pytest
import torch

from offmanifold._core.device import Engine, resolve_precision
from offmanifold._core.errors import InputError, RunError


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine("cpu", "fp32")


@pytest.mark.parametrize("counts", [{"devices": 0}, {"devices": -1}, {"num_nodes": 0}])
def test_numbers_of_processes_that_cannot_be(counts: dict):
    with pytest.raises(InputError, match=f"{next(iter(counts))} must be at least 1"):
        Engine("cpu", "fp32", **counts)


def test_one_process_changes_nothing(engine: Engine):
    assert (engine.rank, engine.world) == (0, 1)
    assert engine.sum([1.5, 2.0]) == [1.5, 2.0]
    assert engine.from_main(lambda: "result") == "result"
    error = RunError("said")
    assert engine.shared(error) is error
    with pytest.raises(RunError, match="said"):
        engine.from_main(lambda: (_ for _ in ()).throw(error))
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("device", ["cuda:999", "nonsense", "", "tpu"])
def test_a_device_that_is_not_there(device: str):
    with pytest.raises(InputError, match=f'device "{device}" cannot be used here'):
        Engine(device, "fp32")


def test_precision(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    cpu = torch.device("cpu")
    assert engine.precision == "fp32"
    assert resolve_precision("bf16", cpu) == "bf16"
    for bf16 in (True, False):
        monkeypatch.setattr("offmanifold._core.precision._cpu_has_bf16", lambda bf16=bf16: bf16)
        native, other = ("bf16", "fp32") if bf16 else ("fp32", "bf16")
        assert resolve_precision("auto", cpu) == native
        assert resolve_precision("auto", cpu, lambda p: True) == native
        assert resolve_precision("auto", cpu, lambda p, other=other: p == other) == other
        assert resolve_precision("fp32", cpu, lambda p: p == "bf16") == "fp32"
    with pytest.raises(InputError, match='unknown precision "fp8"; known: auto, bf16, fp32'):
        Engine("cpu", "fp8")  # type: ignore[arg-type]

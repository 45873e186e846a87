"""What the processor has decides training by `auto`, and nothing that is measured."""

import math
import time
from pathlib import Path

import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold._core import precision
from offmanifold._core.errors import InputError
from offmanifold._core.precision import _cpu_has_bf16 as the_processor_has_bf16
from offmanifold._core.precision import at_least_float32, has_bf16, in_float32, region
from offmanifold.attacks import PGD, masking_signs, robust_accuracy
from offmanifold.data.types import Data
from offmanifold.manifolds.resolve import resolve_manifold
from offmanifold.models import SmallResNet
from offmanifold.synthesis import Ascent, Method, fit_seeds, generate
from small_training import RECIPE, images

A = torch.ones(2, 2)


def processor(monkeypatch: pytest.MonkeyPatch, bf16: bool) -> None:
    """Take the processor for one with bf16, or without."""
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: bf16)


def test_what_the_processor_has_is_asked_of_torch(monkeypatch):
    for amx, avx in ((True, False), (False, True), (False, False)):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx)
        assert the_processor_has_bf16() is (amx or avx)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flags\t: fpu avx512_bf16 sse", True),
        ("flags\t: amx_bf16", True),
        ("flags\t: fpu avx512_bf16x sse", False),
        (None, False),
    ],
)
def test_and_of_the_kernel_where_torch_does_not_tell(monkeypatch, tmp_path, text, expected):
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "cpuinfo")
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert the_processor_has_bf16() is expected


def test_devices_that_are_not_there_have_none():
    assert not has_bf16("meta")
    assert not has_bf16("mps")
    if not torch.cuda.is_available():
        assert not has_bf16("cuda")


def test_nothing_is_decided_by_a_clock(monkeypatch):
    def asked(*_):
        raise AssertionError("a clock was asked")

    for name in ("time", "perf_counter", "monotonic", "process_time", "perf_counter_ns"):
        monkeypatch.setattr(time, name, asked)
    first = has_bf16("cpu")
    assert all(has_bf16("cpu") is first for _ in range(25))


def test_regions():
    with region("cpu", "bf16"):
        assert (A @ A).dtype == torch.bfloat16
        with region(torch.device("cpu"), "fp32"):
            assert (A @ A).dtype == torch.float32
        with in_float32():
            assert (A @ A).dtype == torch.float32
        with in_float32("cuda"):
            assert (A @ A).dtype == torch.bfloat16
        assert (A @ A).dtype == torch.bfloat16


def test_float32_is_no_tf32_in_convolutions(monkeypatch):
    cudnn = torch.backends.cudnn
    for before in (True, False):
        monkeypatch.setattr(cudnn, "allow_tf32", before)
        with pytest.raises(KeyError), in_float32():
            assert cudnn.allow_tf32 is False
            raise KeyError
        assert cudnn.allow_tf32 is before
        with in_float32("cpu"):
            assert cudnn.allow_tf32 is before


def test_logits_become_float32_but_keep_float64():
    for dtype in (torch.bfloat16, torch.half, torch.float32):
        assert at_least_float32(torch.ones(2, dtype=dtype)).dtype == torch.float32
    assert at_least_float32(torch.ones(2, dtype=torch.double)).dtype == torch.double


@pytest.fixture(scope="module")
def data() -> Data:
    return images(n=160)


@pytest.fixture(scope="module")
def network() -> SmallResNet:
    torch.manual_seed(0)
    return SmallResNet(1, 2).eval()


def audited(model: nn.Module, data: Data, **options) -> om.Audit:
    return om.audit(
        model, data, **asked(limit=20, eps=0.4, only=["accuracy.pgd_l2"], show=False, **options)
    )


def made(model: nn.Module, data: Data) -> dict[str, torch.Tensor]:
    """What is attacked for an evaluation, differentiated, and made as images."""
    batch = data.test.read(data.test.rows[:8])
    x, y = batch.x, batch.y
    assert y is not None
    noise = torch.Generator
    left = robust_accuracy(model, x, y, 0.5, generator=noise().manual_seed(0), queries=20)
    signs = masking_signs(model, x, y, 0.5, survival=left, generator=noise().manual_seed(0))
    how = Method("ascent", ascent=Ascent(steps=5))
    seeds = fit_seeds(data.train)
    certified = om.certify(model, x, 0.25, n0=10, n=20, alpha=0.1, generator=noise().manual_seed(0))
    return {
        **left.left,
        **vars(signs),
        "gradient": om.input_gradient(model, x, y),
        "made": generate(model, y, seeds, how).images,
        "changed": om.synthesis.counterfactual(model, x, 1 - y, rounds=1).images,
        "denoised": om.synthesis.denoise(model, x, 0.1, y, how).images,
        "radius": certified.radius,
    }


def test_what_is_measured_is_the_same_on_any_processor_and_in_any_region(
    monkeypatch, network, data
):
    expected, audit = made(network, data), audited(network, data)
    for bf16 in (True, False):
        processor(monkeypatch, bf16)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            again, other = made(network, data), audited(network, data)
        for name, value in expected.items():
            assert torch.equal(again[name], value), name
        assert other.json["measures"] == audit.json["measures"]
        assert other.json["settings"]["precision"] == "fp32"


def test_bf16_is_used_where_it_is_asked_for_and_recorded(network, data):
    seen = []
    handle = network.register_forward_hook(lambda m, a, out: seen.append(out.dtype))
    try:
        audit = audited(network, data, precision="bf16")
        assert torch.bfloat16 in seen
        seen.clear()
        audited(network, data)
        assert set(seen) == {torch.float32}
    finally:
        handle.remove()
    assert audit.json["settings"]["precision"] == "bf16"


def test_a_precision_that_is_none_is_refused(network, data):
    batch = data.test.read(data.test.rows[:2])
    for act in (
        lambda: audited(network, data, precision="auto"),
        lambda: Ascent(precision="fp16"),
        lambda: robust_accuracy(
            network, batch.x, batch.y, 1.0, generator=torch.Generator(), precision="auto"
        ),
    ):
        with pytest.raises(InputError, match='unknown precision "(auto|fp16)"; known: fp32, bf16'):
            act()


@pytest.mark.parametrize("bf16", [True, False])
def test_training_by_auto_takes_what_the_processor_has(monkeypatch, data, tmp_path, bf16):
    processor(monkeypatch, bf16)
    run = om.train("small-resnet", data, recipe=RECIPE, out=tmp_path, device="cpu", show=False)
    assert run.card.config["precision"] == ("bf16" if bf16 else "fp32")


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_auto_finds_on_another_processor_what_was_made_on_this(
    monkeypatch, data, tmp_path, bf16, named
):
    monkeypatch.chdir(tmp_path)

    def again() -> list[Path]:
        out = {"out": Path("mine")} if named else {}
        run = om.train("small-resnet", data, recipe=RECIPE, device="cpu", show=False, **out)
        out = {"out": Path("fitted")} if named else {}
        estimator = om.manifolds.LocalPCA()
        manifold = om.fit_manifold(data, estimator, device="cpu", show=False, **out)
        assert run.folder is not None
        return [run.folder, Path(manifold.card.spec)]

    processor(monkeypatch, bf16)
    first = again()
    processor(monkeypatch, not bf16)
    assert again() == first


def test_fp32_training_is_float32_in_any_region(data, network):
    weights = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            run = om.train(
                "small-resnet",
                data,
                objective=om.objectives.PGD(eps=0.2, steps=2),
                recipe=RECIPE,
                save=False,
                device="cpu",
                precision="fp32",
                show=False,
            )
        weights.append(torch.cat([p.flatten() for p in run.module.parameters()]))
    assert torch.equal(*weights)


def test_an_attack_by_itself_runs_in_the_callers_region(network):
    """As the objectives that train against it need."""
    seen = []
    handle = network.register_forward_hook(lambda m, a, out: seen.append(out.dtype))
    try:
        with torch.autocast("cpu", torch.bfloat16):
            x, y = torch.rand(2, 1, 8, 8), torch.tensor([0, 1])
            PGD(0.5, steps=2)(network, x, y, generator=torch.Generator())
    finally:
        handle.remove()
    assert torch.bfloat16 in seen


def test_a_default_of_float64_changes_no_number_of_an_audit():
    """It is the script's own word on what its tensors are; images and models are float32."""
    data = om.load_data("subspace:3:60")
    manifold = resolve_manifold("exact", data, device="cpu")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(data.shape), 2))
    found = [om.audit(model, data, manifold, limit=8, show=False).json["measures"]]
    torch.set_default_dtype(torch.float64)
    try:
        found.append(om.audit(model, data, manifold, limit=8, show=False).json["measures"])
    finally:
        torch.set_default_dtype(torch.float32)
    for name, number in found[0].items():
        assert found[1][name]["value"] == pytest.approx(number["value"], rel=1e-3, abs=1e-6), name

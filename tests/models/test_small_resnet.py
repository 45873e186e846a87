import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.models.small_resnet import SmallResNet


@pytest.fixture
def model() -> SmallResNet:
    torch.manual_seed(0)
    model = SmallResNet(1, 5)
    for block in model.modules():  # so that every branch speaks
        if hasattr(block, "gain"):
            torch.nn.init.constant_(block.gain, 0.5)  # type: ignore[arg-type]
    return model.eval()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 15), (1, 28, 28), (4, 32, 16)])
def test_any_channels_and_size(shape: tuple[int, int, int]):
    assert SmallResNet(shape[0], 7)(torch.rand(2, *shape)).shape == (2, 7)


def test_an_image_s_logits_depend_on_it_alone(model: SmallResNet):
    x = torch.rand(6, 1, 16, 16)
    alone = torch.cat([model(x[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(model(x), alone)


def test_a_closed_gain_shuts_its_branch():
    model = SmallResNet(1, 3)
    x = torch.rand(2, 1, 16, 16)
    gains = [p for name, p in model.named_parameters() if name.endswith("gain")]
    assert len(gains) == 3
    with torch.no_grad():
        for gain in gains:
            gain.zero_()
        before = model(x)
        for name, parameter in model.named_parameters():
            if "stages" in name and "gain" not in name:
                torch.nn.init.normal_(parameter)
    torch.testing.assert_close(model(x), before)


def test_size_of_the_default():
    assert 100_000 <= sum(p.numel() for p in SmallResNet(1, 10).parameters()) <= 250_000


def test_silu_has_second_derivatives_with_respect_to_the_image(model: SmallResNet):
    model = model.double()
    x = torch.rand(1, 1, 8, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(
        lambda x: model(x)[:, :2].logsumexp(1), (x,), fast_mode=True
    )


def test_bf16_and_channels_last_stay_near_float32(model: SmallResNet):
    x = torch.rand(4, 1, 16, 16)
    exact = model(x)
    model = model.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(rough.float(), exact, atol=0.1 * float(exact.detach().std()), rtol=0)


def test_unknown_activation():
    with pytest.raises(InputError, match='unknown activation "gelu"'):
        SmallResNet(1, 2, activation="gelu")

import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold.gradients.input_gradient import input_gradient
from offmanifold.models.scalars import SCALARS

N, SHAPE, K = 5, (2, 3, 4), 4


@pytest.fixture
def linear() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(24, K)).double()


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(N, *SHAPE, generator=generator, dtype=torch.double)
    return x, torch.tensor([0, 3, 1, 1, 2])


def expected(name: str, model: nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the gradient of a scalar of f = Wx + b, row by row, from its formula."""
    w, logits = model[1].weight.detach(), model(x).detach()
    p = logits.softmax(1)
    rows = []
    for i, label in enumerate(y):
        others = logits[i].clone()
        others[label] = -torch.inf
        rows.append(
            {
                "log_prob": w[label] - p[i] @ w,
                "loss": p[i] @ w - w[label],
                "logit": w[label],
                "logsumexp": p[i] @ w,
                "logit_sum": w.sum(0),
                "margin": w[label] - w[others.argmax()],
            }[name]
        )
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize("name", SCALARS)
def test_every_scalar_of_a_linear_model_in_closed_form(name: str, linear, batch):
    gradient = input_gradient(linear, *batch, name)
    assert gradient.dtype == torch.double
    torch.testing.assert_close(gradient, expected(name, linear, *batch), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SCALARS)
def test_values_of_the_scalars(name: str):
    f, y = torch.tensor([[2.0, 1.0, 0.5], [0.0, 0.0, 3.0]]), torch.tensor([0, 1])
    z = f.exp().sum(1).log()
    value = {
        "log_prob": f[[0, 1], y] - z,
        "loss": z - f[[0, 1], y],
        "logit": torch.tensor([2.0, 0.0]),
        "logsumexp": z,
        "logit_sum": torch.tensor([3.5, 3.0]),
        "margin": torch.tensor([1.0, -3.0]),
    }[name]
    torch.testing.assert_close(SCALARS[name](f, y), value)


class Shifted(nn.Module):
    """The same classifier under other logits: h(x) = 5·Σx² is added to each."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x) + 5 * x.square().flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("name", SCALARS)
def test_which_scalars_are_properties_of_the_classifier(name: str, linear, batch):
    same = torch.allclose(
        input_gradient(Shifted(linear), *batch, name), input_gradient(linear, *batch, name)
    )
    assert same == (name in ("log_prob", "loss", "margin"))


@pytest.mark.parametrize("name", SCALARS)
def test_a_batch_of_one_and_a_permuted_batch(name: str, batch):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.SiLU(), nn.Flatten(), nn.Linear(36, K)
    ).double()
    x, y = batch
    whole = input_gradient(model, x, y, name)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(input_gradient(model, x[order], y[order], name), whole[order])
    for i in range(N):
        one = input_gradient(model, x[i : i + 1], y[i : i + 1], name)
        torch.testing.assert_close(one[0], whole[i])


def test_nothing_is_left_behind(batch):
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.BatchNorm1d(24), nn.Linear(24, K)).double()
    model[1].eval()
    model[3].bias.requires_grad_(False)
    model[3].weight.grad = torch.full((K, 24), 7.0).double()
    state = {k: v.clone() for k, v in model.state_dict().items()}
    rng = torch.get_rng_state()
    x, y = batch
    with torch.no_grad():
        gradient = input_gradient(model, x, y)
    assert not gradient.requires_grad
    assert not x.requires_grad
    assert x.grad is None
    assert torch.get_rng_state().equal(rng)
    assert [m.training for m in model.modules()] == [True, True, False, True, True]
    assert [p.requires_grad for p in model.parameters()] == [True, True, True, False]
    assert (model[3].weight.grad == 7).all()
    assert all(p.grad is None for n, p in model.named_parameters() if n != "3.weight")
    assert all(v.equal(state[k]) for k, v in model.state_dict().items())


def test_unknown_scalar(linear, batch):
    with pytest.raises(InputError, match='unknown gradient "logits"; did you mean "logit"'):
        input_gradient(linear, *batch, "logits")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_sure_model_in_half_precision_keeps_its_direction(dtype):
    """1 − p_y is e⁻⁶⁰ here: float16 holds nothing below 6e-8."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(24, 2)).to(dtype)
    with torch.no_grad():
        model[1].bias.copy_(torch.tensor([60.0, 0.0]))
    found = input_gradient(model, torch.rand(3, *SHAPE).to(dtype), torch.zeros(3).long())
    w = (model[1].weight[0] - model[1].weight[1]).float()
    cosine = torch.nn.functional.cosine_similarity(1e30 * found.flatten(1), w[None])
    assert found.dtype == torch.float32
    assert (cosine > 0.999).all()

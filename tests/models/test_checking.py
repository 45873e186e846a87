from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from offmanifold.errors import InputError
from offmanifold.models.checking import check_classifier, examine

SHAPE = (1, 4, 4)
X = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))


class Fixed(nn.Module):
    """What a function makes of the images, and of a linear layer's outputs if it asks for them."""

    def __init__(self, function, outputs: int = 3):
        super().__init__()
        torch.manual_seed(1)
        self.linear = nn.Linear(16, outputs)
        self.function = function

    def logits(self, x):
        return 5 * self.linear(x.flatten(1))

    def forward(self, x):
        return self.function(self.logits(x))


def returns(output) -> nn.Module:
    return Fixed(lambda _: output)


def test_a_classifier_is_returned_as_it_is_with_its_flags(capsys):
    model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(16, 3))
    model[1].eval()
    flags = [m.training for m in model.modules()]
    checked, outputs = check_classifier(model, SHAPE)
    assert checked is model
    assert outputs == 3
    assert [m.training for m in model.modules()] == flags
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not capsys.readouterr().err


def test_object_with_logits_and_single_logit_are_adapted():
    model = Fixed(lambda f: SimpleNamespace(logits=f), 4)
    wrapped, outputs = check_classifier(model, SHAPE)
    assert outputs == 4
    assert wrapped(X).equal(model.logits(X))
    model = Fixed(lambda f: f, 1)
    binary, outputs = check_classifier(model, SHAPE)
    assert outputs == 2
    s = model.logits(X)
    assert binary(X).equal(torch.cat([torch.zeros_like(s), s], 1))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ([1, 2], "returned list"),
        ({"out": torch.zeros(3, 3)}, "returned dict.*logits alone"),
        (None, "returned NoneType"),
        (torch.zeros(3, 3, 4), r"shape \(3, 3, 4\)"),
        (torch.zeros(1, 3), r"shape \(1, 3\)"),
        (torch.zeros(3), r"shape \(3,\)"),
        (torch.zeros(3, 0), r"shape \(3, 0\)"),
        (torch.full((3, 3), torch.nan), "NaN"),
        (torch.zeros(3, 3).argmax(1), "int64 numbers"),
    ],
)
def test_what_is_no_classifier_is_named(output, said: str):
    with pytest.raises(InputError, match=said):
        check_classifier(returns(output), SHAPE)


def test_another_image_size_is_named():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    with pytest.raises(InputError, match=r"images of size 8×5×1 .*--image-size"):
        check_classifier(model, (1, 8, 5))


def test_the_random_generator_is_left_as_found():
    model = Fixed(lambda f: f + torch.rand(len(f), 1))
    state = torch.get_rng_state()
    with pytest.raises(InputError, match="draws at random"):
        check_classifier(model, SHAPE)
    assert torch.get_rng_state().equal(state)


@pytest.mark.parametrize(
    "function",
    [
        lambda f: f.softmax(1),
        lambda f: f.log_softmax(1).exp(),
        lambda f: 100 * f.softmax(1),
        lambda f: f.exp() / f.exp().sum(1, keepdim=True),
    ],
)
def test_probabilities_are_taken_back_to_logits_and_said(function):
    model = Fixed(function)
    found = examine(model, SHAPE)
    assert "logarithms" in found.said[0]
    assert len(found.said) == 1
    wanted = model.logits(X)
    assert torch.allclose(found.module(X).softmax(1), wanted.softmax(1), atol=1e-6)
    # exact to 80 nats and more, which softmax over softmax outputs is nowhere
    model.linear.weight.data *= 20
    assert torch.allclose(
        examine(model, SHAPE).module(X).log_softmax(1), model.logits(X).log_softmax(1), rtol=1e-3
    )


def test_a_sigmoid_is_one_probability_and_a_logit_stays_one():
    model = Fixed(torch.sigmoid, 1)
    found = examine(model, SHAPE)
    assert "one probability" in found.said[0]
    s = model.logits(X)
    assert torch.allclose(found.module(X), torch.cat([torch.zeros_like(s), s], 1), atol=1e-4)
    within = Fixed(lambda f: 0.5 + f.tanh() / 2, 1)  # no sigmoid, and yet a probability
    assert "whatever the image" in examine(within, SHAPE).said[0]
    logit = Fixed(lambda f: 0.5 + f / 1000, 1)  # a logit that lies in [0, 1] for these images
    found = examine(logit, SHAPE)
    assert "read as a logit" in found.said[0]
    assert found.module(X)[:, 1:].equal(logit(X))
    plain = nn.Sequential(nn.Flatten(), nn.Linear(16, 1))
    nn.init.constant_(plain[1].weight, 0.01)
    nn.init.constant_(plain[1].bias, 0.4)
    found = examine(plain, SHAPE)
    assert "its last layer is linear" in found.said[0]
    assert found.module(X)[:, 1:].equal(plain(X))


def test_one_column_of_a_softmax_is_one_probability():
    found = examine(Fixed(lambda f: f.softmax(1)[:, 1:]), SHAPE)
    assert "one probability" not in found.said[0]  # two columns of three: each by itself
    found = examine(Fixed(lambda f: f.softmax(1)[:, 1:], 2), SHAPE)
    assert "one probability" in found.said[0]


def test_sigmoids_of_each_class_keep_their_order_and_are_said():
    model = Fixed(torch.sigmoid)
    found = examine(model, SHAPE)
    assert "each class by itself" in found.said[0]
    assert torch.allclose(found.module(X), model.logits(X), atol=1e-4)


@pytest.mark.parametrize(
    "function",
    [
        lambda f: f,
        lambda f: f.log_softmax(1),
        torch.relu,
        lambda f: f + 1e5,
        lambda f: f.sigmoid() + 3,
    ],
)
def test_logits_are_left_alone(function):
    model = Fixed(function)
    found = examine(model, SHAPE)
    assert found.module is model
    assert not found.said


def test_linear_outputs_that_sum_to_one_are_logits():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    model[1].weight.data = torch.stack([torch.ones(16), -torch.ones(16)]) / 40
    model[1].bias.data = torch.tensor([0.2, 0.8])  # least squares on one-hot classes gives such
    assert torch.allclose(model(X).sum(1), torch.ones(len(X)))
    assert examine(model, SHAPE).module is model


def test_probabilities_that_have_rounded_are_counted():
    def steady(f):
        return torch.sigmoid(40 * f)

    found = examine(Fixed(steady, 1), SHAPE, images=X)
    s = 40 * Fixed(steady, 1).logits(X)
    assert (s > 17).any()
    assert any("rounded to 0 or 1" in one for one in found.said)
    assert any("no gradient that can be followed" in one for one in found.said)


class Live(nn.Module):
    def __init__(self, layer=None, hidden=None):
        super().__init__()
        self.body = nn.Linear(16, 8)
        self.layer = layer
        self.hidden = [hidden]  # no submodule
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        h = self.body(x.flatten(1))
        if self.layer is not None:
            h = self.layer(h)
        if self.hidden[0] is not None:
            h = self.hidden[0](h)
        return self.head(h)


class Stubborn(nn.Dropout):
    def train(self, mode: bool = True):
        return super().train(True)


class Functional(nn.Module):
    def forward(self, h):
        return F.dropout(h)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Live(Functional()), r"dropout is at work in eval mode \(layer Functional, at .*\.py:\d+"),
        (Live(Stubborn()), r"dropout is at work .*layer Stubborn"),
        (Live(hidden=nn.Dropout()), "dropout is at work .*Dropout, no submodule"),
        (Live(nn.BatchNorm1d(8, track_running_stats=False)), "batch normalisation .*BatchNorm1d"),
        (Live(hidden=nn.BatchNorm1d(8)), "batch normalisation .*no submodule"),
        (Fixed(lambda f: f - f.mean(0)), "mixes images"),
        (Fixed(lambda f: f.softmax(0)), "mixes images"),
        (Fixed(lambda f: f + torch.randn_like(f)), "draws at random .*test_checking.py"),
    ],
)
def test_what_depends_on_more_than_its_image_is_refused_by_name(model, said: str):
    with pytest.raises(InputError, match=said):
        examine(model, SHAPE)


def test_batch_statistics_of_pictures_are_refused():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten(),
        nn.Linear(16, 3),
    )  # fmt: skip
    with pytest.raises(InputError, match="1 BatchNorm2d"):
        examine(model, SHAPE)


def test_a_state_between_calls_is_refused():
    calls = []

    def counted(f):
        calls.append(1)
        return f + len(calls)

    with pytest.raises(InputError, match="state between calls"):
        examine(Fixed(counted), SHAPE)


def test_ordinary_layers_are_steady():
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Dropout(), nn.InstanceNorm2d(8),
        nn.GroupNorm(2, 8), nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 3),
    )  # fmt: skip
    assert examine(model, SHAPE).module is model


def test_a_model_that_writes_into_its_images_gets_copies():
    class InPlace(Fixed):
        def forward(self, x):
            return super().forward(x.sub_(0.5).div_(0.25))

    model = InPlace(lambda f: f)
    found = examine(model, SHAPE)
    assert "in-place" in found.said[0]
    x = X.clone()
    assert torch.allclose(found.module(x), model.logits((X - 0.5) / 0.25))
    assert x.equal(X)
    x.requires_grad_()
    found.module(x).sum().backward()  # which a leaf would not allow
    assert x.grad is not None
    assert found.module.state_dict().keys() == {"net.linear.weight", "net.linear.bias"}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: (x * 255).round() / 255, "gradient is zero"),
        (lambda x: (x > 0.5).float(), "gradient is zero|differentiably"),
        (lambda x: x.detach(), "differentiably"),
        (lambda x: torch.from_numpy(x.detach().numpy()), "differentiably"),
        (lambda x: (x - x.amax((1, 2, 3), keepdim=True)).abs() ** 0.45, "infinite or NaN"),
    ],
)
def test_gradients_that_lead_nowhere_are_refused(function, said: str):
    class Before(Fixed):
        def forward(self, x):
            return self.logits(function(x))

    with pytest.raises(InputError, match=said):
        examine(Before(None), SHAPE)


def test_a_gamma_is_refused_of_black_pixels_alone():
    class Gamma(Fixed):
        def forward(self, x):
            return self.logits(x ** (1 / 2.2))

    black = X.clone()
    black[:, :, 0] = 0
    examine(Gamma(None), SHAPE, images=X)
    with pytest.raises(InputError, match="infinite or NaN.*clamp"):
        examine(Gamma(None), SHAPE, images=black)
    some = torch.cat([X[:2], black[:3]])
    assert (
        "3 of 5 first images have no gradient" in examine(Gamma(None), SHAPE, images=some).said[0]
    )


def test_saturation_is_no_lack_of_a_gradient():
    model = Fixed(lambda f: 1e4 * f)
    assert not examine(model, SHAPE).said


def test_a_collapsed_model_is_not_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    nn.init.zeros_(model[1].weight)
    assert examine(model, SHAPE).module is model


class TwoArguments(nn.Module):
    def forward(self, x, y):
        return x


class Missing(nn.Module):
    def forward(self, x):
        return {}["logits"]


class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 3)

    def get_extra_state(self):
        return {"made": "today"}

    def set_extra_state(self, state): ...

    def forward(self, x):
        return self.linear(x.flatten(1))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (TwoArguments(), r"asks for x, y, at .*test_checking.py:\d+; it must take the images"),
        (Missing(), r"raised KeyError: 'logits', at .*test_checking.py:\d+"),
        (Extra(), r"holds a dict \(_extra_state, at .*test_checking.py:\d+\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).half(), r"float16.*model.float\(\)"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), "no values yet"),
        (nn.Sequential(), r"shape \(3, 1, 4, 4\)"),
    ],
)
def test_a_model_that_misbehaves_is_told_where(model: nn.Module, said: str):
    with pytest.raises(InputError, match=said) as caught:
        examine(model, SHAPE)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_model_is_refused():
    model = torch.ao.quantization.quantize_dynamic(Fixed(lambda f: f), {nn.Linear})
    with pytest.raises(InputError, match=r"linear\._packed_params .*is quantised"):
        examine(model, SHAPE)

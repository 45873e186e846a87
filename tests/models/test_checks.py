from types import SimpleNamespace

import pytest
import torch
from torch import nn

from classifiers import SHAPE, Fixed, X
from offmanifold._core.errors import InputError
from offmanifold.models.checks import check_classifier, examine


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
    with pytest.raises(InputError, match=r"images of size 8×5×1 .*`image_size`"):
        check_classifier(model, (1, 8, 5))


def test_the_random_generator_is_left_as_found():
    model = Fixed(lambda f: f + torch.rand(len(f), 1))
    state = torch.get_rng_state()
    with pytest.raises(InputError, match="draws at random"):
        check_classifier(model, SHAPE)
    assert torch.get_rng_state().equal(state)


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
        (TwoArguments(), r"asks for x, y, at .*test_checks.py:\d+; it must take the images"),
        (Missing(), r"raised KeyError: 'logits', at .*test_checks.py:\d+"),
        (Extra(), r"holds a dict \(_extra_state, at .*test_checks.py:\d+\)"),
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


@pytest.mark.parametrize("operation", [torch.relu_, lambda x: x.clamp_(0, 1), lambda x: x.mul_(1)])
def test_an_operation_in_place_that_changes_no_image_gets_copies_too(operation):
    class InPlace(Fixed):
        def forward(self, x):
            return super().forward(operation(x))

    found = examine(InPlace(lambda f: f), SHAPE)
    assert "in-place" in found.said[0]
    found.module(X.clone().requires_grad_()).sum().backward()


def test_a_model_that_ends_the_process_is_told_where():
    class Ends(Fixed):
        def forward(self, x):
            raise SystemExit(3)

    with pytest.raises(InputError, match=r"raised SystemExit: 3, at .*test_checks.py:\d+"):
        examine(Ends(None), SHAPE)


def test_infinity_at_some_images_is_not_laid_to_the_weights():
    class Standardised(Fixed):
        def forward(self, x):
            return self.logits((x - x.mean((1, 2, 3), True)) / x.std((1, 2, 3), keepdim=True))

    images = X.clone()
    images[1] = 0.5
    with pytest.raises(InputError, match=r"1 of 6 first ones.*flat image"):
        examine(Standardised(None), SHAPE, images=images)


def test_a_model_without_values_is_refused():
    with pytest.raises(InputError, match="no values yet .*meta"):
        examine(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).to("meta"), SHAPE)


@pytest.mark.filterwarnings("ignore")
def test_a_frozen_script_is_refused_and_a_script_is_not():
    script = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).eval())
    assert examine(script, SHAPE).module is script
    with pytest.raises(InputError, match="frozen TorchScript"):
        examine(torch.jit.freeze(script), SHAPE)

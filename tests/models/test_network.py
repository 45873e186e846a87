import torch
from torch import nn

from offmanifold.models.network import head_outputs, last_layer, replace_heads, stored_outputs


def test_last_linear_layer_is_the_head():
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 3), nn.Identity())
    assert last_layer(module) == ("2",)
    assert head_outputs(module, ("2",)) == 3
    assert stored_outputs(module.state_dict(), ("2",)) == 3


def test_no_head():
    assert last_layer(nn.Flatten()) == ()
    assert head_outputs(nn.Flatten(), ()) is None
    assert stored_outputs({}, ("fc",)) is None


def test_every_head_is_replaced_in_its_kind():
    module = nn.Sequential(nn.Conv2d(2, 5, 1), nn.Flatten(), nn.Linear(5, 5, bias=False))
    replace_heads(module, ("0", "2"), 7)
    assert module[0](torch.rand(1, 2, 1, 1)).shape == (1, 7, 1, 1)
    assert isinstance(module[2], nn.Linear)
    assert module[2].out_features == 7
    assert module[2].bias is None

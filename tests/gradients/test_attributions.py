"""A user's own explanation is judged by what gradients are judged by; what is none is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import offmanifold as om
from asking import asked
from offmanifold.manifolds import exact_manifold

FRACTION, COSINE = "alignment.on_manifold_fraction", "alignment.cosine_posterior"
QUICK = {"limit": 10, "only": [FRACTION, COSINE, "accuracy.clean"], "show": False}


@pytest.fixture(scope="module")
def setting() -> tuple[nn.Module, om.Data, object]:
    data = om.load_data("mixture:3")
    torch.manual_seed(0)
    assert data.classes is not None
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.SiLU(), nn.Linear(16, 3))
    return net, data, exact_manifold(data)


def by_hand(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the class's logit, as a user would have written it."""
    x = x.requires_grad_()
    return torch.autograd.grad(model(x).gather(1, y[:, None]).sum(), x)[0]


def test_the_gradient_as_an_attribution_has_the_gradient_s_numbers(setting):
    own = om.audit(*setting, **asked(**QUICK), attributions=by_hand)
    plain = om.audit(*setting, **asked(**QUICK, gradient="logit"))
    for name in (FRACTION, COSINE):
        assert own[name].value == pytest.approx(plain[name].value, rel=1e-4)
        assert own[name].controls.keys() == plain[name].controls.keys()
        theirs = plain[name].controls["untrained"].value
        assert own[name].controls["untrained"].value == pytest.approx(theirs, rel=1e-3)
    assert own.json["settings"]["gradient"] == "attributions"
    assert own.regime.code == "regime.variant"


def test_maps_of_a_file_stand_for_their_pictures(setting, tmp_path: Path):
    model, data, _ = setting
    batch = data.test.read(data.test.rows)
    maps = by_hand(model, batch.x, batch.y).numpy()
    np.savez(tmp_path / "maps.npz", attributions=maps)
    from_file = om.audit(*setting, **asked(**QUICK), attributions=tmp_path / "maps.npz")
    as_function = om.audit(*setting, **asked(**QUICK), attributions=by_hand)
    assert from_file[COSINE].value == pytest.approx(as_function[COSINE].value, rel=1e-4)
    assert "untrained" not in from_file[COSINE].controls  # they would have the same maps
    assert {"white_noise", "image"} <= from_file[COSINE].controls.keys()


def test_a_heat_map_is_of_all_channels_alike(setting):
    def heat(model, x, y):
        return (x - 0.5).abs().sum(1)

    found = om.audit(*setting, **asked(**QUICK), attributions=heat)
    assert found[FRACTION].value is not None


def test_it_is_part_of_the_identity(setting, tmp_path):
    options = {**asked(**QUICK), "folder": tmp_path / "a"}
    om.audit(*setting, **options, attributions=by_hand)
    om.audit(*setting, **options, attributions=by_hand)
    with pytest.raises(om.InputError, match="attributions"):
        om.audit(*setting, **options, attributions=lambda model, x, y: x)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, "not a int"),
        (np.zeros((4, 1, 28, 28)), "4 maps for"),
        (lambda m, x, y: x[:, :, :5], "shape"),
        (lambda m, x, y: x.repeat(1, 2, 1, 1), "2 channels, images 1"),
        (lambda m, x, y: x * float("nan"), "NaN"),
        ("nothing.npz", "cannot read"),
    ],
)
def test_what_is_no_explanation_is_one_sentence(setting, given, words):
    with pytest.raises(om.InputError, match=words):
        om.audit(*setting, **asked(**QUICK), attributions=given)


def test_a_file_without_the_array_names_what_it_has(setting, tmp_path):
    np.savez(tmp_path / "m.npz", maps=np.zeros(3))
    with pytest.raises(om.InputError, match=r"no array attributions \(it has maps\)"):
        om.audit(*setting, **asked(**QUICK), attributions=tmp_path / "m.npz")
    with pytest.raises(om.InputError, match="give both, or neither"):
        om.audit(*setting, **asked(**{**QUICK, "gradient": "attributions"}))

from pathlib import Path

import pytest
import torch

from offmanifold._core.errors import InputError
from offmanifold.models.checkpoint import Checkpoint
from offmanifold.models.network import Wanted, head_outputs
from offmanifold.models.timm_models import timm_network

timm = pytest.importorskip("timm")

FRESH = Wanted(classes=None, shape=None, checkpoint=None, pretrained=False)


def test_imagenet_head_with_the_model_s_own_preprocessing():
    made = timm_network("test_resnet", FRESH)
    assert made.heads == ("fc",)
    assert head_outputs(made.module, made.heads) == 1000
    assert made.mean == (0.5, 0.5, 0.5)
    assert made.input_shape == (3, 160, 160)
    assert made.licence == "apache-2.0"
    assert made.classes is not None
    assert made.classes[0] == "tench, Tinca tinca"


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet", "test_nfnet"])
def test_the_head_is_found(name: str):
    made = timm_network(name, FRESH)
    assert head_outputs(made.module, made.heads) == 1000


def test_channels_are_read_from_the_checkpoint():
    stored = timm.create_model("test_resnet", in_chans=1).state_dict()
    checkpoint = Checkpoint(Path("w.pth"), {f"module.{k}": v for k, v in stored.items()})
    wanted = Wanted(classes=None, shape=None, checkpoint=checkpoint, pretrained=False)
    made = timm_network("test_resnet", wanted)
    assert made.input_shape == (1, 160, 160)
    assert made.mean == (0.5,)
    assert made.module(torch.rand(2, 1, 64, 64)).shape == (2, 1000)


def test_unknown_name_shows_the_nearest():
    with pytest.raises(InputError, match=r'unknown timm model "resnt18"; did you mean "resnet18'):
        timm_network("resnt18", FRESH)


def test_failed_download_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch):
    def offline(*args, **kwargs):
        raise OSError("no connection\nmore")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        InputError, match=r"published weights .*\(no connection\); .*`weights` FILE"
    ):
        timm_network("test_resnet", Wanted(None, None, None, pretrained=True))

import pytest

from offmanifold._core.errors import InputError
from offmanifold.models.network import Wanted, head_outputs
from offmanifold.models.torchvision_models import IMAGENET_MEAN, IMAGENET_STD, torchvision_network

torchvision = pytest.importorskip("torchvision")

FRESH = Wanted(classes=None, shape=None, checkpoint=None, pretrained=False)


@pytest.mark.parametrize(("name", "head"), [("resnet18", "fc"), ("squeezenet1_1", "classifier.1")])
def test_head_names_and_preprocessing(name: str, head: str):
    made = torchvision_network(name, FRESH)
    assert made.heads == (head,)
    assert head_outputs(made.module, made.heads) == 1000
    assert (made.mean, made.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert made.input_shape == (3, 224, 224)
    assert made.classes is not None
    assert made.classes[0] == "tench"


def test_synsets_come_through_timm():
    pytest.importorskip("timm")
    made = torchvision_network("squeezenet1_1", FRESH)
    assert made.synonyms is not None
    assert "n01440764" in made.synonyms[0]


def test_unknown_name_and_failed_download(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match='did you mean "resnet18"'):
        torchvision_network("resnt18", FRESH)

    def offline(*args, **kwargs):
        raise OSError("no connection")

    monkeypatch.setattr(torchvision.models, "get_model", offline)
    with pytest.raises(InputError, match="`weights` FILE"):
        torchvision_network("resnet18", Wanted(None, None, None, pretrained=True))

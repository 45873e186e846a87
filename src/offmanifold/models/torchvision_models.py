"""`torchvision:NAME`: a classifier of torchvision, with its weights' normalisation."""

import contextlib

from torch import nn

from offmanifold._core.errors import MissingExtra
from offmanifold._core.extras import cannot_make, import_extra, unknown_architecture
from offmanifold.models.imagenet import imagenet_names
from offmanifold.models.network import Network, Wanted, last_layer

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision_network(name: str, wanted: Wanted) -> Network:
    """Make a torchvision network; raises InputError for an unknown name or a failed download."""
    models = import_extra("torchvision.models", f'the model "torchvision:{name}"')
    known = models.list_models(module=models)  # classifiers alone
    if name not in known:
        raise unknown_architecture("torchvision", name, known)
    weights = models.get_model_weights(name).DEFAULT
    try:
        module = models.get_model(name, weights=weights if wanted.pretrained else None)
    except Exception as error:  # a download can fail in as many ways as there are hubs
        raise cannot_make(f"torchvision:{name}", error, wanted.pretrained) from error
    preprocessing = weights.transforms()
    side = preprocessing.crop_size[0]
    classes = tuple(weights.meta["categories"])
    synonyms = None
    with contextlib.suppress(MissingExtra):  # torchvision knows no synsets
        names = imagenet_names(len(classes))
        synonyms = names and names[1]
    return Network(
        module,
        heads=last_layer(module) or _last_convolution(module),
        classes=classes,
        synonyms=synonyms,
        mean=tuple(getattr(preprocessing, "mean", IMAGENET_MEAN)),
        std=tuple(getattr(preprocessing, "std", IMAGENET_STD)),
        input_shape=(3, side, side),
    )


def _last_convolution(module: nn.Module) -> tuple[str, ...]:
    """Return the name of the layer that gives SqueezeNet's logits, which has no linear layer."""
    names = [name for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d)]
    return tuple(names[-1:])

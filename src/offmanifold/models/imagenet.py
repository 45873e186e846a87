"""Names of the outputs of models trained on ImageNet, as timm lists them."""

from offmanifold._core.extras import import_extra
from offmanifold.models.network import Names


def imagenet_names(outputs: int) -> tuple[Names, tuple[Names, ...]] | None:
    """Return names and synonyms of a head of that many outputs, or None where it is no ImageNet's.

    Names are descriptions ("tench, Tinca tinca"); synonyms of each are its synset ("n01440764")
    and the parts of the description. Raises MissingExtra without timm.
    """
    data = import_extra("timm.data", "naming ImageNet's classes")
    subset = data.infer_imagenet_subset({"num_classes": outputs})
    if subset is None:
        return None
    info = data.ImageNetInfo(subset)
    names = tuple(info.index_to_description(i) for i in range(outputs))
    synsets = info.label_names()
    parts = (tuple(part.strip() for part in name.split(",")) for name in names)
    return names, tuple((s, *p) for s, p in zip(synsets, parts, strict=True))

"""`timm:NAME`: an architecture of timm, with its own normalisation."""

from torch import nn

from offmanifold._core.extras import cannot_make, import_extra, unknown_architecture
from offmanifold.models.imagenet import imagenet_names
from offmanifold.models.network import Names, Network, Wanted, head_outputs, last_layer


def timm_network(name: str, wanted: Wanted) -> Network:
    """Make a timm network; raises InputError for an unknown name or a failed download."""
    timm = import_extra("timm", f'the model "timm:{name}"')
    if not timm.is_model(name):
        raise unknown_architecture("timm", name, timm.list_models())
    channels = _channels(timm, name, wanted)
    try:
        module = timm.create_model(name, pretrained=wanted.pretrained, in_chans=channels)
    except Exception as error:  # a download can fail in as many ways as there are hubs
        raise cannot_make(f"timm:{name}", error, wanted.pretrained) from error
    config = module.pretrained_cfg
    heads = _heads(module, config.get("classifier"))
    names = imagenet_names(head_outputs(module, heads) or 0) or (None, None)
    return Network(
        module,
        heads=heads,
        classes=names[0],
        synonyms=names[1],
        mean=_per_channel(config["mean"], channels),
        std=_per_channel(config["std"], channels),
        input_shape=(channels, *config["input_size"][1:]),
        licence=config.get("license"),
    )


def _channels(timm, name: str, wanted: Wanted) -> int:
    """Return the channels of the stored first convolution, else the architecture's own."""
    config = timm.get_pretrained_cfg(name)
    own = config.input_size[0] if config else 3
    if wanted.checkpoint is None or config is None or not isinstance(config.first_conv, str):
        return own
    stored = wanted.checkpoint.tensors.items()
    first = [v for k, v in stored if f".{k}".endswith(f".{config.first_conv}.weight")]
    return int(first[0].shape[1]) if first and first[0].ndim == 4 else own


def _per_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Return normalisation values for another number of channels: their mean, as timm does."""
    return values if len(values) == channels else (sum(values) / len(values),) * channels


def _heads(module: nn.Module, names: str | Names | None) -> Names:
    heads = (names,) if isinstance(names, str) else tuple(names or ())
    layers = dict(module.named_modules())
    usable = all(isinstance(layers.get(name), (nn.Linear, nn.Conv2d)) for name in heads)
    return heads if heads and usable else last_layer(module)

"""The few pictures that an audit keeps for its report."""

import torch
from torch import Tensor

from offmanifold.measures.directions import unit
from offmanifold.measures.probe import Probe


def draw_panels(probe: Probe, most: int, has: set[str]) -> dict[str, Tensor]:
    """Return what the report draws of a batch: directions of unit norm (fp16) and their norms."""
    scene, n = probe.scene, most
    gradient = probe.gradient()
    fields = {"gradient": gradient}
    if scene.manifold is not None:
        fields["tangent"] = scene.tangent(unit(gradient))
        fields["normal"] = unit(gradient) - fields["tangent"]
        if "posterior" in has:
            fields["target"] = scene.score("posterior")
    result = {
        "index": probe.index[:n],
        "label": (torch.full((len(probe.x),), -1) if scene.batch.y is None else scene.batch.y)[:n],
        "prediction": probe.logits.argmax(1)[:n],
        "x": probe.x[:n].half(),
    }
    if probe.mask is not None:
        result["mask"] = probe.mask[:n].half()
    for name, v in fields.items():
        result[name] = unit(v)[:n].half()
        result[f"{name}_norm"] = v.flatten(1).norm(dim=1)[:n].float()
    return result

"""The default radius of attacks, by the size of images."""

import math


def default_eps(shape: tuple[int, int, int], own: float | None = None) -> float:
    """Return the default radius, an l2 norm per image: the data's own, else 0.5·√(d/3072).

    own: `Data.info["eps"]`, which the specs `digits` and `distractor:digits` have.
    """
    if own is not None:
        return own
    return round(0.5 * math.sqrt(math.prod(shape) / 3072), 3)

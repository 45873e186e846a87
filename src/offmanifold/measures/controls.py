"""Controls of alignment: fields that cannot know the answer, measured as the gradient is.

Each is a function scene → (n, c, h, w), or None where the data lack what it is made of. The other
controls are networks that know nothing of the labels (`Probe.controls`) and targets that belong to
another class or image (`Scene.score`).
"""

from collections.abc import Callable

from torch import Tensor

from offmanifold.measures.directions import spectrum_noise
from offmanifold.measures.probe import Scene


def white_noise(scene: Scene) -> Tensor:
    """Return standard normal noise, the same for every model."""
    return scene.noise("white")


def noise_with_spectrum(scene: Scene) -> Tensor:
    """Return noise with each image's own amplitude spectrum, random phase, mean removed."""
    return spectrum_noise(scene.x, scene.noise("white"))


def image(scene: Scene) -> Tensor:
    """Return the image itself."""
    return scene.x


def towards_class_mean(scene: Scene) -> Tensor | None:
    """Return the mean training image of the image's class − the image; None without labels."""
    if scene.class_means is None or scene.batch.y is None:
        return None
    return scene.class_means[scene.batch.y] - scene.x


FIELDS: dict[str, Callable[[Scene], Tensor | None]] = {
    "white_noise": white_noise,
    "spectrum_noise": noise_with_spectrum,
    "image": image,
    "class_mean": towards_class_mean,
}

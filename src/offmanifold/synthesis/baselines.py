"""What does without a classifier and a manifold, shown beside what is made with them.

scikit-image's methods join where it is installed (the extra `bench`).
"""

from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from offmanifold.synthesis.constraints import enlarged
from offmanifold.synthesis.denoising import blurred
from offmanifold.synthesis.inpainting import mean_fill
from offmanifold.synthesis.shapes import Holes, Images, Numbers, SmallImages
from offmanifold.synthesis.superresolution import bicubic

Named = dict[str, Tensor]  # {name: (n, c, h, w) in [0, 1]}


def for_inpainting(x: Images, hole: Holes) -> Named:
    """Return the mean of the known pixels, and biharmonic inpainting (Chui and Mhaskar 2010).

    x: (n, c, h, w); hole: (n, 1, h, w) bool.
    """
    found = {"mean_fill": mean_fill(x, hole)}
    if has_skimage():
        from skimage.restoration import inpaint_biharmonic

        filled = [
            inpaint_biharmonic(_array(image), mask[0].numpy(), channel_axis=-1)
            for image, mask in zip(found["mean_fill"], hole, strict=True)
        ]
        made = _tensor(filled)
        found["biharmonic"] = torch.where(hole, made, x)
    return found


def for_denoising(x: Images, sigma: float | Numbers) -> Named:
    """Return a Gaussian blur, non-local means and wavelet shrinkage, told sigma, one or (n,)."""
    levels = torch.as_tensor(sigma, dtype=x.dtype).expand(len(x))
    found = {"blur": blurred(x, levels).clamp(0, 1)}
    if has_skimage():
        from skimage.restoration import denoise_nl_means

        means = [
            denoise_nl_means(
                _array(image),
                patch_size=3,
                patch_distance=5,
                h=0.8 * s,
                sigma=s,
                fast_mode=True,
                channel_axis=-1,
            )
            for image, s in zip(x, levels.tolist(), strict=True)
        ]
        found["nl_means"] = _tensor(means)
    if has_skimage() and find_spec("pywt") is not None:
        from skimage.restoration import denoise_wavelet

        found["wavelet"] = _tensor(
            [
                denoise_wavelet(_array(image), sigma=s, channel_axis=-1)
                for image, s in zip(x, levels.tolist(), strict=True)
            ]
        )
    return found


def for_superresolution(low: SmallImages, r: int) -> Named:
    """Return the pixels repeated, and bicubic enlargement."""
    return {"nearest": enlarged(low, r), "bicubic": bicubic(low, r)}


def has_skimage() -> bool:
    """Whether scikit-image is installed."""
    return find_spec("skimage") is not None


def _array(image: Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).double().numpy()


def _tensor(images: list[np.ndarray]) -> Tensor:
    # Some of scikit-image's methods leave a single channel out.
    channels = [a if a.ndim == 3 else a[:, :, None] for a in images]
    stacked = torch.from_numpy(np.stack(channels)).permute(0, 3, 1, 2)
    return stacked.float().clamp(0, 1).contiguous()

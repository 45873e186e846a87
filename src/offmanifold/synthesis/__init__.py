"""Aligned gradients put to work: one use a file, usable with any classifier.

import offmanifold as om
seeds = om.synthesis.fit_seeds(data.train)
made = om.synthesis.generate(model, torch.full((64,), 3), seeds)
"""

from offmanifold.synthesis.ascent import Ascent, ascend
from offmanifold.synthesis.constraints import BlockMeans, Box, Constraint, KnownPixels
from offmanifold.synthesis.counterfactuals import (
    Counterfactuals,
    as_written,
    counterfactual,
    second_best,
)
from offmanifold.synthesis.denoising import denoise, noise_level
from offmanifold.synthesis.generation import generate
from offmanifold.synthesis.guidance import denoise_towards, draw
from offmanifold.synthesis.guides import Denoised, Projected
from offmanifold.synthesis.inpainting import inpaint, mean_fill
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.seeds import ClassGaussians, fit_seeds
from offmanifold.synthesis.superresolution import bicubic, superresolve

__all__ = [
    "Ascent",
    "BlockMeans",
    "Box",
    "ClassGaussians",
    "Constraint",
    "Counterfactuals",
    "Denoised",
    "KnownPixels",
    "Method",
    "Projected",
    "Synthesis",
    "as_written",
    "ascend",
    "bicubic",
    "counterfactual",
    "denoise",
    "denoise_towards",
    "draw",
    "fit_seeds",
    "generate",
    "inpaint",
    "mean_fill",
    "noise_level",
    "second_best",
    "superresolve",
]

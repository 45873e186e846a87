"""Aligned gradients put to work: one use a file, usable with any classifier.

import offmanifold as om
seeds = om.synthesis.fit_seeds(data.train)
made = om.synthesis.generate(model, torch.full((64,), 3), seeds)

session = om.synthesis.open_session(om.synthesis.SessionConfig("runs/robust"))
gallery = om.synthesis.generate_gallery(session, ["3", "5"], n=8, folder="threes-and-fives")
"""

from offmanifold.synthesis.ascent import Ascent, ascend
from offmanifold.synthesis.config import SessionConfig
from offmanifold.synthesis.constraints import BlockMeans, Box, Constraint, KnownPixels
from offmanifold.synthesis.counterfactuals import (
    Counterfactuals,
    as_written,
    counterfactual,
    second_best,
)
from offmanifold.synthesis.denoising import denoise, noise_level
from offmanifold.synthesis.galleries.counterfactuals import counterfactual_gallery
from offmanifold.synthesis.galleries.denoising import denoise_gallery
from offmanifold.synthesis.galleries.generation import generate_gallery
from offmanifold.synthesis.galleries.inpainting import inpaint_gallery
from offmanifold.synthesis.galleries.superresolution import superresolve_gallery
from offmanifold.synthesis.gallery import Gallery
from offmanifold.synthesis.generation import generate
from offmanifold.synthesis.guidance import denoise_towards, draw
from offmanifold.synthesis.guides import Denoised, Projected
from offmanifold.synthesis.inpainting import inpaint, mean_fill
from offmanifold.synthesis.methods import Method
from offmanifold.synthesis.opening import open_session
from offmanifold.synthesis.presentation import Presentation
from offmanifold.synthesis.result import Synthesis
from offmanifold.synthesis.schema import GalleryRecord, read_gallery
from offmanifold.synthesis.seeds import ClassGaussians, fit_seeds
from offmanifold.synthesis.session import Session
from offmanifold.synthesis.superresolution import bicubic, superresolve

__all__ = [
    "Ascent",
    "BlockMeans",
    "Box",
    "ClassGaussians",
    "Constraint",
    "Counterfactuals",
    "Denoised",
    "Gallery",
    "GalleryRecord",
    "KnownPixels",
    "Method",
    "Presentation",
    "Projected",
    "Session",
    "SessionConfig",
    "Synthesis",
    "as_written",
    "ascend",
    "bicubic",
    "counterfactual",
    "counterfactual_gallery",
    "denoise",
    "denoise_gallery",
    "denoise_towards",
    "draw",
    "fit_seeds",
    "generate",
    "generate_gallery",
    "inpaint",
    "inpaint_gallery",
    "mean_fill",
    "noise_level",
    "open_session",
    "read_gallery",
    "second_best",
    "superresolve",
    "superresolve_gallery",
]

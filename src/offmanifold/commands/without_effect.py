"""Flags that would not change the results of a use or a mode: refused, where they were ignored."""

from dataclasses import fields

from offmanifold.commands.synthesis_options import Options
from offmanifold.errors import InputError

ASCENT = ("eps", "steps", "rule", "copies", "scales")
MODES: dict[str, tuple[str, ...]] = {
    "auto": (),
    "ascent": ("guidance", "variety"),
    "projected": ("guidance", "variety"),
    "denoised": ("guidance",),
    "manifold": ("variety", *ASCENT),
}
USES: dict[str, tuple[str, ...]] = {
    "generate": ("candidates",),
    "denoise": ("candidates",),
    "inpaint": (),
    "superresolve": (),
    "counterfactual": ("candidates", "eps", "guidance", "variety"),
}


def check_use(options: Options, use: str, target: str | None = None) -> None:
    """Raise InputError for flags without effect in a use; target: the class asked for, or None."""
    _refuse(options, USES[use], f"of {use}")
    if target is not None:
        _refuse(options, ("candidates",), "where --class is given")
    if use == "counterfactual" and options.mode in ("denoised", "manifold"):
        raise InputError(
            f"a counterfactual keeps to the manifold by its steps, not in the mode {options.mode}; "
            "take --mode projected, or ascent"
        )


def check_mode(options: Options, mode: str) -> None:
    """Raise InputError for flags without effect in a mode: those of the sampler or of an ascent."""
    _refuse(options, MODES[mode], f"in the mode {mode}")


def _refuse(options: Options, names: tuple[str, ...], where: str) -> None:
    usual = {f.name: f.default for f in fields(options)}
    given = [f"--{name}" for name in names if getattr(options, name) != usual[name]]
    if given:
        raise InputError(f"{', '.join(given)} would not change the results {where}; leave it out")

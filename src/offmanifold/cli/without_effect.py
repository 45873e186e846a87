"""Flags that would not change the results of a use or a mode: refused, where they were ignored."""

from dataclasses import fields

from offmanifold._core.errors import InputError
from offmanifold.cli.synthesis_options import Options

EARLY = ("until", "patience")
ASCENT = ("eps", "steps", "rule", "copies", "scales", "precision", *EARLY)
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
    "counterfactual": ("candidates", "eps", "guidance", "variety", "until", "precision"),
}


def check_use(options: Options, use: str, target: str | None = None) -> None:
    """Raise InputError for flags without effect in a use; target: the class asked for, or None."""
    _refuse(options, USES[use], f"of {use}")
    if target is not None:
        _refuse(options, ("candidates",), "where --class is given")
    elif "candidates" not in USES[use] and options.candidates > 1 and options.until is not None:
        raise InputError(
            "--until ends each class that is tried at the same probability, so that none is best; "
            "give --class or --candidates 1"
        )
    if use == "counterfactual" and options.mode in ("denoised", "manifold"):
        raise InputError(
            f"a counterfactual keeps to the manifold by its steps, not in the mode {options.mode}; "
            "take --mode projected, or ascent"
        )


def check_mode(options: Options, mode: str) -> None:
    """Raise InputError for flags without effect in a mode: those of the sampler or of an ascent.

    And for an early end in the mode denoised, where noise falls from the first step to the last.
    """
    _refuse(options, MODES[mode], f"in the mode {mode}")
    early = _given(options, EARLY) if mode == "denoised" else ""
    if early:
        raise InputError(
            f"{early} would end images of the mode denoised before they are on the manifold; "
            "take --mode projected, or ascent"
        )


def _refuse(options: Options, names: tuple[str, ...], where: str) -> None:
    given = _given(options, names)
    if given:
        them = "them" if "," in given else "it"
        raise InputError(f"{given} would not change the results {where}; leave {them} out")


def _given(options: Options, names: tuple[str, ...]) -> str:
    """Return the flags of these that are not at their defaults."""
    usual = {f.name: f.default for f in fields(options)}
    return ", ".join(f"--{name}" for name in names if getattr(options, name) != usual[name])

"""Settings that would not change the results of a use or a mode, and so are refused."""

from offmanifold._core.errors import InputError
from offmanifold.synthesis.methods import Method

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


def check_use(method: Method, use: str, target: str | int | None = None) -> None:
    """Raise InputError for settings without effect in a use; target: the class asked for."""
    _refuse(method, USES[use], f"of {use}")
    if target is not None:
        _refuse(method, ("candidates",), "where `target` is given")
    elif (
        "candidates" not in USES[use] and method.candidates > 1 and method.ascent.until is not None
    ):
        raise InputError(
            "`until` ends each class that is tried at the same probability, so that none is best; "
            "give `target`, or 1 as `candidates`"
        )
    if use == "counterfactual" and method.mode in ("denoised", "manifold"):
        raise InputError(
            "a counterfactual keeps to the manifold by its steps, not in the mode "
            f"{method.mode}; take `mode` projected, or ascent"
        )


def check_mode(method: Method, mode: str | None = None) -> None:
    """Raise InputError for settings without effect in a mode: those of the sampler or of an ascent.

    And for an early end in the mode denoised, where noise falls from the first step to the last.
    mode: which `auto` became; by default the method's.
    """
    mode = method.mode if mode is None else mode
    _refuse(method, MODES[mode], f"in the mode {mode}")
    early = _given(method, EARLY) if mode == "denoised" else ""
    if early:
        raise InputError(
            f"{early} would end images of the mode denoised before they are on the manifold; "
            "take `mode` projected, or ascent"
        )


def _refuse(method: Method, names: tuple[str, ...], where: str) -> None:
    given = _given(method, names)
    if given:
        them = "them" if "," in given else "it"
        raise InputError(f"{given} would not change the results {where}; leave {them} out")


def _given(method: Method, names: tuple[str, ...]) -> str:
    """Return the settings of these that are not at their defaults."""
    usual = Method()
    return ", ".join(f"`{n}`" for n in names if _value(method, n) != _value(usual, n))


def _value(method: Method, name: str) -> object:
    return getattr(method.ascent if name in ASCENT else method, name)

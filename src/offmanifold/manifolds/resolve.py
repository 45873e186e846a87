"""From a spec to a manifold: fitted here, found again, known, or somebody else's."""

from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.files import read_json
from offmanifold._core.log import note
from offmanifold._core.precision import Precision
from offmanifold._core.runs import ROOT
from offmanifold.data.types import Data
from offmanifold.manifolds.adapters.adapt import load_denoiser, names_denoiser
from offmanifold.manifolds.estimators.exact import exact_manifold
from offmanifold.manifolds.fit import LEAST_IMAGES, fit_manifold, load_manifold, other_manifolds

MANIFOLDS = ("auto", "none", "exact", "FILE.py:FUNCTION", "diffusers:PATH")


def resolve_manifold(
    spec: str,
    data: Data,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    show: bool = True,
) -> Any:
    """Return the manifold that a spec names, or None.

    `auto`: fitted on data.train in this precision, or found again by its hash; None below 500
    training images. `none`.
    `exact`: what is known of made data. `FILE.py:FUNCTION`, `diffusers:PATH`: a denoiser of the
    user's own. Else a folder that fit-manifold made, by its path or by the name or hash of one in
    runs/.
    """
    if spec == "none":
        return None
    if spec == "auto":
        if len(data.train) < LEAST_IMAGES:
            note(
                f"{len(data.train)} training images are too few for a manifold ({LEAST_IMAGES}); "
                "what needs one is skipped"
            )
            return None
        others = other_manifolds(fitted_manifolds(), data) if show else []
        if others:
            note(
                f"fitted on these images too, and not used: {', '.join(map(str, others))}; "
                f"to judge by it: `manifold` {others[0]}"
            )
        manifold = fit_manifold(data, device=device, precision=precision, show=show)
    elif spec == "exact":
        manifold = exact_manifold(data)
    elif names_denoiser(spec):
        note(f"judging {spec} on validation images")
        manifold = load_denoiser(spec, data, device=device)
    else:
        manifold = load_manifold(find_manifold(spec))
    if not manifold.card.usable:
        note(
            f"the manifold {manifold.card.spec} passed its gates at no σ; what needs it is skipped"
        )
    elif tuple(manifold.card.shape) != data.shape:
        raise InputError(
            f"images of shape {data.shape} do not match the manifold {spec}, fitted at "
            f"{tuple(manifold.card.shape)}; refit with "
            f'"offmanifold fit-manifold --data {data.info.get("spec")}"'
        )
    elif manifold.card.data is None:
        note(
            f"which images {spec} was made on is not known here: the test images may be among them"
        )
    elif manifold.card.data != data.train.fingerprint:
        note(
            f"{manifold.card.spec} was not fitted on the training part of {data.info.get('spec')} "
            "as a whole: on a half of it (`halves`), or on other data, which it then knows instead"
        )
    return manifold


def find_manifold(spec: str) -> Path:
    """Return the folder of a fitted manifold."""
    given = Path(spec)
    if (given / "config.json").is_file():
        return given
    known = fitted_manifolds()
    found = [f for f in known if given.name in (f.name, *f.name.rsplit("-", 1))]
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise InputError(f'"{spec}" names several manifolds: {names}; give one of them')
    if not found:
        raise unknown_name("manifold", spec, [*MANIFOLDS, *map(str, known)])
    return found[0]


def fitted_manifolds() -> list[Path]:
    """Return the folders of the manifolds in runs/, halves of a pair among them."""
    configs = sorted([*ROOT.glob("*/config.json"), *ROOT.glob("*/*/config.json")])
    return [path.parent for path in configs if _is_of_manifold(path)]


def _is_of_manifold(config: Path) -> bool:
    """Whether a file is the config of a manifold; one that is broken, or another's, is not."""
    try:
        saved = read_json(config)
    except InputError:
        return False
    return isinstance(saved, dict) and saved.get("kind") == "manifold"

"""What commands share: where data and models come from, how tables are printed."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Column, Table

from offmanifold._core.errors import InputError, unknown_name
from offmanifold._core.files import read_json
from offmanifold._core.precision import Precision
from offmanifold._core.progress import console, is_main_process, note, shown
from offmanifold._core.runs import ROOT
from offmanifold._core.streams import results
from offmanifold._core.visible import visible, visible_json
from offmanifold.data import Data, load_data
from offmanifold.data.load import sized_within
from offmanifold.manifolds import (
    LEAST_IMAGES,
    exact_manifold,
    fit_manifold,
    load_denoiser,
    load_manifold,
    names_denoiser,
    other_manifolds,
)
from offmanifold.models.labels import BY_INDEX

Size = tuple[int, int] | None
MANIFOLDS = ("auto", "none", "exact", "FILE.py:FUNCTION", "diffusers:PATH")


@dataclass(frozen=True)
class Images:
    """Which images.

    Attributes:
        data: digits, glyphs, sphere:K, distractor:DATA, random-labels:DATA, a folder (class
            folders or flat), a .npz or a .parquet.
        image_size: height and width to bring the images to; needed where they differ.
        channels: 1 for grey, 3 for colour; by default as the images are.
        max_bad_share: share of unreadable images above which loading fails.
        data_seed: of the division into training, validation and test images.
    """

    data: str = "distractor:digits"
    image_size: Size = None
    channels: int | None = None
    max_bad_share: float = 0.05
    data_seed: int = 0

    def load(self, shape: tuple[int, int, int] | None = None, *, show: bool = True) -> Data:
        """Return the data; shape: what the model asks for where the user says nothing.

        Halves of a distractor picture are never resized for the sake of a model.
        """
        asked = shape[1:] if shape and not sized_within(self.data) else None
        size = self.image_size or asked
        data = load_data(
            self.data,
            size=size,
            channels=self.channels,
            seed=self.data_seed,
            max_bad_share=self.max_bad_share,
            progress=show and sys.stderr.isatty(),
        )
        if show:
            note_what_is_told(data)
        return data


def note_what_is_told(data: Data) -> None:
    """Say what was decided about images, or left out, as they were loaded."""
    for sentence in data.info.get("told", ()):
        note(sentence)


def note_accuracy_unused(standard: str | None, accuracy: float | None) -> None:
    """Say that --reference-accuracy is not used where the standard model is among the audits."""
    if standard is not None and accuracy is not None:
        note(f"--reference-accuracy is not used: {standard}, the standard model, is among them")


def label_map(classes: str | None) -> Any:
    """Return what --classes gives, as plain JSON: its content counts, wherever the file lies."""
    if classes is None or classes == BY_INDEX:
        return classes
    try:
        return read_json(Path(classes))
    except InputError:
        return classes


def print_json(value: Any) -> None:
    """Print JSON, alone on stdout."""
    if is_main_process():
        lossless = (results().encoding or "utf-8").lower().replace("-", "") == "utf8"
        text = json.dumps(value, ensure_ascii=not lossless, allow_nan=False, indent=1)
        results().write(f"{visible_json(text)}\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    out = results()
    table = Table(*(Column(shown(cell, out)) for cell in header))
    for row in rows:
        table.add_row(*(shown(cell, out) for cell in row))
    width = None if out.isatty() else 160
    console(out, width=width).print(table)


def print_line(text: str) -> None:
    """Print a line on stdout."""
    print(visible(text), file=results())


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
                f"to judge by it: --manifold {others[0]}"
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
            "as a whole: on a half of it (--halves), or on other data, which it then knows instead"
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

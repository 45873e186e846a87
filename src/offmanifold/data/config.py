"""Which images, as flags and configs say it."""

import sys
from dataclasses import dataclass

from offmanifold._core.log import note
from offmanifold.data.load import load_data, sized_within
from offmanifold.data.types import Data


@dataclass(frozen=True)
class DataConfig:
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
    image_size: tuple[int, int] | None = None
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

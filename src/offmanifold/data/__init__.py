"""Images in, as `Data` of three splits: see `load_data` for everything that can be loaded."""

from offmanifold.data.checks import check_images
from offmanifold.data.held import as_data
from offmanifold.data.load import load_data
from offmanifold.data.types import Batch, Data, Source, Split

__all__ = ["Batch", "Data", "Source", "Split", "as_data", "check_images", "load_data"]

"""`hf:PATH` and `hf:NAME`: data sets of Hugging Face, on disk or from the hub (extra `hf`)."""

from pathlib import Path
from typing import Any

from offmanifold._core.errors import InputError
from offmanifold._core.extras import import_extra


def read_hub(rest: str) -> Any:
    """Return the `Dataset` or `DatasetDict` at a path that `save_to_disk` wrote, or of a name.

    Raises MissingExtra without `datasets`, and InputError where there is no such data set.
    """
    if not rest:
        raise InputError('"hf" needs a path or a name after a colon, such as "hf:ylecun/mnist"')
    datasets = import_extra("datasets", f"hf:{rest}")
    try:
        if Path(rest).exists():
            return datasets.load_from_disk(rest)
        return datasets.load_dataset(rest)
    except Exception as error:  # of the hub, the network, the files: each library has its own
        raise InputError(f"cannot read the data set hf:{rest} ({error})") from error

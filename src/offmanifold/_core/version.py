"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Return the installed version of offmanifold."""
    try:
        return version("offmanifold")
    except PackageNotFoundError:  # run from a source tree
        return "0+unknown"

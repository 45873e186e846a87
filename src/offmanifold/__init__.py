"""Where is an image classifier sensitive: on the data manifold or off it?

import offmanifold as om
data = om.load_data("distractor:digits")
run = om.train("small-resnet", data, objective=om.objectives.PGD(eps=1.0))
manifold = om.fit_manifold(data)
audit = om.audit(run, data, manifold)
om.report([audit], "report.html")
"""

import sys

asked = {argument.removeprefix("-m").partition(".")[0] for argument in sys.orig_argv}
if sys.argv[:1] == ["-m"] and "offmanifold" in asked and not sys.flags.safe_path:
    del sys.path[0]  # the folder in which it is run may hold random.py and the like
del asked

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from offmanifold.public import *  # noqa: F403
    from offmanifold.public import __version__  # noqa: F401
else:

    def __getattr__(name: str) -> Any:
        """Import the public names, and torch with them, when one is first asked for.

        Python imports this package before the command line, which could not answer to Ctrl-C else.
        """
        if name.startswith("__") and name not in ("__all__", "__version__"):
            raise AttributeError(name)
        public = import_module("offmanifold.public")
        if hasattr(public, name):
            return getattr(public, name)
        if name in globals():  # a room that was imported on the way
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module("offmanifold.public").__all__, "__version__"})

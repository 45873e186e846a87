"""Parameters as the flags of the command line: the library says `name`, a command --name."""

import re

NAMED = re.compile(r"`([a-z]\w*)`")
OTHER = {"folder": "out", "target": "class"}  # what the command line calls by another name


def as_flags(sentence: str) -> str:
    """Return a sentence of the library with its `parameters` as flags.

    >>> as_flags("`attack_eps` must be above 0; choose another `folder`")
    '--attack-eps must be above 0; choose another --out'
    """

    def flag(found: re.Match[str]) -> str:
        name = OTHER.get(found.group(1), found.group(1))
        return "--" + name.replace("_", "-")

    return NAMED.sub(flag, sentence)

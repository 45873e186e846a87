"""Names made by others, as what they are: text, never an instruction to a terminal or a browser."""

import re

# Controls (C0, C1), marks that turn the direction of text or have no width, line separators, and
# the surrogates that stand for the bytes of a file name in no known encoding.
CONTROLS = "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
UNSEEN = re.compile(f"[{CONTROLS}\ud800-\udfff\U000e0000-\U000e007f]")
UNSEEN_IN_TEXT = re.compile(UNSEEN.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def visible(text: str) -> str:
    r"""Return one line of text in which what a terminal would obey is written out.

    >>> print(visible("two\nlines, \x1b[31mred, \u202etxt.exe"))
    two\nlines, \x1b[31mred, \u202etxt.exe
    """
    return UNSEEN.sub(lambda found: escaped(found[0]), text)


def visible_but_colours(text: str) -> str:
    """Return what a library has written for a terminal, its colours and line breaks kept."""
    return "".join(
        part if COLOUR.fullmatch(part) else visible_page(part) for part in COLOUR.split(text)
    )


def visible_page(text: str) -> str:
    """Return the text of a file, its line breaks kept, in which the same is written out."""
    return UNSEEN_IN_TEXT.sub(lambda found: escaped(found[0]), text)


def visible_json(text: str) -> str:
    """Return JSON that is read as the same values, its unseen characters in JSON's own escapes."""
    return UNSEEN_IN_TEXT.sub(lambda found: _in_utf16(found[0]), text)


def escaped(character: str) -> str:
    """Return a character written out: a byte of no known encoding, a control, any other."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name, by PEP 383
        return f"\\x{code - 0xDC00:02x}"
    if character in SHORT:
        return SHORT[character]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _in_utf16(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))

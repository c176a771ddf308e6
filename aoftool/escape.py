r"""Bytes to text that is safe to show, and back.

The printable form is a C-like escape: printable ASCII and printable Unicode stand for themselves, a
backslash doubles, everything else becomes `\n`, `\r`, `\t` or `\xHH`. It is reversible and holds no
control character, no bidirectional override and no line break. Rich markup and HTML are the business
of the reporters, who must mark such text as plain.

What a message quotes from a log goes through `excerpt`, deep inside as it may be made; so that what must not
be shown can be hidden in this one place, for a whole run.
"""

from __future__ import annotations

import binascii
import os
import re
import unicodedata
from collections.abc import Callable, Sequence

from aoftool.cells import cell_width, leading
from aoftool.regex import regex

__all__ = [
    "excerpt",
    "excerpt_command",
    "excerpt_key",
    "hidden",
    "hide_excerpts",
    "is_clean_text",
    "json_bytes",
    "printable",
    "shorten",
    "shown_base",
    "shown_name",
    "shown_path",
    "shown_text",
    "typed_name",
    "unprintable",
]

Hide = Callable[[bytes, bool], bytes]

_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN_ASCII = regex(rb"[ -\[\]-~]*")
_ESCAPE = regex(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
# How an empty key is shown, and may be typed.
_EMPTY_NAME = '""'
_BACK = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _is_shown(char: str) -> bool:
    """Tell whether a non-ASCII character stands for itself: letters, marks, numbers, symbols."""
    return unicodedata.category(char)[0] in "LNPS" or unicodedata.category(char) in ("Mn", "Mc")


def _escape_char(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    if " " <= char <= "~" or (char > "\x7f" and _is_shown(char)):
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def printable(raw: bytes) -> str:
    r"""Return bytes as reversible printable text: `b"a\x1b[1m"` becomes `a\x1b[1m`, spelled out."""
    if _PLAIN_ASCII.fullmatch(raw):
        return raw.decode("ascii")
    return "".join(map(_escape_char, raw.decode("utf-8", "surrogateescape")))


def shown_text(text: str) -> str:
    """Return text as it may be shown; a half of a surrogate pair stands for a byte, as in names of files."""
    return printable(text.encode("utf-8", "surrogateescape"))


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path as it may be shown."""
    return printable(os.fsencode(path))


def shown_base(path: str) -> str:
    """Return the last name of a path as it may be shown."""
    return shown_path(os.path.basename(path))


def unprintable(text: str) -> bytes:
    """Return the bytes that `printable` made text of; bytes of an argument that are not UTF-8 stay."""

    def back(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        return _BACK.get(match[2], match[2])

    return _ESCAPE.sub(back, text.encode("utf-8", "surrogateescape"))


def shorten(raw: bytes, limit: int = 64) -> str:
    """Return printable text of at most `limit` cells, ending in the true length if cut."""
    text = printable(raw[: 4 * limit])
    if len(raw) <= 4 * limit and cell_width(text) <= limit:
        return text
    tail = f"... ({len(raw)} bytes)"
    # The first piece only: never half an escape, which would read as another byte.
    return leading(text, max(limit - len(tail), 8)) + tail


def shown_name(raw: bytes, limit: int = 64) -> str:
    """Return a key or prefix as `shorten` does, `""` for an empty one, which would not be seen."""
    if raw == _EMPTY_NAME.encode():
        return r"\x22\x22"
    return shorten(raw, limit) or _EMPTY_NAME


def typed_name(text: str) -> bytes:
    """Return the key that was typed as it is shown: with escapes, `""` for the empty one."""
    return b"" if text == _EMPTY_NAME else unprintable(text)


_hidden_by: Hide | None = None


def hide_excerpts(hide: Hide | None) -> None:
    """Have every excerpt pass through a function from now on, given whether it is a key; None ends that.

    Holds for the process, threads included: a message is made far from where it is known how it is shown, and
    one that a thread made without knowing would be a leak. So only the command line, which has the process to
    itself, may ask for it; what programs call is handed a `Redactor`.
    """
    global _hidden_by
    _hidden_by = hide


def hidden(raw: bytes, *, is_key: bool = False) -> bytes:
    """Return contents of a log as they may be shown."""
    return raw if _hidden_by is None else _hidden_by(raw, is_key)


def excerpt(raw: bytes, limit: int = 64) -> str:
    """Return contents of a log as `shorten` does, for a message; hidden while excerpts are to be hidden."""
    return shorten(hidden(raw), limit)


def excerpt_command(argv: Sequence[bytes]) -> str:
    """Return the first words of a command as `excerpt` does, for a line that names it."""
    return " ".join(excerpt(word, 40) for word in argv[:4])


def excerpt_key(key: bytes, limit: int = 64) -> str:
    """Return a key as `excerpt` does; its stand-in is the one it has everywhere."""
    return shorten(hidden(key, is_key=True), limit)


def is_clean_text(raw: bytes) -> bool:
    """Tell whether the bytes are UTF-8, so that JSON text holds them exactly."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def json_bytes(name: str, raw: bytes) -> dict[str, str]:
    """Return JSON members for a byte string.

    Clean UTF-8 gives `{name: text}`. Anything else gives a readable approximation under `name` and
    the exact bytes under `name_b64`.
    """
    if is_clean_text(raw):
        return {name: raw.decode("utf-8")}
    return {name: printable(raw), f"{name}_b64": binascii.b2a_base64(raw, newline=False).decode("ascii")}

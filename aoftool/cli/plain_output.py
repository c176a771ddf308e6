"""Output to where the text is not UTF-8, as under an old locale: every character is shown in some way.

Python ends a write with an error for what an encoding lacks. Rules and bars of tables become ASCII here, all
else an escape such as `\\u65e5`: an answer may look plain, and never stops in the middle.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections.abc import Iterable
from typing import TextIO

__all__ = ["show_all", "write_whole"]

_HANDLER = "aoftool.plain"
_PLAIN = {"─": "-", "–": "-", "…": "...", "µ": "u", "±": "+-"}
# The steps of a small curve, from low to high, as in aoftool.report.sparkline.
_PLAIN.update(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True))


def write_whole() -> None:
    """Have what is printed written to its end where the interpreter was told to keep no buffer.

    Then Python writes once, and takes it for done when the system took a part: with a disk that fills up, or
    a reader that leaves, the rest would be lost without a word. A line is still written when it is there.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper) or not isinstance(stream.buffer, io.RawIOBase):
            continue
        encoding, errors = stream.encoding, stream.errors
        raw = stream.detach()
        assert isinstance(raw, io.RawIOBase)
        setattr(
            sys,
            name,
            io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=True),
        )


def show_all(streams: Iterable[TextIO | None]) -> None:
    """Have streams that are not UTF-8 replace what their encoding lacks."""
    for stream in streams:
        encoding = getattr(stream, "encoding", None)
        if stream is None or not encoding or codecs.lookup(encoding).name == "utf-8":
            continue
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            codecs.register_error(_HANDLER, _replace)
            reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char) or _escaped(char) for char in found), error.end


def _escaped(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode()

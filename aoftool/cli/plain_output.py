"""Output to where the text is not UTF-8, as under an old locale: every character is shown in some way.

Python ends a write with an error for what an encoding lacks. Rules and bars of tables become ASCII here, all
else an escape such as `\\u65e5`: an answer may look plain, and never stops in the middle.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from typing import TextIO

__all__ = ["show_all"]

_HANDLER = "aoftool.plain"
_PLAIN = {"─": "-", "–": "-", "…": "...", "µ": "u", "±": "+-"}
# The steps of a small curve, from low to high, as in aoftool.report.sparkline.
_PLAIN.update(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True))


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

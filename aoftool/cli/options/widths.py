"""Widths of steps as people type them: of time or of file."""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.errors import UsageError
from aoftool.regex import regex

__all__ = ["Width", "parse_width"]

_WIDTH = regex(r"([1-9][0-9]{0,14})([smhd]|[KMG]|)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


@dataclass(frozen=True, slots=True)
class Width:
    """Seconds, or bytes of file."""

    size: int
    of_time: bool


def parse_width(text: str) -> Width:
    """Return the width that `10s`, `5m`, `1h`, `1d`, `64K`, `1M`, `1G` or a plain number of bytes means.

    Raises:
        UsageError: it is none of these.
    """
    found = _WIDTH.fullmatch(text.strip())
    if found is None:
        hint = "use 10s, 5m, 1h or 1d of time, 64K, 1M or 1G of file"
        raise UsageError("not the width of a step: " + ascii(text), hint=hint)
    if found[2] in _SECONDS:
        return Width(int(found[1]) * _SECONDS[found[2]], of_time=True)
    return Width(int(found[1]) * _BYTES[found[2]], of_time=False)

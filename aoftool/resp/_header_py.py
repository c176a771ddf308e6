"""Header lines as a loader reads them, and how they depart from the canonical form. The reference."""

from __future__ import annotations

from aoftool.regex import regex
from aoftool.resp.stops import Departure

__all__ = ["LONG_MAX", "header_departure", "read_number", "wrap_int"]

LONG_MAX = 2**63 - 1

_DIGITS = regex(rb"0(?![0-9])|[1-9][0-9]*")
_LOOSE = regex(rb"[ \t\v\f\r]*([+-]?)([0-9]*)")


def read_number(line: bytes) -> tuple[int, bool]:
    """Return what C strtol makes of a header line, and whether digits were there."""
    # Blanks, a sign, digits, and whatever follows is not looked at: `$5abc` says five to a server.
    found = _LOOSE.match(line, 1)
    assert found is not None, "the pattern matches an empty text too"
    sign, digits = found.groups()
    value = int(digits or b"0")
    if sign == b"-":
        return max(-value, -LONG_MAX - 1), bool(digits)
    return value, bool(digits)


def wrap_int(value: int) -> int:
    """Return the low 32 bits as a signed number, as C does when atoi narrows a long."""
    return (min(value, LONG_MAX) + 2**31) % 2**32 - 2**31


def header_departure(line: bytes, has_digits: bool) -> Departure | None:
    """Return the first departure of a header line."""
    digits = _DIGITS.match(line, 1)
    at = digits.end() if digits else 1
    tail = line[at:]
    if digits and tail == b"\r\n":
        return None
    if tail[:1] == b"\0":
        return Departure.HEADER_NUL
    if digits is None:
        return Departure.PADDED_NUMBER if has_digits else Departure.EMPTY_LENGTH
    if tail == b"\n":
        return Departure.BARE_LINE_FEED
    return Departure.HEADER_JUNK if tail.endswith(b"\n") else Departure.LONG_LINE

"""Turn keys into the prefix they are counted under: `cart:991:items` into `cart:*` or `cart:*:items`.

This is the specification; the counting kernel does the same. Knows nothing of counts.
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["KEY_REACH", "PREFIX_BYTES", "Template", "prefix_of"]

KEY_REACH = 512
"""No more of a key is looked at."""

PREFIX_BYTES = 128
"""A longer prefix is cut there and marked with three dots."""

# Letters and digits mixed in one run of this length are taken for an identifier (ULID, token).
_MIXED_RUN = 16
_HEX_RUN = 8
_RUN = regex(rb"[0-9A-Za-z]+")
_HEX = regex(rb"[0-9A-Fa-f]+")
_DIGITS = regex(rb"[0-9]+")
_UUID = regex(rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Template:
    """How prefixes are made.

    Attributes:
        separator: one byte between the segments of a key.
        depth: segments to keep; segments that are all variable do not count.
        automatic: put `*` for digits, UUIDs, hexadecimal runs of 8 and mixed runs of 16 characters.
    """

    separator: bytes = b":"
    depth: int = 1
    automatic: bool = True

    def __post_init__(self) -> None:
        if len(self.separator) != 1 or self.depth < 1:
            raise ValueError("a separator of one byte and a depth of at least 1")


def prefix_of(key: bytes, template: Template) -> bytes:
    """Return the prefix of a key."""
    out = bytearray()
    kept = 0
    for number, segment in enumerate(key[:KEY_REACH].split(template.separator)):
        if number:
            out += template.separator
        if kept == template.depth:
            out += b"*"
            break
        text = _generalise(segment) if template.automatic else segment
        out += text
        kept += text != b"*"
        if len(out) > PREFIX_BYTES:
            break
    return bytes(out) if len(out) <= PREFIX_BYTES else bytes(out[:PREFIX_BYTES]) + b"..."


def _generalise(segment: bytes) -> bytes:
    """Return a segment with its variable parts replaced."""
    out = bytearray()
    at = 0
    while at < len(segment):
        found = _UUID.match(segment, at)
        if found is not None:
            out += b"*"
            at = found.end()
            continue
        run = _RUN.match(segment, at)
        if run is None:
            out.append(segment[at])
            at += 1
            continue
        out += _generalise_run(run[0])
        at = run.end()
    return bytes(out)


def _generalise_run(run: bytes) -> bytes:
    if _DIGITS.search(run) is None:
        return run
    is_hex = len(run) >= _HEX_RUN and _HEX.fullmatch(run)
    if is_hex or (len(run) >= _MIXED_RUN):
        return b"*"
    return _DIGITS.sub(b"*", run)

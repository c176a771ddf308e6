"""The commands just before and behind an offset of a plain file."""

from __future__ import annotations

from itertools import islice

from aoftool.files import Source
from aoftool.resp.model import Command
from aoftool.resp.pieces.resync import boundaries
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["commands_before", "commands_from"]

_EVERYTHING = Watch(min_length=1)
_FIRST_BYTES = 8 * 1024
_MOST_BYTES = 1 << 20
_PART_BYTES = 64 * 1024


def commands_from(
    source: Source, offset: int, count: int, *, end: int | None = None, keep: int | None = 256
) -> list[Command]:
    """Return up to `count` commands from a boundary on; database and transaction are not those of the log."""
    reader = SieveReader(source, _EVERYTHING, start=offset, end=end, keep=keep, part_bytes=_PART_BYTES)
    return list(islice(reader, count))


def commands_before(source: Source, offset: int, count: int, *, least: int = 0) -> list[Command]:
    """Return up to `count` commands that end where another begins, found by their chaining to it.

    Args:
        least: offset of the first command of the file.
    """
    found: list[Command] = []
    window = _FIRST_BYTES
    while count and len(found) < count and offset > least:
        start = max(offset - window, least)
        chain = next((b for b in boundaries(source, start, offset) if b.reaches_end), None)
        if chain is not None:
            found = commands_from(source, chain.offset, chain.commands, end=offset)
        if start == least or window >= _MOST_BYTES:
            break
        window *= 8
    return found[-count:] if count else []

"""The commands of a stream that change its state: MULTI, EXEC, DISCARD and SELECT.

Finds them and says what they select; decides nothing about what they lead to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aoftool.check.stream.window import Reader
from aoftool.check.vocabulary import is_known
from aoftool.commands.framing import FRAMING
from aoftool.files.source import Source
from aoftool.regex import regex
from aoftool.resp.commands import CommandReader

__all__ = ["last_select", "marks_in", "near_exec", "selected_database"]

"""Their names."""

_NEAR_EXEC = regex(rb"\*1\r\n\$4\r\n(.{4})\r\n", re.DOTALL)
# A transaction larger than this is not searched for its end.
_SEARCHED_BYTES = 1 << 20


def marks_in(source: Source, start: int, end: int) -> Iterator[tuple[int, int, bytes, int | None]]:
    """Yield the commands that change state: start, end, name, database of a valid SELECT."""
    for command in CommandReader(source, start=start, end=end, names=FRAMING):
        db = selected_database(command.argv) if command.name == b"SELECT" else None
        yield command.offset, command.offset + command.length, command.name, db


def last_select(source: Source, start: int, end: int) -> int | None:
    """Return the database that the last valid SELECT of a span selects, None without one."""
    found = None
    for _, _, _, db in marks_in(source, start, end):
        found = found if db is None else db
    return found


def selected_database(argv: list[bytes]) -> int | None:
    """Return the database of a SELECT that servers accept, None for every other command."""
    if len(argv) != 2 or argv[0].upper() != b"SELECT":
        return None
    text = argv[1]
    if not text.isdigit() or (text.startswith(b"0") and len(text) > 1) or len(text) > 9:
        return None
    return int(text)


def near_exec(source: Source, reader: Reader, start: int, end: int) -> tuple[int, int] | None:
    """Return the span of the only name in a transaction that is EXEC but for one byte."""
    if end - start > _SEARCHED_BYTES:
        return None
    found = [match for match in _NEAR_EXEC.finditer(reader.at(start, end - start)) if _is_near_exec(match[1])]
    places = {command.offset for command in CommandReader(source, start=start, end=end, limit=8)}
    found = [match for match in found if start + match.start() in places]
    return (start + found[0].start(1), start + found[0].end(1)) if len(found) == 1 else None


def _is_near_exec(name: bytes) -> bool:
    """Tell whether a name is EXEC with one wrong byte, and no command of its own."""
    return sum(a != b for a, b in zip(name.upper(), b"EXEC", strict=True)) == 1 and not is_known(name)

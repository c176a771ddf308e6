"""Rows of whole canonical commands into `Command` objects: the reference."""

from __future__ import annotations

from collections.abc import Container

from aoftool.regex import regex
from aoftool.resp.columns import RowColumns
from aoftool.resp.model import Command

__all__ = ["cut_commands"]

_BULK = regex(rb"\$(\d+)\r\n")
_COUNT = regex(rb"\*\d+\r\n")


def _cut_argv(data: bytes, at: int, argc: int, limit: int) -> tuple[list[bytes], list[int] | None]:
    match = _COUNT.match(data, at)
    assert match is not None
    at = match.end()
    argv, lengths, cut = [], [], False
    for _ in range(argc):
        header = _BULK.match(data, at)
        assert header is not None
        begin, length = header.end(), int(header[1])
        argv.append(data[begin : begin + min(length, limit)])
        lengths.append(length)
        cut = cut or length > limit
        at = begin + length + 2
    return argv, lengths if cut else None


def cut_commands(
    data: bytes | bytearray | memoryview,
    base: int,
    rows: RowColumns,
    first_index: int,
    limit: int,
    wanted: Container[int] | None,
) -> list[Command]:
    """Return a command for every wanted row, in order.

    Args:
        data: a piece of the stream that starts at the absolute offset `base`.
        first_index: commands before the first row.
        limit: arguments are cut to this many bytes.
        wanted: command numbers to keep; None for all.

    Rows that do not lie whole in `data`, or needed the lenient grammar, come with an empty argv, for the
    caller to fill.
    """
    data = bytes(data)
    columns = [memoryview(getattr(rows, name)).cast("q") for name in RowColumns._fields[:8]]
    commands = []
    for index, (offset, length, argc, number, db, txn, time_s, lenient) in enumerate(
        zip(*columns, strict=True), first_index
    ):
        if wanted is not None and number not in wanted:
            continue
        argv: list[bytes] = []
        lengths = None
        if not lenient and offset >= base and offset + length <= base + len(data):
            argv, lengths = _cut_argv(data, offset - base, argc, limit)
        commands.append(Command(offset, length, argv, db, txn, time_s, index, lengths, bool(lenient)))
    return commands

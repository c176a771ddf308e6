"""Chosen commands as a log that a server loads: SELECT where the database changes, whole transactions.

SELECT, MULTI and EXEC of the input are not copied but made anew for what is left. Commands of one
transaction stay together; a transaction without EXEC at the end of the input never happened, so it is
left out. Knows nothing of what the commands do: without the commands that were left out, some may be refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aoftool.analysis.commands.model import UNKNOWN, LoggedCommand
from aoftool.aof.ending_model import ListingEnd
from aoftool.commands.framing import FRAMING
from aoftool.resp.encode import encode_command, encode_select

__all__ = ["LoadableLog"]


class LoadableLog:
    """Iterate over the bytes of the log; once.

    Args:
        rows: in order, with whole arguments.
        end: what the listing that gives the rows knows when it has ended.

    Attributes:
        commands: how many were written, framing not counted.
        dropped: how many belonged to a transaction that never got its EXEC.
        guessed: how many were of unknown database and went to the one selected.
    """

    def __init__(self, rows: Iterable[LoggedCommand], end: ListingEnd) -> None:
        self._rows, self._end = rows, end
        self._db = 0
        self.commands = 0
        self.dropped = 0
        self.guessed = 0

    def __iter__(self) -> Iterator[bytes]:
        held: list[LoggedCommand] = []
        for row in self._rows:
            if row.name in FRAMING:
                continue
            if held and _transaction(held[0]) != _transaction(row):
                yield from self._block(held)
                held = []
            if row.txn > 0:
                held.append(row)
            else:
                yield self._one(row)
        if held and _transaction(held[0]) == self._end.open_txn:
            self.dropped = len(held)
        elif held:
            yield from self._block(held)

    def _block(self, rows: list[LoggedCommand]) -> Iterator[bytes]:
        """Yield a transaction; one command alone needs no framing, as servers write it."""
        if len(rows) == 1:
            yield self._one(rows[0])
            return
        yield encode_command((b"MULTI",))
        for row in rows:
            yield self._one(row)
        yield encode_command((b"EXEC",))

    def _one(self, row: LoggedCommand) -> bytes:
        self.commands += 1
        before = b""
        if row.db == UNKNOWN:
            self.guessed += 1
        elif row.db != self._db:
            self._db = row.db
            before = encode_select(row.db)
        return before + encode_command(row.argv)


def _transaction(row: LoggedCommand) -> tuple[int, int]:
    return row.file_number, row.txn

"""Drive the compiled forward pass; what it hands back goes through the reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import aoftool.liveness._trace_cy as _trace_cy
from aoftool.commands.effects import EffectTable, Role
from aoftool.liveness import model
from aoftool.liveness._keys_cy import KeyTable
from aoftool.liveness._trace_py import CHUNK_ROWS, TraceBuilder
from aoftool.liveness.compiled_forms import compile_forms
from aoftool.liveness.model import Chunk, RowPlace
from aoftool.liveness.rows import START_FATES, RowStore

__all__ = ["NativeTraceBuilder"]

# Above this many databases the mapping is not worth an array; every SELECT goes to the reference.
_DATABASES_MAX = 1 << 16


class NativeTraceBuilder(TraceBuilder):
    """Turn buffers of commands into rows, the simple ones in compiled code."""

    def __init__(
        self,
        table: EffectTable,
        *,
        chunk_rows: int = CHUNK_ROWS,
        keys: model.KeyTable | None = None,
        sealed: Callable[[Chunk], Chunk] | None = None,
    ) -> None:
        assert keys is None or isinstance(keys, KeyTable)
        self._native_keys = KeyTable() if keys is None else keys
        super().__init__(table, chunk_rows=chunk_rows, sealed=sealed)
        databases = table.setting.databases
        self._all_slow = databases > _DATABASES_MAX
        self._feeder = _trace_cy.Feeder(
            self._native_keys,
            compile_forms(table),
            _obeyed(table),
            min(databases, _DATABASES_MAX),
            chunk_rows,
        )
        self._synced: dict[int, int] = {}

    def _new_keys(self) -> model.KeyTable:
        return self._native_keys

    def _new_rows(self, file: int, start: int) -> RowStore:
        self._native_rows = _trace_cy.Rows(file, start, START_FATES)
        return self._native_rows

    def start_file(self, file: int, start: int, label: str) -> None:
        """Go on with another file."""
        super().start_file(file, start, label)
        self._sync()

    def feed(self, data: memoryview, base: int) -> tuple[int, bool]:
        """Take whole canonical commands from the front of a buffer.

        Args:
            data: bytes of the file.
            base: offset of its first byte.

        Returns:
            (bytes taken, whether the next command is whole or not canonical and must come through
            `add`). When the second is False, more bytes are needed.
        """
        taken = 0
        while True:
            reason, taken = self._feeder.run(self._native_rows, data, taken, base)
            self._take_over()
            if reason == _trace_cy.FULL:
                self._seal()
            elif reason == _trace_cy.SLOW:
                argv, end = self._feeder.argv(data)
                self.add(base + taken, base + end, argv)
                taken = end
            else:
                return taken, reason == _trace_cy.IRREGULAR

    def add(self, offset: int, end: int, argv: Sequence[bytes]) -> None:
        """Add one command through the reference."""
        super().add(offset, end, argv)
        self._learn(argv[0].upper())

    def add_unknown(self, offset: int, end: int, argv: Sequence[bytes]) -> None:
        """Add a command that may do anything."""
        super().add_unknown(offset, end, argv)
        self._learn(argv[0].upper())

    def _learn(self, name: bytes) -> None:
        self._feeder.number_name(name, self._names[name])
        self._sync()

    def _take_over(self) -> None:
        """Learn what the compiled pass changed: the selected database and the open transaction.

        Numbering and doubt change on this side only, so they are still what they were at its MULTI.
        """
        feeder = self._feeder
        self._selected = feeder.selected
        if feeder.transaction == _trace_cy.CLOSED:
            self._transaction = None
        elif feeder.transaction == _trace_cy.OPENED_HERE:
            place = RowPlace(len(self.trace.chunks), feeder.transaction_row)
            self._transaction = self._opened(place, feeder.transaction_selected)
            feeder.transaction = _trace_cy.OPENED_THERE

    def _sync(self) -> None:
        slow = self._all_slow or self._in_doubt
        self._feeder.transaction = _trace_cy.OPENED_THERE if self._transaction else _trace_cy.CLOSED
        if self._numbering == self._synced:
            self._feeder.select(self._selected, slow)
        else:
            self._synced = dict(self._numbering)
            self._feeder.sync(self._selected, self._synced, slow)


def _obeyed(table: EffectTable) -> dict[bytes, int]:
    """Return the names of commands that only move the reader's own state."""
    codes = {Role.SELECT: _trace_cy.SELECTS, Role.MULTI: _trace_cy.OPENS, Role.EXEC: _trace_cy.CLOSES}
    return {
        name: codes[form.role] for name in table.names() for form in table.forms(name) if form.role in codes
    }

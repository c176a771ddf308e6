"""Build a trace: the forward pass, in Python. This is the specification of the compiled twin.

Follows the log as a loader does: each file starts in database 0, a refused SELECT changes nothing,
SWAPDB swaps numbers over physical databases, and a transaction counts as its commands at their place
unless it never ends. Refuses logs with WATCH, or DISCARD inside MULTI, whose effect cannot be told
from the text. Memory: the rows and the key table.

Source: measured on Redis 6.2.5, 7.0.15, 8.0.6, Valkey 8.1.1, 9.1.2 by loading pruned and unpruned
logs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aoftool.aof.ending import OPEN_INSIDE
from aoftool.commands.effects import Effect, EffectTable, KeyEffect, KeyUse, Role, Scope
from aoftool.commands.forms import unknown_words
from aoftool.commands.slots import emptied_slots
from aoftool.commands.wrapped import WRAPPER, inner_commands
from aoftool.dataclass import dataclass
from aoftool.errors import UnsupportedError
from aoftool.liveness import model
from aoftool.liveness._keys_py import KeyTable
from aoftool.liveness.key_slots import KeySlots, emptied_from
from aoftool.liveness.model import Chunk, Fate, Op, RefEffect, RowPlace, Trace
from aoftool.liveness.rows import Rows, RowStore
from aoftool.next_step import next_step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TraceBuilder"]

CHUNK_ROWS = 1 << 20
# Names are numbered in 16 bits; a hostile log with more distinct names shares the last number.
NAMES_MAX = 60_000

_ROLE_OPS = {
    Role.SELECT: Op.FRAMING,
    Role.SWAPDB: Op.FRAMING,
    Role.MULTI: Op.FRAMING,
    Role.EXEC: Op.FRAMING,
    Role.DISCARD: Op.FRAMING,
    Role.FUNCTIONS: Op.FUNCTIONS,
    Role.SCRIPTS: Op.SCRIPTS,
    Role.EVALSHA: Op.EVALSHA,
}
_REF_EFFECTS = {
    KeyEffect.REPLACES: RefEffect.REPLACES,
    KeyEffect.CHANGES: RefEffect.CHANGES,
    KeyEffect.MOVES: RefEffect.CHANGES,
    KeyEffect.READS: RefEffect.READS,
}


@dataclass(slots=True)
class _Transaction:
    """Where a MULTI stands and what holds again if its EXEC never comes."""

    place: RowPlace
    selected: int
    numbering: dict[int, int]
    final_numbering: dict[int, int]
    first_opaque: RowPlace | None
    in_doubt: bool
    emptied: NDArray[np.int64] | None


class TraceBuilder:
    """Turn commands into rows.

    Args:
        table: effects for the target (its number of databases counts).
        chunk_rows: rows after which a chunk is sealed.
        keys: a key table to number keys in, from `native.KeyTable`; None for a new one.
        sealed: takes every chunk as soon as it is whole, and returns the one to keep in its place.

    Attributes:
        unknown: offsets of commands of this file that may do anything, whatever their names.
    """

    def __init__(
        self,
        table: EffectTable,
        *,
        chunk_rows: int = CHUNK_ROWS,
        keys: model.KeyTable | None = None,
        sealed: Callable[[Chunk], Chunk] | None = None,
    ) -> None:
        self._table = table
        self._chunk_rows = chunk_rows
        self._given_keys = keys
        self._sealed = sealed
        self._keys = self._new_keys()
        self.trace = Trace(databases=table.setting.databases, keys=self._keys)
        self._names = {name: number for number, name in enumerate(self.trace.names)}
        self._rows = self._new_rows(0, 0)
        self._label = ""
        self._selected = 0
        self._numbering: dict[int, int] = {}
        self._in_doubt = False
        self._transaction: _Transaction | None = None
        self._opened_at: int | None = None
        self._key_slots = KeySlots(self._keys)
        self.unknown: frozenset[int] = frozenset()

    def _new_keys(self) -> model.KeyTable:
        return KeyTable() if self._given_keys is None else self._given_keys

    def _new_rows(self, file: int, start: int) -> RowStore:
        return Rows(file, start)

    def start_file(self, file: int, start: int, label: str) -> None:
        """Go on with another file: its number, the offset of its first command, its name.

        Raises:
            UnsupportedError: the file before ends inside a transaction; no server loads such a log.
        """
        self._seal()
        if self._transaction is not None:
            raise UnsupportedError(
                OPEN_INSIDE,
                path=self._label,
                offset=self._opened_at,
                hint=next_step("check", os.path.dirname(self._label) or os.curdir),
            )
        self._rows = self._new_rows(file, start)
        self._label = label
        self._selected = 0
        self._in_doubt = False

    def add(self, offset: int, end: int, argv: Sequence[bytes]) -> None:
        """Add the command that stands at `offset` and ends before `end`."""
        if offset > self._rows.end:
            self._add_row(offset, b"#", Op.FRAMING)
        effect = self._table.of(argv)
        if effect.role in (Role.WATCH, Role.DISCARD):
            self._refuse_if_unknowable(effect.role, offset)
        op = _ROLE_OPS.get(effect.role)
        if op is Op.FRAMING:
            self._obey(effect.role, argv)
            self._add_row(end, argv[0], op)
        elif effect.scope is Scope.OPAQUE or self._in_doubt:
            if not self._add_followed(offset, end, argv):
                self._add_opaque(end, argv[0], op, effect)
        elif op is not None:
            self._add_row(end, argv[0], op)
        else:
            self._add_data(end, argv, effect)

    def add_unknown(self, offset: int, end: int, argv: Sequence[bytes]) -> None:
        """Add a command that may do anything, though its name is known: nobody knows its form."""
        if offset > self._rows.end:
            self._add_row(offset, b"#", Op.FRAMING)
        self._add_opaque(end, argv[0], None, self._table.of(argv))

    def end(self, offset: int) -> Trace:
        """Close the last file at `offset` and return the trace.

        A transaction that is still open never happens, its SELECT included.
        """
        if offset > self._rows.end:
            self._add_row(offset, b"#", Op.FRAMING)
        self._seal()
        if self._transaction is not None:
            self._undo(self._transaction)
        if self.trace.first_opaque is None:
            self.trace.numbering = dict(self._numbering)
        self.trace.selected = self._selected
        return self.trace

    # Rows

    def _seal(self) -> None:
        if not len(self._rows):
            return
        chunk = self._rows.seal()
        opened = self._transaction and self._transaction.place
        if opened and opened.chunk == len(self.trace.chunks):
            # While its rows are here: what takes them may keep none.
            self._opened_at = chunk.columns.offsets[opened.row]
        self.trace.chunks.append(chunk if self._sealed is None else self._sealed(chunk))

    def _place(self) -> RowPlace:
        return RowPlace(len(self.trace.chunks), len(self._rows))

    def _add_row(
        self,
        end: int,
        name: bytes,
        op: Op,
        key: int = 0,
        refs: Sequence[tuple[int, RefEffect, int]] = (),
    ) -> None:
        self._rows.add(end, self._name(name.upper()), op, key, refs)
        if len(self._rows) >= self._chunk_rows:
            self._seal()

    def _name(self, name: bytes) -> int:
        number = self._names.get(name)
        if number is None:
            number = min(len(self._names), NAMES_MAX)
            self._names[name] = number
            if number == len(self.trace.names):
                self.trace.names.append(name)
        return number

    def _stop_understanding(self) -> None:
        """Note the first command that nothing here can execute: what follows is carried."""
        if self.trace.first_opaque is None:
            self.trace.first_opaque = self._place()
            self.trace.numbering = dict(self._numbering)

    def _add_opaque(self, end: int, name: bytes, op: Op | None, effect: Effect) -> None:
        self._stop_understanding()
        self._numbering = {}
        if effect.form.loses_db:
            self._in_doubt = True
        self._add_row(end, name, op if op is Op.EVALSHA else Op.OPAQUE)

    def _add_followed(self, offset: int, end: int, argv: Sequence[bytes]) -> bool:
        """Add what no effect describes, but can be followed all the same; tell whether this is it.

        Behind a command that may do anything all of it stays as it is written, and where rows are not kept
        (`sealed`) what came before cannot be looked at again.
        """
        if self.trace.first_opaque is not None or self._sealed is not None:
            return False
        if argv[0].upper() == WRAPPER:
            return self._add_wrapped(offset, end, argv)
        ranges = emptied_slots(argv)
        return ranges is not None and self._add_emptied(end, argv[0], ranges)

    def _add_wrapped(self, offset: int, end: int, argv: Sequence[bytes]) -> bool:
        """Add the commands inside another one, each where its own bytes stand; the rest is a gap."""
        found = inner_commands(argv, offset, end, self._selected, self._table)
        if found is None or any(inner.offset in self.unknown for inner in found):
            return False
        self._name(WRAPPER)
        selected = self._selected
        for inner in found:
            self._selected = inner.db
            self.add(inner.offset, inner.end, inner.argv)
        self._selected = selected
        return True

    def _add_emptied(self, end: int, name: bytes, ranges: Sequence[range]) -> bool:
        """Add the end of all keys of slots: of those that are named so far, as a deletion of several is."""
        keys = self._key_slots.within(ranges)
        if keys is None:
            return False
        self.trace.emptied = emptied_from(self.trace.emptied, ranges, len(self._keys))
        refs = [(key, RefEffect.DELETES, 0) for key in keys]
        self._add_row(end, name, Op.MANY_TRIM if refs else Op.NOTHING, 0, refs)
        return True

    def _add_data(self, end: int, argv: Sequence[bytes], effect: Effect) -> None:
        name = argv[0]
        if effect.form.carried and (effect.writes or effect.form.stays):
            self._stop_understanding()
        if effect.form.stays:
            # Always alive, and tied to no key: as what loads functions.
            self._add_row(end, name, Op.FUNCTIONS)
        elif effect.scope is Scope.ALL:
            self._add_row(end, name, Op.FLUSH_ALL)
        elif effect.scope is Scope.DB:
            self._add_row(end, name, Op.FLUSH_DB, self._physical(None))
        elif not effect.writes and unknown_words(argv):
            # Whether a server refuses it, as the table has it, or takes an option that is not known here.
            self._add_opaque(end, name, None, effect)
        elif not effect.writes:
            self._add_row(end, name, Op.NOTHING)
        elif len(effect.keys) == 1:
            op, key = self._one(effect, argv)
            self._add_row(end, name, op, key)
        else:
            self._add_row(end, name, self._many_op(effect), 0, self._refs(effect, argv))

    def _one(self, effect: Effect, argv: Sequence[bytes]) -> tuple[Op, int]:
        (use,) = effect.keys
        key = self._number(use, argv)
        if use.effect is not KeyEffect.REPLACES:
            return Op.ONE_CHANGES, key
        if effect.form.deletes:
            return Op.ONE_DELETES, key
        return (Op.ONE_SETS if effect.form.value_follows else Op.ONE_REPLACES), key

    def _many_op(self, effect: Effect) -> Op:
        if effect.form.reads_database:
            return Op.SORT
        return Op.MANY_TRIM if effect.form.trim else Op.MANY

    def _refs(self, effect: Effect, argv: Sequence[bytes]) -> list[tuple[int, RefEffect, int]]:
        step = int(effect.form.keys[0].get("step", 1))
        refs = []
        for use in effect.keys:
            size = 0
            if effect.form.trim:
                size = sum(map(_encoded_size, argv[use.position : use.position + step]))
            refs.append((self._number(use, argv), self._ref_effect(use, effect), size))
        return refs

    def _ref_effect(self, use: KeyUse, effect: Effect) -> RefEffect:
        if effect.form.deletes:
            return RefEffect.DELETES
        if effect.form.value_follows and use.effect is KeyEffect.REPLACES:
            return RefEffect.SETS
        return _REF_EFFECTS[use.effect]

    # Databases and transactions

    def _physical(self, number: int | None) -> int:
        number = self._selected if number is None else number
        return self._numbering.get(number, number)

    def _number(self, use: KeyUse, argv: Sequence[bytes]) -> int:
        return self._keys.intern(self._physical(use.db), argv[use.position])

    def _obey(self, role: Role, argv: Sequence[bytes]) -> None:
        if role is Role.SELECT:
            self._selected = int(argv[1])
            self._in_doubt = False
        elif role is Role.SWAPDB:
            one, other = int(argv[1]), int(argv[2])
            first, second = self._physical(one), self._physical(other)
            self._numbering[one], self._numbering[other] = second, first
        elif role is Role.MULTI and self._transaction is None:
            self._transaction = self._opened(self._place(), self._selected)
        elif role is Role.EXEC:
            self._transaction = None

    def _opened(self, place: RowPlace, selected: int) -> _Transaction:
        return _Transaction(
            place,
            selected,
            dict(self._numbering),
            dict(self.trace.numbering),
            self.trace.first_opaque,
            self._in_doubt,
            self.trace.emptied,
        )

    def _refuse_if_unknowable(self, role: Role, offset: int) -> None:
        if role is Role.WATCH:
            raise UnsupportedError(
                "WATCH in the log: whether a later EXEC does anything cannot be told from the text",
                path=self._label,
                offset=offset,
            )
        if self._transaction is not None:
            raise UnsupportedError(
                "DISCARD inside a transaction: every server crashes when it loads this log",
                path=self._label,
                offset=offset,
            )

    def _undo(self, open_one: _Transaction) -> None:
        """Make rows of a transaction without EXEC mean nothing."""
        self.trace.unfinished = open_one.place
        for number in range(open_one.place.chunk, len(self.trace.chunks)):
            chunk = self.trace.chunks[number]
            first = open_one.place.row if number == open_one.place.chunk else 0
            chunk.ops[first:] = Op.UNFINISHED
            chunk.fates[first:] = Fate.UNFINISHED
        self._selected = open_one.selected
        self._numbering = open_one.numbering
        self._in_doubt = open_one.in_doubt
        self.trace.numbering = open_one.final_numbering
        self.trace.first_opaque = open_one.first_opaque
        self.trace.emptied = open_one.emptied


def _encoded_size(argument: bytes) -> int:
    """Return the bytes an argument takes in the log in canonical form."""
    return len(b"$%d\r\n\r\n" % len(argument)) + len(argument)

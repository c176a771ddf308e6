"""The trace of a log: one row a command, small enough to be walked in both directions.

A trace holds what deciding over life and death needs and nothing else: where a command stands, which
keys it touches (as numbers of a key table) and how. Texts of commands stay in the log. A chunk holds rows
of one file, in order; its columns are `aoftool.columns`, and arrays of numpy for who asks for them. Both
builders (`_trace_py`, `_trace_cy`) fill the same columns with the same numbers.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from aoftool.columns import Column, array_of
from aoftool.commands.slots import slot_of
from aoftool.dataclass import dataclass, field
from aoftool.namedtuple import NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Buffer

__all__ = [
    "ANNOTATION",
    "DEAD_FROM",
    "DROPPED",
    "EFFECT_MASK",
    "LAST",
    "NEVER_EMPTIED",
    "Chunk",
    "ChunkColumns",
    "Fate",
    "KeyTable",
    "Op",
    "RefEffect",
    "RowPlace",
    "Trace",
]

ANNOTATION = b"#"
"""Name under which `#TS` lines and other bytes between commands are counted."""


class Op(enum.IntEnum):
    """What a row is. ONE_* name one key in the key column; MANY and SORT point to refs there."""

    NOTHING = 0
    FRAMING = 1
    UNFINISHED = 2
    ONE_CHANGES = 3
    ONE_REPLACES = 4
    ONE_DELETES = 5
    ONE_SETS = 6
    MANY = 7
    MANY_TRIM = 8
    SORT = 9
    FLUSH_DB = 10
    FLUSH_ALL = 11
    FUNCTIONS = 12
    SCRIPTS = 13
    OPAQUE = 14
    EVALSHA = 15


class RefEffect(enum.IntEnum):
    """What a row with several keys does to one of them; SETS is a plain SET of the next argument."""

    REPLACES = 1
    CHANGES = 2
    READS = 3
    DELETES = 4
    SETS = 5


EFFECT_MASK = 0x0F
DROPPED = 0x40
"""Flag of a ref: the key may be cut out of its live command."""
LAST = 0x80
"""Flag of a ref: the last one of its row."""
NEVER_EMPTIED = (1 << 63) - 1
"""In `Trace.emptied`: no command empties the slot."""


class Fate(enum.IntEnum):
    """What becomes of a row. From OVERWRITTEN on it is dead, and the fate is the cause."""

    LIVE = 0
    TRIMMED = 1
    OVERWRITTEN = 2
    DELETED = 3
    FLUSHED = 4
    NO_EFFECT = 5
    FRAMING = 6
    UNFINISHED = 7
    NEEDLESS = 8


DEAD_FROM = int(Fate.OVERWRITTEN)


class KeyTable(Protocol):
    """Keys as numbers, counted from 0 in order of first appearance."""

    def __len__(self) -> int: ...

    def intern(self, db: int, key: bytes) -> int:
        """Return the number of a key in a physical database, a new one if it has none."""

    def find(self, db: int, key: bytes) -> int:
        """Return the number of a key, or -1."""

    def key(self, number: int) -> bytes:
        """Return the name of a key."""

    def home_column(self) -> Column:
        """Return the physical database of every key, a column of 32 bits."""

    def used(self) -> set[int]:
        """Return the physical databases that have keys."""

    def databases(self) -> NDArray[np.uint32]:
        """Return what `home_column` does, as an array."""


class ChunkColumns(NamedTuple):
    """The columns of a chunk; see `aoftool.columns`.

    Attributes:
        offsets: start of each row, and the end of the last one; rows leave no gap. 64 bits, as all that is
            not said to be smaller.
        names: number of the command name in `Trace.names`, 16 bits.
        ops, fates: `Op` and `Fate` of each row, 8 bits.
        keys: key number, first ref, or physical database, as the op says; 32 bits.
        ref_keys, ref_effects: keys of MANY rows, 32 and 8 bits; an effect carries DROPPED and LAST.
        ref_sizes: bytes a key and its value take in a row that may be trimmed, else 0; 32 bits.
    """

    offsets: Column
    names: Column
    ops: Column
    keys: Column
    fates: Column
    ref_keys: Column
    ref_effects: Column
    ref_sizes: Column


class Chunk:
    """Rows of one file.

    Args:
        file: number of the file in the order of loading.
        offsets, names, ops, keys, fates, ref_keys, ref_effects, ref_sizes: memory of `ChunkColumns`.

    Attributes:
        columns: as plain columns; those of the same names are the same memory as arrays.
    """

    def __init__(
        self,
        file: int,
        offsets: Buffer,
        names: Buffer,
        ops: Buffer,
        keys: Buffer,
        fates: Buffer,
        ref_keys: Buffer,
        ref_effects: Buffer,
        ref_sizes: Buffer,
    ) -> None:
        self.file = file
        self.columns = ChunkColumns(
            memoryview(offsets),
            memoryview(names),
            memoryview(ops),
            memoryview(keys),
            memoryview(fates),
            memoryview(ref_keys),
            memoryview(ref_effects),
            memoryview(ref_sizes),
        )

    def __len__(self) -> int:
        return len(self.columns.ops)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Start of each row, and the end of the last one."""
        return array_of(self.columns.offsets)

    @cached_property
    def names(self) -> NDArray[np.uint16]:
        """Number of the command name of each row."""
        return array_of(self.columns.names)

    @cached_property
    def ops(self) -> NDArray[np.uint8]:
        """`Op` of each row."""
        return array_of(self.columns.ops)

    @cached_property
    def keys(self) -> NDArray[np.uint32]:
        """Key number, first ref, or physical database of each row."""
        return array_of(self.columns.keys)

    @cached_property
    def fates(self) -> NDArray[np.uint8]:
        """`Fate` of each row."""
        return array_of(self.columns.fates)

    @cached_property
    def ref_keys(self) -> NDArray[np.uint32]:
        """Keys of MANY rows."""
        return array_of(self.columns.ref_keys)

    @cached_property
    def ref_effects(self) -> NDArray[np.uint8]:
        """What MANY rows do to them, with flags."""
        return array_of(self.columns.ref_effects)

    @cached_property
    def ref_sizes(self) -> NDArray[np.uint32]:
        """Bytes that a key and its value take in a row that may be trimmed."""
        return array_of(self.columns.ref_sizes)

    def refs(self, row: int) -> Iterator[tuple[int, int]]:
        """Yield (key number, effect with flags) of a MANY row."""
        columns = self.columns
        at = columns.keys[row]
        while True:
            effect = columns.ref_effects[at]
            yield columns.ref_keys[at], effect
            if effect & LAST:
                return
            at += 1


@dataclass(frozen=True, slots=True, order=True)
class RowPlace:
    """A row: its chunk and its place there."""

    chunk: int
    row: int


@dataclass(slots=True)
class Trace:
    """A whole log.

    Attributes:
        chunks: rows in order of loading.
        names: upper-case command names; number 0 is ANNOTATION.
        keys: the key table; keys of an unfinished transaction may be in it too.
        first_opaque: the first command that may do anything, or that only a module can execute; None
            when every row is understood.
        numbering: database number to physical database where the understood part ends (at
            `first_opaque`, or at the end); numbers that are absent stand for themselves.
        databases: number of databases of the target.
        selected: database number in force at the end of the log.
        unfinished: the first row of a transaction that never ends; None when every one does.
        emptied: by slot, the number of keys that the table held when a command emptied the slot first: what
            the RDB part has of later keys, and of keys that are not in the table, is gone. None where no
            command emptied any.
    """

    databases: int
    keys: KeyTable
    chunks: list[Chunk] = field(default_factory=list)
    names: list[bytes] = field(default_factory=lambda: [ANNOTATION])
    first_opaque: RowPlace | None = None
    numbering: dict[int, int] = field(default_factory=dict)
    selected: int = 0
    unfinished: RowPlace | None = None
    emptied: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def emptied_before(self, number: int, key: bytes) -> bool:
        """Tell whether a key of the RDB part is gone with its slot before any command names it.

        Args:
            number: of the key, -1 when it is not in the table.
        """
        if self.emptied is None:
            return False
        named = int(self.emptied[slot_of(key)])
        return named != NEVER_EMPTIED and not 0 <= number < named

    def final_number(self, physical: int) -> int:
        """Return the number a physical database has where the understood part ends."""
        return {at: number for number, at in self.numbering.items()}.get(physical, physical)

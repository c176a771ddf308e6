"""The structure walk: chooses the compiled kernel or its Python reference, and names the contract.

`Walker(family, offset, rows, threshold)` is fed buffers that follow each other: `feed(buffer, start,
end)` consumes from `start` and returns a `Status`; `offset` then stands after the last byte consumed.
Bytes that were not consumed (at most 64 after `MORE`) are fed again in front of what follows.

Attributes while it runs: `offset`, `good_end` (after the last whole key or opcode), `item` (where the
step began that stopped), `skipping` (payload bytes still to pass), `db`, `number` and `number_at` (the
last type or opcode and its offset), `stop_code` (index in `layouts.STOP_CODES`), `module_id`,
`template_id`, `template_count`, `threshold`, `capture_cut`, `last_row`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from aoftool.kernels import kernel
from aoftool.namedtuple import NamedTuple
from aoftool.rdb.opcodes import Family

__all__ = ["IMPLEMENTATION", "Row", "Status", "WalkerProtocol", "new_walker"]

_chosen = kernel("aoftool.rdb.walk._walk_cy")
# "cy" or "py": which implementation is in use.
IMPLEMENTATION: str = _chosen.IMPLEMENTATION


class Status(IntEnum):
    """Why `feed` came back."""

    MORE = 1  # needs the bytes that follow
    DAMAGE = 2  # cannot go on: stop_code, at item
    END = 3  # the EOF opcode was consumed
    OPCODE = 4  # an opcode of interest is complete: number, number_at, captured()
    LARGE = 5  # a key above the threshold is complete: last_row, captured() holds its key
    DATABASE = 6  # the database is about to change: take_tally()
    MODULE = 7  # a module is named that was not the last one named: module_id
    TEMPLATE = 8  # needs template_count set to the field count of template_id
    ROWS = 9  # enough rows have gathered: take_rows()


class Row(NamedTuple):
    """One key record; offsets are absolute, `flags`: 1 expire, 2 idle, 4 freq, 8 elements unknown."""

    start: int
    type_at: int
    key_at: int
    value_at: int
    end: int
    type_id: int
    form: int
    db: int
    expire_at_ms: int
    flags: int
    idle_s: int
    freq: int
    elements: int


class WalkerProtocol(Protocol):
    """What both implementations offer."""

    threshold: int
    offset: int
    good_end: int
    item: int
    skipping: int
    stop_code: int
    number: int
    number_at: int
    db: int
    module_id: int
    template_count: int
    capture_cut: bool
    last_row: tuple[int, ...]

    @property
    def needed_from(self) -> int:
        """Return where the record in work begins; `offset` when there is none."""

    @property
    def template_id(self) -> int:
        """Return the template that a `TEMPLATE` status asks for."""

    def feed(self, buffer: bytes | bytearray | memoryview, start: int, end: int) -> int:
        """Go on over `buffer[start:end]` and return a `Status`."""

    def captured(self) -> bytes:
        """Return the bytes of the last opcode or key, at most 64 KiB of them."""

    def take_rows(self) -> list[tuple[int, ...]]:
        """Hand over the rows gathered since the last call; the fields are those of `Row`."""

    def take_tally(self) -> tuple[list[tuple[int, int, int, int, int, int]], tuple[int, int, int]]:
        """Hand over the counts of the current database and start afresh.

        Returns:
            Rows (type_id, form, keys, elements, bytes, keys whose elements are unknown), ascending;
            and (keys with an expire time, earliest, latest).
        """


def new_walker(family: Family, offset: int, *, rows: bool = False, threshold: int = -1) -> WalkerProtocol:
    """Return a walker that starts after the header, at absolute `offset`.

    Args:
        rows: gather a `Row` for each key.
        threshold: report `LARGE` for keys of more bytes than this; -1 never.
    """
    walker: WalkerProtocol = _chosen.Walker(family, offset, rows, threshold)
    return walker

"""Tables as CSV and JSON lines, without any library: which implementation writes them, and in what pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aoftool.kernels import kernel
from aoftool.tables.batch import Batch
from aoftool.tables.schema import Table

if TYPE_CHECKING:
    from aoftool.tables._cells_py import CellWriter

__all__ = ["table_text"]

_PIECE_BYTES = 1 << 18


def table_text(table: Table, batches: Iterable[Batch], *, is_csv: bool) -> Iterator[bytes]:
    """Yield a table as text, in pieces of bounded size; see `_cells_py.CellWriter`."""
    writer: CellWriter = kernel("aoftool.tables._cells_cy").CellWriter(table, is_csv)
    if writer.head:
        yield writer.head
    for batch in batches:
        writer.load(batch)
        while text := writer.take(_PIECE_BYTES):
            yield text

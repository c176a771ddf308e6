"""Batches as Arrow: a stream that pandas, polars, pyarrow and DuckDB take through the PyCapsule interface.

Arrays share the memory of the columns they are made of. The libraries are optional, and loaded here and in
`files` alone: nanoarrow makes arrays of buffers, arro3 streams of record batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from aoftool.errors import MissingExtraError
from aoftool.tables.batch import Batch, Chosen, Data, Lists, Numbers, Texts, Valid
from aoftool.tables.schema import Kind, Table
from aoftool.tables.stops import Stops

if TYPE_CHECKING:
    from arro3.core import RecordBatchReader

__all__ = ["EXTRA", "ArrowTable", "need_extra"]

EXTRA = "pip install 'aoftool[data]'"
"""What to type where a library is missing."""


def need_extra(what: str, error: ImportError) -> MissingExtraError:
    """Return the error for what needs libraries that are not there."""
    return MissingExtraError(f"{what} needs the extra aoftool[data]: {error.name} is not there", hint=EXTRA)


class ArrowTable:
    """Rows of a table for whoever takes Arrow streams; each that is asked for reads the log anew.

    Nothing is read before somebody asks for the first batch.

    Args:
        batches: called once for each stream.
        stops: hears interruptions while a batch is made.

    Attributes:
        failure: what ended a stream too early; whoever took the stream makes an error of its own of it.
    """

    def __init__(
        self, table: Table, batches: Callable[[], Iterable[Batch]], stops: Stops | None = None
    ) -> None:
        self.table = table
        self._stops = stops or Stops()
        self._batches = batches
        # A library that is not there is told at once, and not inside of another library.
        self._maker = _Maker(table)
        self.failure: BaseException | None = None

    def __arrow_c_schema__(self) -> object:
        return self._maker.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def reader(self) -> RecordBatchReader:
        """Return a stream of record batches."""
        return self._maker.reader(self._late())

    def _late(self) -> Iterator[Any]:
        stops = self._stops
        try:
            batches = iter(self._batches())
            while True:
                stops.hear()
                batch = next(batches, None)
                made = None if batch is None else self._maker.batch(batch)
                stops.keep()
                if made is None:
                    return
                yield made
        except GeneratorExit:
            raise
        except BaseException as failure:
            stops.keep()
            self.failure = failure
            raise

    def _repr_html_(self) -> str:
        """Return the schema as a table for notebooks."""
        from aoftool.tables.page import rows_html

        rows = [(column.name, column.kind.value, column.meaning) for column in self.table.columns]
        return rows_html(f"{self.table.name}: {self.table.about}", ("column", "type", "meaning"), rows)


class _Maker:
    """Makes arrays; the types are made once."""

    def __init__(self, table: Table) -> None:
        try:
            import nanoarrow
            from arro3 import core
        except ImportError as error:
            raise need_extra("Arrow", error) from error
        self._na, self._core = nanoarrow, core
        self.table = table
        types = [self._type(column.kind) for column in table.columns]
        names = [column.name for column in table.columns]
        struct = nanoarrow.struct(dict(zip(names, types, strict=True)), nullable=False)
        self._types = [nanoarrow.c_schema(each) for each in types]
        self._struct = nanoarrow.c_schema(struct)
        self._string = nanoarrow.c_schema(nanoarrow.string())
        self.schema = core.Schema.from_arrow(self._struct)

    def reader(self, batches: Iterable[Any]) -> RecordBatchReader:
        """Return a stream of record batches, each made when it is asked for."""
        made: RecordBatchReader = self._core.RecordBatchReader.from_batches(self.schema, batches)
        return made

    def _type(self, kind: Kind) -> Any:
        na = self._na
        return {
            Kind.WORD: na.string(),
            Kind.TEXT: na.string(),
            Kind.TEXTS: na.list_(na.string()),
            Kind.SHORT: na.int32(),
            Kind.LONG: na.int64(),
            Kind.FLAG: na.bool_(),
            Kind.TIME: na.timestamp("ms", timezone="UTC"),
        }[kind]

    def batch(self, batch: Batch) -> Any:
        """Return a record batch."""
        children = [
            self._array(kind, batch.rows, batch.columns[column.name])
            for kind, column in zip(self._types, self.table.columns, strict=True)
        ]
        whole = self._na.c_array_from_buffers(self._struct, batch.rows, [None], children=children)
        return self._core.RecordBatch.from_arrow(whole)

    def _array(self, kind: Any, rows: int, data: Data) -> Any:
        make = self._na.c_array_from_buffers
        if isinstance(data, Numbers):
            values = data.values
            raw = _bits(values) if values.dtype == np.bool_ else np.ascontiguousarray(values)
            return make(kind, rows, [_bits(data.valid), raw])
        if isinstance(data, Texts):
            return make(kind, rows, [_bits(data.valid), data.offsets, data.data])
        if isinstance(data, Lists):
            count = len(data.items.numbers) if isinstance(data.items, Chosen) else len(data.items.offsets) - 1
            items = self._array(self._string, count, data.items)
            return make(kind, rows, [_bits(data.valid), data.offsets], children=[items])
        return self._na.c_array(self._chosen(data))

    def _chosen(self, data: Chosen) -> Any:
        """Return the texts that were chosen, copied together by the library."""
        none = data.numbers < 0
        texts = data.texts
        if none.any():
            # One more, without a value, for those who chose none.
            count = len(texts.offsets) - 1
            valid = np.ones(count + 1, np.bool_)
            if texts.valid is not None:
                valid[:count] = texts.valid
            valid[count] = False
            texts = Texts(np.append(texts.offsets, texts.offsets[-1]), texts.data, valid)
            data = Chosen(np.where(none, count, data.numbers), texts)
        of_all = self._array(self._string, len(texts.offsets) - 1, texts)
        numbers = self._core.Array.from_numpy(data.numbers)
        return self._core.Array.from_arrow(of_all).take(numbers)


def _bits(flags: Valid) -> npt.NDArray[np.uint8] | None:
    return None if flags is None else np.packbits(flags, bitorder="little")

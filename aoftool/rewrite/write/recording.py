"""An output that remembers where each key's bytes stand, so that they can be put in another order."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.dataclass import dataclass
from aoftool.emit.resp_writer import RespWriter
from aoftool.rdb.encode.encode import string_records
from aoftool.rdb.encode.targets import Target
from aoftool.rdb.encode.writer import RdbWriter, Sink
from aoftool.resp.encode import encode_select
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from aoftool.rewrite.write.outputs import Output, StringRow
from aoftool.values import Value

__all__ = ["RecordingOutput", "Segment"]

Refused = tuple[int, bytes, str]


@dataclass(frozen=True, slots=True)
class Segment:
    """Keys of one database that stand side by side.

    Attributes:
        first: number of the first of them among all keys written.
        start: offset of its first byte.
    """

    db: int
    first: int
    start: int


class RecordingOutput(Output):
    """Write keys to a sink and note the size of each.

    Attributes:
        sizes: bytes of every key, 0 for one that the target cannot hold.
        segments: where keys of another database begin.
    """

    def __init__(self, form: OutputFormat, sink: Sink, target: Target, options: RewriteOptions) -> None:
        self._inner: RdbWriter | RespWriter
        if form is OutputFormat.RDB:
            self._inner = RdbWriter(sink, target, 0, compress=options.compress)
        else:
            self._inner = RespWriter(sink, target, items_per_command=options.chunk_items)
        self._inner.drops = options.drop_unsupported
        super().__init__(self, target)
        self._compress = options.compress
        self._packs = form is OutputFormat.RDB
        self.sizes: list[int] = []
        self.segments: list[Segment] = []
        self._count = 0
        self._end = self._inner.size_bytes

    @property
    def holds_modules(self) -> bool:
        """Whether the target loads the module values of the log."""
        return self._inner.holds_modules

    @holds_modules.setter
    def holds_modules(self, holds: bool) -> None:
        self._inner.holds_modules = holds

    @property
    def refused(self) -> tuple[list[Refused], int]:
        """Return some of the keys that the target cannot hold, and how many there are."""
        return self._inner.refused, self._inner.refused_count

    def function(self, code: bytes) -> None:
        """Functions are written by whoever puts the shares together."""

    def select(self, db: int, keys: int = 0, expires: int = 0) -> None:
        """Open a database."""
        self._inner.select(db)
        # The commands' writer puts its SELECT in front of the next key.
        self._end = self._inner.size_bytes if self._packs else self._inner.size_bytes + len(encode_select(db))
        self.segments.append(Segment(db, self._count, self._end))

    def key(
        self,
        key: bytes,
        value: Value,
        *,
        expire_at_ms: int | None = None,
        idle_s: int | None = None,
        freq: int | None = None,
    ) -> None:
        """Write a key."""
        self._inner.key(key, value, expire_at_ms=expire_at_ms, idle_s=idle_s, freq=freq)
        size = max(self._inner.size_bytes - self._end, 0)
        self._end += size
        self.sizes.append(size)
        self._count += 1

    def strings(self, rows: Sequence[StringRow]) -> None:
        """Write many string keys."""
        if not self._packs:
            for key, value, expire_at_ms in rows:
                self.key(key, value, expire_at_ms=expire_at_ms)
            return
        data = string_records(rows, self._compress, self.sizes)
        self._inner.raw_record(data)
        self._end += len(data)
        self._count += len(rows)

    def take_sizes(self) -> list[int]:
        """Return the sizes noted since the last call."""
        taken, self.sizes = self.sizes, []
        return taken

    def close(self) -> int:
        """Hand everything to the sink; keys that were refused are the caller's business."""
        self._inner.refused_count, refused = 0, self._inner.refused_count
        size = self._inner.close()
        self._inner.refused_count = refused
        return size

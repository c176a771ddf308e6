"""What takes the keys of the result: the RDB writer and the RESP writer behind one face.

Knows how a base record reaches each of them; refuses to know which keys there are, or where the bytes
go.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from aoftool.emit.resp_writer import RespWriter
from aoftool.keyspace.zset_encoding import COMPACT_ENCODINGS, settle
from aoftool.liveness.model import KeyTable
from aoftool.liveness.native import NATIVE
from aoftool.rdb.encode.targets import Limits, Target
from aoftool.rdb.encode.values import STREAMS, plain_above
from aoftool.rdb.encode.writer import RdbWriter, Sink
from aoftool.rdb.extras import has_metadata, holds_metadata
from aoftool.rdb.losses import REFUSED_KEPT
from aoftool.rdb.opcodes import Family
from aoftool.replay.compiled.hot import RecordMaker, Records, RowRunner
from aoftool.rewrite.model import OutputFile, OutputFormat
from aoftool.rewrite.target_choice import flavour_of
from aoftool.values import Value, ZSetValue

if TYPE_CHECKING:
    from aoftool.rdb.records.record import Record

__all__ = ["KeyWriter", "Output", "StringRow", "open_output", "remove_output"]

_MODULE = 7

StringRow = tuple[bytes, bytes, int | None]
"""Key, value, expire time in Unix ms or None."""


class KeyWriter(Protocol):
    """What both writers offer."""

    def function(self, code: bytes) -> None:
        """Write a function library; before any database."""

    def select(self, db: int, keys: int = 0, expires: int = 0) -> None:
        """Open a database; the counts are hints, 0 for unknown."""

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

    def close(self) -> int:
        """End the file and return its size in bytes."""


class Output:
    """One data set in one format.

    Args:
        compress: an RDB packs long strings.

    Attributes:
        writer: takes functions, databases and keys.
        compress: as given.
    """

    def __init__(self, writer: KeyWriter, target: Target, *, compress: bool = True) -> None:
        self.writer = writer
        self.compress = compress
        self._target = target
        self._flavour = flavour_of(target)
        self._holds_metadata = holds_metadata(target)
        self._copy = writer.raw_record if isinstance(writer, RdbWriter) else None
        self._strings = writer.strings if isinstance(writer, RdbWriter | RespWriter) else None

    @property
    def copies(self) -> bool:
        """Whether bytes of records can be copied."""
        return self._copy is not None

    def copy(self, records: bytes) -> None:
        """Copy bytes of whole records, or a piece of them; only where `copies` says so."""
        assert self._copy is not None
        self._copy(records)

    def copy_keys(self, data: bytes) -> None:
        """Copy bytes that another output of this format and target made of whole keys."""
        assert isinstance(self.writer, RdbWriter | RespWriter)
        self.writer.raw_record(data)

    def refuse(self, parts: Iterable[tuple[list[tuple[int, bytes, str]], int]]) -> None:
        """Take over what other outputs refused: some of the keys, and how many there were."""
        assert isinstance(self.writer, RdbWriter | RespWriter)
        for refused, count in parts:
            left = REFUSED_KEPT - len(self.writer.refused)
            self.writer.refused += refused[: max(left, 0)]
            self.writer.refused_count += count

    @property
    def holds_modules(self) -> bool:
        """Whether the target loads the module values of the log."""
        assert isinstance(self.writer, RdbWriter | RespWriter)
        return self.writer.holds_modules

    @holds_modules.setter
    def holds_modules(self, holds: bool) -> None:
        assert isinstance(self.writer, RdbWriter | RespWriter)
        self.writer.holds_modules = holds

    def refuse_key(self, db: int, key: bytes, problem: str) -> None:
        """Remember a key that the target cannot hold."""
        self.refuse([([(db, key, problem)], 1)])

    def record_maker(self, runner: RowRunner, keys: KeyTable) -> RecordMaker | None:
        """Return what makes records of the keys that compiled code holds, None where only values are taken.

        Args:
            keys: the table by which the runner numbers them.
        """
        target, limits = self._target, Limits()
        if self._copy is None or Records is None or not NATIVE or not target.listpacks:
            return None
        return Records(
            runner,
            keys,
            limits,
            compress=self.compress,
            shortest=target.shortest_scores,
            small_sets=target.set_listpack,
            plain_above=plain_above(target, limits),
            stream_version=(target.stream_version, STREAMS[target.stream_version]),
        )

    def strings(self, rows: Sequence[StringRow]) -> None:
        """Write many string keys."""
        if self._strings is not None:
            self._strings(rows)
            return
        for key, value, expire_at_ms in rows:
            self.writer.key(key, value, expire_at_ms=expire_at_ms)

    def record(self, record: Record) -> bool:
        """Write a base record: its bytes where the target reads them alike, else its value anew.

        Returns:
            True when the bytes were copied.
        """
        alike = self._target.reads_type(record.type_id, record.family.value)
        alike = alike and (record.type_id != _MODULE or self.holds_modules)
        if self._copy is not None and alike and not record.split_times:
            raw = record.raw()
            if self._holds_metadata or record.family is not Family.REDIS or not has_metadata(raw):
                self._copy(raw)
                return True
        value = record.value()
        if type(value) is ZSetValue:
            settle(value, self._flavour, compact=record.encoding in COMPACT_ENCODINGS)
        self.writer.key(
            record.key,
            value,
            expire_at_ms=record.expire_at_ms,
            idle_s=record.idle_s,
            freq=record.freq,
        )
        return False


def open_output(
    form: OutputFormat,
    sink: Sink,
    target: Target,
    now_s: int,
    *,
    compress: bool,
    chunk_items: int,
    drops: bool = False,
) -> Output:
    """Return an output of a format.

    Args:
        now_s: Unix time of the `ctime` field of an RDB.
        chunk_items: elements in one command of the RESP form.
        drops: leave out what the target cannot hold.
    """
    if form is OutputFormat.RDB:
        writer = RdbWriter(sink, target, now_s, base=True, compress=compress)
        writer.drops = drops
        return Output(writer, target, compress=compress)
    commands = RespWriter(sink, target, items_per_command=chunk_items)
    commands.drops = drops
    return Output(commands, target)


def remove_output(files: list[OutputFile]) -> None:
    """Remove files that did not verify, and their directory when it is empty then.

    What has another size than what was written stays: somebody else wrote it since.
    """
    for file in files:
        with suppress(FileNotFoundError):
            found = os.lstat(file.path)
            if stat.S_ISREG(found.st_mode) and found.st_size == file.size_bytes:
                os.unlink(file.path)
    parents = {os.path.dirname(file.path) for file in files}
    for parent in parents:
        if len(files) > 1 and not os.listdir(parent):
            os.rmdir(parent)

"""The keys of a log's RDB part, one after the other, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from aoftool.analysis.keys.model import KeyRow
from aoftool.aof.ending_model import Damage
from aoftool.aof.log import need_files
from aoftool.aof.model import Log, LogFile, LogKind
from aoftool.errors import InputError, UnsupportedError
from aoftool.escape import shown_base
from aoftool.files import open_source
from aoftool.keyspace.selection import KeySelection
from aoftool.next_step import next_step
from aoftool.progress import Progress, no_progress
from aoftool.rdb.damage import EncodingDamage, RdbIssue
from aoftool.rdb.extras import base_member_note
from aoftool.rdb.header import HEADER_BYTES, is_rdb
from aoftool.rdb.opcodes import EOF
from aoftool.rdb.records.jsonl import record_lines
from aoftool.rdb.records.reader import records
from aoftool.rdb.records.record import Record

__all__ = ["KeyListing", "is_rdb_alone"]

_CHECKSUM_BYTES = 8


def is_rdb_alone(log: Log) -> bool:
    """Tell whether a log is an RDB part and nothing behind it, as far as its last bytes show.

    Other files of the log must be empty, and all of them there. The answer False may be wrong, and is for
    what cannot be read at an offset; True is wrong only for commands that end, torn, in what looks like the
    end of an RDB.
    """
    files = log.files
    if not files or log.kind is LogKind.STDIN or not all(file.exists for file in files):
        return False
    if any(file.size_bytes != 0 for file in files[1:]):
        return False
    with open_source(files[0].path) as source:
        if not source.seekable or not is_rdb(source.peek(HEADER_BYTES)):
            return False
        last = source.read_at(max((source.size_bytes or 0) - _CHECKSUM_BYTES - 1, 0), _CHECKSUM_BYTES + 1)
    return last[:1] == bytes([EOF]) and not last.endswith(b"\r\n")


class KeyListing:
    """Iterate over the selected keys of a log's RDB part; once.

    What is to be known behind the last key is as `KeyRows` says.

    Args:
        min_size_bytes: only records at least this large.
        values: decode the values too.
        limit: stop after so many keys.
    """

    is_stored = True
    torn_bytes = 0
    setting = ""
    writer = None

    def __init__(
        self,
        log: Log,
        selection: KeySelection,
        *,
        min_size_bytes: int = 0,
        values: bool = False,
        limit: int | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self._log_path = log.path
        self._files = [file for file in log.files if file.exists]
        self._selection = selection
        self._min_size = min_size_bytes
        self._values = values
        self._limit = limit
        self._progress = progress
        self.shown = 0
        self.unknown = 0
        self.empty = 0
        self.notes: list[str] = []
        self.damage: RdbIssue | None = None
        self.damaged_file: str | None = None
        self.has_tail = any(file.size_bytes != 0 for file in self._files[1:])
        need_files(log)
        if not self._files:
            raise InputError("no file of the log is there", path=log.path)
        self._name = _name_of(self._files[0])

    @property
    def stop(self) -> Damage | None:
        """File, offset and reason of where the RDB part breaks; None when it is whole."""
        if self.damage is None:
            return None
        name = shown_base(self.damaged_file or self._log_path)
        return name, self.damage.offset, self.damage.message

    def __iter__(self) -> Iterator[KeyRow]:
        for record in self._records():
            yield self._row(record)

    def json_lines(self) -> Iterator[bytes]:
        """Yield the selected keys as whole JSON lines, window by window; instead of iterating."""
        for batch in self._batches():
            yield record_lines(batch, self._name, self._values)

    def _records(self) -> Iterator[Record]:
        return chain.from_iterable(self._batches())

    def _batches(self) -> Iterator[list[Record]]:
        """Yield the selected records, and settle the end of the RDB part behind the last one."""
        file = self._files[0]
        with open_source(file.path) as source:
            if not is_rdb(source.peek(HEADER_BYTES)):
                raise InputError(
                    "the log does not begin with an RDB part, so its keys exist only in its commands",
                    path=file.path,
                    offset=0,
                    hint=next_step("inspect", file.path),
                )
            reader = records(source, 0, self._progress, skip_empty=True)
            yield from self._limited(self._filtered(reader.batches()))
            self.damage = reader.summary.stop
            self.empty = reader.empty
            if reader.summary.member_count:
                self.notes = [base_member_note(reader.summary)]
            self.damaged_file = file.path
            self.has_tail = self.has_tail or bool(source.peek(1))

    def _filtered(self, batches: Iterator[list[Record]]) -> Iterator[list[Record]]:
        if self._selection.admits_all and not self._min_size:
            return batches
        return ([record for record in batch if self._admits(record)] for batch in batches)

    def _limited(self, batches: Iterator[list[Record]]) -> Iterator[list[Record]]:
        left = self._limit
        for batch in batches:
            if left is not None:
                batch = batch[:left]
                left -= len(batch)
            self.shown += len(batch)
            yield batch
            if left == 0:
                return

    def _admits(self, record: Record) -> bool:
        """Tell whether a record is asked for; one whose key cannot be read always is."""
        if record.size_bytes < self._min_size:
            return False
        try:
            key = record.key
        except EncodingDamage:
            return True
        return self._selection.admits(record.db, key, record.type_name, record.expire_at_ms)

    def _row(self, record: Record) -> KeyRow:
        try:
            row = _row_of(record, record.key, self._name)
        except EncodingDamage as found:
            return _row_of(record, b"", self._name, problem=f"the key cannot be read: {found.message}")
        if self._values:
            try:
                row.value = record.value()
            except (EncodingDamage, UnsupportedError) as found:
                row.problem = found.message
        return row


def _name_of(file: LogFile) -> str:
    return file.shown_name


def _row_of(record: Record, key: bytes, file: str, problem: str | None = None) -> KeyRow:
    return KeyRow(
        db=record.db,
        key=key,
        type_name=record.type_name,
        encoding=record.encoding,
        elements=record.elements,
        size_bytes=record.size_bytes,
        expire_at_ms=record.expire_at_ms,
        file=file,
        offset=record.start,
        problem=problem,
    )

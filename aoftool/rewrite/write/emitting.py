"""Give the result to an output: keys in the order their present form began.

In an RDB, base records that no live command writes come first, in file order; then, database by database,
every key at the place of the first live command that writes it. As commands, each database has its base
records and then its keys. So the output does not depend on hash tables, and a rewrite of a rewrite gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aoftool.columns import Column
from aoftool.commands.effects import EffectTable
from aoftool.dataclass import dataclass
from aoftool.errors import SourceError
from aoftool.files import open_source
from aoftool.keyspace.engine import Keyspace
from aoftool.liveness.carry import Carrier
from aoftool.liveness.model import Chunk, Trace
from aoftool.rdb.damage import EncodingDamage
from aoftool.replay.compiled.hot import RecordMaker
from aoftool.rewrite.decide.base_keys import BaseKeys, Run
from aoftool.rewrite.decide.picking import (
    are_sets,
    chosen_keys,
    chosen_rows,
    count_homes,
    flags_of,
    in_database,
)
from aoftool.rewrite.decide.touches import Touches, first_rows, understood_rows
from aoftool.rewrite.model import OutputSize
from aoftool.rewrite.replay.outcome import Outcome
from aoftool.rewrite.replay.replaying import Partition
from aoftool.rewrite.replay.texts import TextReader
from aoftool.rewrite.write.choosing import Chooser
from aoftool.rewrite.write.outputs import Output, StringRow
from aoftool.rewrite.write.plain_sets import plain_set_values, set_places, set_records
from aoftool.values import StreamValue, Value

__all__ = ["Emitter", "FirstWrites", "first_writes"]

_STRINGS_AT_ONCE = 4096
_COPY_BYTES = 1 << 20


@dataclass(slots=True)
class FirstWrites:
    """Rows of a chunk with the keys that they are the first to write."""

    chunk: Chunk
    rows: Column
    keys: Column


def first_writes(trace: Trace) -> list[FirstWrites]:
    """Return, for every key that live rows write, the first of these rows; in order of the log."""
    seen = bytearray(len(trace.keys))
    return [FirstWrites(chunk, *first_rows(chunk, stop, seen)) for _, chunk, stop in understood_rows(trace)]


class Emitter:
    """Write the result of one rewrite, share by share.

    Args:
        output: takes the keys.
        chooser: says which keys are written.
    """

    def __init__(
        self,
        trace: Trace,
        table: EffectTable,
        touches: Touches,
        base: BaseKeys,
        output: Output,
        chooser: Chooser,
        size: OutputSize,
    ) -> None:
        self._trace = trace
        self._table = table
        self._touches = touches
        self._base = base
        self._output = output
        self._chooser = chooser
        self._size = size
        self._carrier = Carrier(trace, table)
        self._home = self._carrier.home
        self._selected = -1
        self._hints: dict[int, tuple[int, int]] = {}

    def hint(self, counts: dict[int, tuple[int, int]]) -> None:
        """Take over how many keys and expire times each database will hold; see `count_keys`."""
        self._hints = dict(counts)

    def count_keys(self, outcome: Outcome) -> dict[int, tuple[int, int]]:
        """Return how many keys and expire times each database will hold, those of the base included."""
        counts = {}
        base = self._base
        written, databases = self._touches.written, self._trace.databases
        copied = count_homes(self._home, self._touches.copied, None, databases)
        gone = count_homes(self._home, written, base.held, databases)
        for physical in range(self._trace.databases):
            db = self._carrier.number(physical)
            keys, expires = outcome.count(db)
            keys += copied[physical]
            if physical not in self._touches.flushed:
                # What was loaded for reading only stands in the base and in the keyspace.
                read_keys, read_expires = base.only_read.get(physical, (0, 0))
                keys += base.databases.get(physical, 0) - gone[physical] - read_keys
                expires += base.expires.get(physical, 0) - read_expires
            counts[db] = keys, expires
        return counts

    def base(self) -> None:
        """Write the live base records that no live command writes."""
        if self._base.runs is not None and self._output.copies and self._chooser.takes_all:
            self._copy_runs(self._base.runs)
        else:
            self.sample_base(None)

    def sample_base(self, limit_bytes: int | None, physical: int | None = None) -> int:
        """Write such records one by one, up to so many bytes of the base, and return their bytes.

        Args:
            physical: the only database to write from, if given.
        """
        try:
            return self._write_records(limit_bytes, physical)
        except EncodingDamage as damage:
            raise self._base.place(damage) from None

    def _write_records(self, limit_bytes: int | None, physical: int | None) -> int:
        written = self._touches.written
        read = 0
        for record, number, cause in self._base.records(only=physical):
            if cause or record.db in self._touches.flushed or (number >= 0 and written[number]):
                continue
            key, expire_at_ms = record.key, record.expire_at_ms
            if self._open(self._carrier.number(record.db)) and self._chooser.takes(key, expire_at_ms):
                self._size.copied_records += int(self._output.record(record))
                self._count(expire_at_ms)
            read += record.end - record.start
            if limit_bytes is not None and read >= limit_bytes:
                break
        return read

    def _copy_runs(self, runs: list[Run]) -> None:
        """Copy records that stand side by side in large pieces."""
        if self._base.path is None:
            return
        with open_source(self._base.path) as source:
            for run in runs:
                if run.db in self._touches.flushed or not self._open(self._carrier.number(run.db)):
                    continue
                for at in range(run.start, run.end, _COPY_BYTES):
                    piece = source.read_at(at, min(_COPY_BYTES, run.end - at))
                    if not piece:
                        raise SourceError(f"{source.name} has changed since it was read", path=source.path)
                    self._output.copy(piece)
                self._count(None, run.keys)
                self._size.expiring_keys += run.expires
                self._size.copied_records += run.keys

    def by_database(
        self, firsts: list[FirstWrites], outcome: Outcome, reader: TextReader, part: Partition
    ) -> None:
        """Write the keys of a share, and with the first share the base, one database after the other."""
        based = set(self._base.databases) - self._touches.flushed if part.number == 0 else set()
        used = self._written_databases()
        for db, physical in self._numbered(used | based):
            if physical in based:
                self.sample_base(None, physical)
            if physical in used:
                self._database(db, physical, firsts, outcome, reader, part)

    def keys(self, firsts: list[FirstWrites], outcome: Outcome, reader: TextReader, part: Partition) -> None:
        """Write the keys of a share: replayed ones from the keyspace, plain SETs from the log."""
        for db, physical in self._numbered(self._written_databases()):
            self._database(db, physical, firsts, outcome, reader, part)

    def _written_databases(self) -> set[int]:
        counts = count_homes(self._home, self._touches.written, None, self._trace.databases)
        return {physical for physical, keys in enumerate(counts) if keys}

    def _numbered(self, databases: Iterable[int]) -> list[tuple[int, int]]:
        """Return (final number, physical number), ascending."""
        return sorted((self._carrier.number(physical), physical) for physical in databases)

    def _database(
        self,
        db: int,
        physical: int,
        firsts: list[FirstWrites],
        outcome: Outcome,
        reader: TextReader,
        part: Partition,
    ) -> None:
        for item in firsts:
            rows, keys = in_database(item.rows, item.keys, self._home, physical, part.of_key, part.number)
            self._some(item.chunk, rows, keys, db, outcome, reader)

    def _some(
        self,
        chunk: Chunk,
        rows: Column,
        keys: Column,
        db: int,
        outcome: Outcome,
        reader: TextReader,
    ) -> None:
        if not len(keys) or self._chooser.number(db) is None:
            return
        copied = flags_of(self._touches.copied, keys)
        if 0 not in copied and self._chooser.takes_all and are_sets(chunk, rows):
            self._note(chunk, rows)
            self._plain_sets(db, chunk, rows, reader)
        else:
            taken = bytearray(len(keys))
            maker = self._maker(outcome)
            if maker is not None:
                self._recorded(maker, chunk, rows, keys, copied, db, outcome, reader, memoryview(taken))
            else:
                chosen = chosen_rows(rows, copied), chosen_keys(keys, copied)
                values = plain_set_values(self._table, chunk, *chosen, reader)
                pairs = zip(keys, map(bool, copied), strict=True)
                self._mixed(pairs, values, db, outcome.whole(), memoryview(taken))
            self._note(chunk, chosen_rows(rows, taken))
        self._size.copied_sets += copied.count(1)

    def _plain_sets(self, db: int, chunk: Chunk, rows: Column, reader: TextReader) -> None:
        """Write keys whose only command is a plain SET."""
        self._open(db)
        if not self._output.copies:
            for pairs in reader.sets(chunk, rows):
                self._put_strings(db, pairs)
            return
        for records, count in reader.set_records(chunk, rows, self._output.compress):
            self._output.copy(records)
            self._count(None, count)

    def _maker(self, outcome: Outcome) -> RecordMaker | None:
        """Return what makes records of keys, None where every value has to be looked at."""
        if outcome.runner is None or not self._chooser.takes_all:
            return None
        return self._output.record_maker(outcome.runner, self._trace.keys)

    def _recorded(
        self,
        maker: RecordMaker,
        chunk: Chunk,
        rows: Column,
        keys: Column,
        copied: bytearray,
        db: int,
        outcome: Outcome,
        reader: TextReader,
        taken: memoryview,
    ) -> None:
        """Write keys as records: from the log, from compiled code, and from the keyspace what is left."""
        in_log = chosen_rows(rows, copied)
        places = set_places(self._table, self._trace.names, chunk, in_log, chosen_keys(keys, copied))
        compress = self._output.compress
        for piece, data, starts, ends in set_records(reader, chunk, in_log, copied, places, compress):
            numbers, given, here, at = keys[piece], memoryview(copied)[piece], taken[piece], 0
            while at < len(numbers):
                records, made, expiring, at, back = maker.make(
                    numbers, given, memoryview(data), starts, ends, here, at
                )
                if made:
                    self._open(db)
                    self._output.copy(records)
                    self._count(None, made)
                    self._size.expiring_keys += expiring
                if back:
                    one = [(numbers[at], False)]
                    self._mixed(one, iter(()), db, outcome.keyspace, here[at : at + 1])
                    at += 1

    def _note(self, chunk: Chunk, rows: Column) -> None:
        """Learn which rows wrote first what is written now, in the same order."""

    def _mixed(
        self,
        keys: Iterable[tuple[int, bool]],
        values: Iterator[tuple[bytes, bytes]],
        db: int,
        keyspace: Keyspace,
        taken: memoryview,
    ) -> None:
        """Write replayed keys and plain SETs in order; strings are handed over many at a time.

        Args:
            taken: one byte a key, 1 for every key that was written.
        """
        entry_of, name_of = keyspace.databases[db].entry, self._trace.keys.key
        takes_all, takes = self._chooser.takes_all, self._chooser.takes
        strings: list[StringRow] = []
        for index, (number, from_log) in enumerate(keys):
            if from_log:
                name, value = next(values)
                if not (takes_all or takes(name, None)):
                    continue
                strings.append((name, value, None))
            else:
                name = name_of(number)
                entry = entry_of(name)
                if entry is None or not (takes_all or takes(name, entry.expire_at_ms)):
                    continue
                if type(entry.value) is bytes:
                    strings.append((name, entry.value, entry.expire_at_ms))
                else:
                    self._put_strings(db, strings)
                    strings = []
                    self._open(db)
                    self._output.writer.key(name, entry.value, expire_at_ms=entry.expire_at_ms)
                    self._count(entry.expire_at_ms)
                    self._size.seen_now += _is_seen_at(entry.value, keyspace.now_ms)
            taken[index] = 1
            if len(strings) >= _STRINGS_AT_ONCE:
                self._put_strings(db, strings)
                strings = []
        self._put_strings(db, strings)

    def _put_strings(self, db: int, rows: Sequence[StringRow]) -> None:
        if rows:
            self._open(db)
            self._output.strings(rows)
            self._count(None, len(rows))
            self._size.expiring_keys += sum(row[2] is not None for row in rows)

    def _open(self, db: int) -> bool:
        """Make a database the one that keys go to; false when it is left out."""
        number = self._chooser.number(db)
        if number is None:
            return False
        self._chooser.claim(db)
        if number != self._selected:
            self._output.writer.select(number, *self._hints.pop(db, (0, 0)))
            self._selected = number
        return True

    def _count(self, expire_at_ms: int | None, keys: int = 1) -> None:
        self._size.keys[self._selected] = self._size.keys.get(self._selected, 0) + keys
        self._size.expiring_keys += expire_at_ms is not None


def _is_seen_at(value: Value, now_ms: int) -> bool:
    """Tell whether a stream has a consumer that replay saw, as a server's load sees it: at that moment."""
    if not isinstance(value, StreamValue):
        return False
    consumers = (one for group in value.groups.values() for one in group.consumers.values())
    return any(one.seen_time_ms == now_ms for one in consumers)

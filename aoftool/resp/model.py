"""The records that scanning a command stream gives: stops, tallies, commands.

Plain data, fit for summaries and reporters. Knows nothing of buffers, files or grammar rules, and
refuses to know what a command does beyond SELECT and the transaction markers.
"""

from __future__ import annotations

from typing import Any

from aoftool.dataclass import dataclass, field
from aoftool.namedtuple import NamedTuple
from aoftool.resp.stop_model import Leniency, Reason, Stop

__all__ = [
    "INHERITED_DB",
    "OTHER_DB",
    "OTHER_NAMES",
    "Annotations",
    "Command",
    "Edge",
    "Leniency",
    "Lines",
    "Occurrence",
    "Reason",
    "Row",
    "RowKey",
    "Selects",
    "Stop",
    "TailTally",
    "Transactions",
]

OTHER_NAMES = b"..."
"""Name of the row that takes the commands whose names found no place in a bounded table."""

OTHER_DB = -2
"""Database number of the rows that take databases which found no place in a bounded table."""

INHERITED_DB = -1
"""Database number of commands before the first SELECT of a range whose start state is unknown."""


class RowKey(NamedTuple):
    """Key of a row: name in upper case, subcommand of container commands, database."""

    name: bytes
    subcommand: bytes | None
    db: int


@dataclass(slots=True)
class Row:
    """Commands of one name in one database; bytes include the framing.

    Attributes:
        least_argc, most_argc: fewest and most arguments of a command, its name included; 0 without any.
    """

    commands: int = 0
    bytes: int = 0
    largest_bytes: int = 0
    largest_offset: int = -1
    least_argc: int = 0
    most_argc: int = 0

    def note_argc(self, argc: int) -> None:
        """Take the number of arguments of one command, at least 1."""
        if argc > self.most_argc:
            self.most_argc = argc
        if argc < self.least_argc or not self.least_argc:
            self.least_argc = argc

    def merge(self, other: Row) -> None:
        """Add another row; of two largest commands the one that starts first is kept."""
        if other.commands:
            self.note_argc(other.least_argc)
            self.note_argc(other.most_argc)
        self.commands += other.commands
        self.bytes += other.bytes
        if (other.largest_bytes, -other.largest_offset) > (self.largest_bytes, -self.largest_offset):
            self.largest_bytes = other.largest_bytes
            self.largest_offset = other.largest_offset


@dataclass(slots=True)
class Occurrence:
    """How often something happened, and the offset of the first time (-1: never)."""

    count: int = 0
    first_offset: int = -1

    def note(self, offset: int) -> None:
        """Count one occurrence."""
        self.merge(Occurrence(1, offset))

    def merge(self, other: Occurrence) -> None:
        """Add the occurrences of another part."""
        if other.count:
            first = other.first_offset
            self.first_offset = first if not self.count else min(first, self.first_offset)
            self.count += other.count


_Kinds = dict[bytes, int]


def _least(one: int | None, two: int | None) -> int | None:
    return two if one is None else one if two is None else min(one, two)


def _most(one: int | None, two: int | None) -> int | None:
    return two if one is None else one if two is None else max(one, two)


@dataclass(slots=True)
class Annotations:
    """Lines that begin with `#`. Times are Unix seconds of valid `#TS:` lines, None without any.

    `kinds` counts the other lines by the text up to their first colon, cut to 16 bytes; comments
    without a colon under the empty name; a `#TS:` that is no time under `TS`; at most 16 kinds, the
    rest under `OTHER_NAMES`. `first_offset` is where the first valid `#TS:` starts, -1 without one.
    """

    count: int = 0
    bytes: int = 0
    timestamps: int = 0
    first_offset: int = -1
    first_s: int | None = None
    last_s: int | None = None
    min_s: int | None = None
    max_s: int | None = None
    backwards: Occurrence = field(default_factory=Occurrence)
    kinds: _Kinds = field(default_factory=dict)

    def merge(self, other: Annotations) -> None:
        """Add the annotations of another file: first and last become least and most."""
        self.count += other.count
        self.bytes += other.bytes
        if other.timestamps:
            self.first_offset = (
                min(self.first_offset, other.first_offset) if self.timestamps else other.first_offset
            )
        self.timestamps += other.timestamps
        self.first_s = _least(self.first_s, other.first_s)
        self.last_s = _most(self.last_s, other.last_s)
        self.min_s = _least(self.min_s, other.min_s)
        self.max_s = _most(self.max_s, other.max_s)
        self.backwards.merge(other.backwards)
        for kind, count in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + count


@dataclass(slots=True)
class Transactions:
    """What MULTI, EXEC and DISCARD add up to.

    Attributes:
        count: EXECs that closed a MULTI.
        nested: MULTI inside an open transaction.
        lone_execs: EXEC outside.
        discards_inside: DISCARD inside; a loader queues it and crashes at EXEC.
        lone_discards: DISCARD outside.
        open_offset: start of the MULTI that is still open at the end, None when there is none.
        open_commands: commands after that MULTI.
    """

    count: int = 0
    nested: Occurrence = field(default_factory=Occurrence)
    lone_execs: Occurrence = field(default_factory=Occurrence)
    discards_inside: Occurrence = field(default_factory=Occurrence)
    lone_discards: Occurrence = field(default_factory=Occurrence)
    open_offset: int | None = None
    open_commands: int = 0

    def merge(self, other: Transactions) -> None:
        """Add the transactions of another file; no transaction spans two files."""
        self.count += other.count
        for name in ("nested", "lone_execs", "discards_inside", "lone_discards"):
            getattr(self, name).merge(getattr(other, name))
        self.open_offset = _least(self.open_offset, other.open_offset)
        self.open_commands += other.open_commands


@dataclass(slots=True)
class Selects:
    """SELECT commands: how many, which were refused, and the database at the end.

    A SELECT counts when it has one argument that is a canonical decimal below 2^31; any other is
    refused and the database stays. Whether a number is in range depends on the target's `databases`
    setting, which the scanner does not know. Source: measured on Valkey 9.1.2, Redis 7.0.15, 6.2.5.
    """

    count: int = 0
    invalid: Occurrence = field(default_factory=Occurrence)
    last_db: int = 0

    def merge(self, other: Selects) -> None:
        """Add the SELECTs of another file; the last database becomes the greater of both."""
        self.count += other.count
        self.invalid.merge(other.invalid)
        self.last_db = max(self.last_db, other.last_db)


@dataclass(slots=True)
class Edge:
    """What a range that starts in an unknown state leaves open for the range before it to settle.

    Attributes:
        known: the start state was known; then the other members say nothing.
        event: `MULTI` or `EXEC`, the first of them met; None when there was none.
        event_offset: where.
        discards: DISCARDs before that event.
        commands: commands before that event.
    """

    known: bool = True
    event: str | None = None
    event_offset: int = -1
    discards: Occurrence = field(default_factory=Occurrence)
    commands: int = 0


@dataclass(slots=True)
class TailTally:
    """Everything a scan counts in one command stream.

    The bytes of all rows, plus `annotations.bytes`, plus `rest_bytes`, are exactly `bytes_scanned`.

    Attributes:
        start: absolute offset where the scan began.
        good_end: end of the last whole command or annotation.
        commands: whole commands.
        rows: by name, subcommand and database.
        leniencies: accepted departures from the canonical form, counted by kind.
        stop: why the scan ended; None in a tally merged from several streams.
        rest_bytes: bytes from `good_end` to the end of input.
        capped: a bounded table was full, so some rows are under `OTHER_NAMES` or `OTHER_DB`.
        streams: how many streams are in it; 0 for an empty tally.
        edge: for the exact joining of ranges.
    """

    start: int = 0
    good_end: int = 0
    commands: int = 0
    rows: dict[RowKey, Row] = field(default_factory=dict)
    annotations: Annotations = field(default_factory=Annotations)
    transactions: Transactions = field(default_factory=Transactions)
    selects: Selects = field(default_factory=Selects)
    leniencies: dict[Leniency, Occurrence] = field(default_factory=dict)
    stop: Stop | None = None
    rest_bytes: int = 0
    capped: bool = False
    streams: int = 0
    edge: Edge = field(default_factory=Edge)

    @property
    def bytes_scanned(self) -> int:
        """Return the bytes of the stream, the unread rest included."""
        return sum(row.bytes for row in self.rows.values()) + self.annotations.bytes + self.rest_bytes

    def by_name(self) -> dict[bytes, int]:
        """Return the number of commands by name, subcommands and databases taken together."""
        counts: dict[bytes, int] = {}
        for key, row in self.rows.items():
            counts[key.name] = counts.get(key.name, 0) + row.commands
        return counts

    def add(self, other: TailTally) -> None:
        """Merge the tally of another stream into this one.

        Associative and commutative; an empty tally is neutral. Offsets then belong to different
        files and only say that there was one; `stop` is dropped unless one side is empty.
        """
        if not other.streams:
            return
        self.stop = None if self.streams else other.stop
        self.start = min(self.start, other.start) if self.streams else other.start
        self.streams += other.streams
        self.good_end = max(self.good_end, other.good_end)
        self.commands += other.commands
        for key, row in other.rows.items():
            self.rows.setdefault(key, Row()).merge(row)
        self.annotations.merge(other.annotations)
        self.transactions.merge(other.transactions)
        self.selects.merge(other.selects)
        for kind, seen in other.leniencies.items():
            self.leniencies.setdefault(kind, Occurrence()).merge(seen)
        self.rest_bytes += other.rest_bytes
        self.capped |= other.capped

    def merge(self, other: TailTally) -> TailTally:
        """Return the sum of two tallies; neither is changed."""
        total = TailTally()
        total.add(self)
        total.add(other)
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members; names as printable text, rows in a stable order."""
        from aoftool.resp.pieces.tallydict import tally_to_dict

        return tally_to_dict(self)

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> TailTally:
        """Return the tally that `to_dict` made members of."""
        from aoftool.resp.pieces.tallydict import tally_from_dict

        return tally_from_dict(members)


@dataclass(slots=True)
class Command:
    """One command of a stream.

    Attributes:
        offset: absolute offset of its `*`.
        length: bytes with framing.
        argv: its arguments; an argument above the caller's limit is cut to it.
        db: database selected when it runs; for a SELECT the one it selects.
        txn: number of the transaction it stands in, counted from 1, its MULTI and EXEC included; 0
            outside.
        time_s: the last `#TS` before it, -1 without one.
        index: number of commands before it in the stream.
        lengths: true lengths of the arguments when any was cut, else None.
        lenient: it needed the lenient grammar.
    """

    offset: int
    length: int
    argv: list[bytes]
    db: int = 0
    txn: int = 0
    time_s: int = -1
    index: int = 0
    lengths: list[int] | None = None
    lenient: bool = False

    @property
    def name(self) -> bytes:
        """Return the command name in upper case."""
        return self.argv[0].upper()


@dataclass(frozen=True, slots=True)
class Lines:
    """Commands that were written as text, one a line, while their bytes were at hand.

    Attributes:
        text: the lines, in UTF-8, each ended by a line feed.
        count: how many there are.
    """

    text: bytes
    count: int

"""Find the whole records of a damaged RDB part: before the damage, between damage, and behind it.

Reads the part record by record and looks into every value. Where it cannot go on it holds the last
records in front of the damage in doubt, searches for the place where records go on, and settles which
database they are in. Makes data of it (`aoftool.check.rdb.salvage_model`); plans nothing.
"""

from __future__ import annotations

from collections import deque

from aoftool.check.rdb.databases import Databases
from aoftool.check.rdb.excerpt import Excerpt, RdbPlace
from aoftool.check.rdb.habits import Habits
from aoftool.check.rdb.resync import ZEROS, begins_like_record, find_start, opening_at
from aoftool.check.rdb.salvage_model import KeptSpan, LeftOut, RdbSalvage
from aoftool.check.rdb.sifting import EXPIRING_HASHES, FIELD, Sifting, is_plain_string
from aoftool.check.stream.window import Reader
from aoftool.dataclass import dataclass, field, replace
from aoftool.errors import InputError
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.strings import read_string, string_frame
from aoftool.rdb.header import HEADER_BYTES
from aoftool.rdb.opcodes import AUX, Family
from aoftool.rdb.records.record import Record
from aoftool.rdb.verify.record import verify
from aoftool.rdb.walk.summary import RdbFunction

__all__ = ["salvage_records"]

# No SELECTDB names it: records under it stand before the first one of their span.
_UNKNOWN_DB = (1 << 32) - 1
# Records in front of damage that are held against the habits of the part.
_NEAR = 8
# More places that cannot be read are no accident, and a plan of so many edits helps nobody.
_MOST_GAPS = 20_000
_ZERO_RUN = 8
# Values can end in eight zeros: those of streams do.
_LONG_ZERO_RUN = 16
# Last byte of every listpack and ziplist.
_PACKED_END = b"\xff"
# Opcodes that no command says.
_OTHER = frozenset({"UPDATE", "SLOT_IMPORT", "HASH_TEMPLATE"})
_PLAIN = -1
_PLAIN_TYPES = frozenset({1, 2, 3, 4, 5, 22, 24})
# The third byte from the top of an expire time between 2004 and 2103.
_TIME_BYTES = (1, 2, 3)
_SCRIPT_BYTES = 16 << 20
_DAMAGED = "bytes that cannot be read"
_UNPROVED = "the last record before damage; nothing shows that its value ends there"
_STRANGE = "a record before damage that looks like none of this part"
_STRANGE_BEHIND = "a record behind a damaged one that looks like none of this part"
_TOO_MANY = "behind more damaged places than can be repaired"
_PACKED = "the first record behind damage; it may be the end of a packed value"
_WITHOUT_TIME = "the first record behind damage; its expire time may be lost"


@dataclass
class _Near:
    """A record that is held back while damage may still follow close behind."""

    record: Record
    start: int
    end: int
    key: bytes
    bad: bool


@dataclass
class _Reading:
    """One span while it is read.

    Attributes:
        start, end: what is kept of it.
        doubts: records behind `end` that are held to be damaged.
        first_select: offset of the first SELECTDB, when records stand before it.
        first_db, last_db: of the records behind a SELECTDB.
        in_fields: what follows may be fields of a damaged hash.
        behind_bad: the last record is left out, and may have ended elsewhere.
    """

    start: int
    end: int = 0
    keys: int = 0
    keys_before_select: int = 0
    first_select: int | None = None
    first_db: int | None = None
    last_db: int | None = None
    last_end: int = 0
    whole: bool = False
    in_fields: bool = False
    behind_bad: bool = False
    bad: list[LeftOut] = field(default_factory=list)
    doubts: list[LeftOut] = field(default_factory=list)


def salvage_records(place: RdbPlace, habits: Habits, code: str, *, sound: bool = False) -> RdbSalvage:
    """Return what can be kept of a part.

    Args:
        habits: with family and version of the part.
        code: of the finding, for what is left out.
        sound: the checksum speaks for every byte: values that break a rule but can be decoded are
            kept, for that is how they were written.
    """
    return _Salvage(place, habits, code, sound=sound).run()


class _Salvage:
    def __init__(self, place: RdbPlace, habits: Habits, code: str, *, sound: bool) -> None:
        self._place = place
        self._reader = place.reader
        self._magic = place.magic
        self._end = place.end
        self._habits = habits
        self._code = code
        self._sound = sound
        self._out = RdbSalvage(place.magic, place.end if place.mark is None else place.mark)
        self._databases = Databases(self._reader, self._out)
        self._libraries: dict[bytes, tuple[int, int]] = {}

    def run(self) -> RdbSalvage:
        at = HEADER_BYTES
        for number in range(_MOST_GAPS):
            reading = self._read(at, first=number == 0)
            if reading.whole:
                break
            strings = not self._in_fields(reading)
            found = find_start(self._place, reading.end + 1, self._habits, strings=strings)
            at = self._end if found is None else found
            self._leave(reading, at)
            if found is None:
                break
        else:
            self._out.left_out.append(LeftOut(at, self._end, self._code, _TOO_MANY))
        self._out.functions = sorted(self._libraries.values())
        sifting = Sifting(self._reader, self._out, self._databases.seen)
        sifting.without_doubles()
        if self._habits.family is Family.REDIS and self._habits.types & EXPIRING_HASHES:
            sifting.without_fields(self._databases.hints, self._code)
        self._databases.settle()
        self._out.spans = [span for span in self._out.spans if span.start < span.end]
        self._out.left_out.sort(key=lambda one: one.start)
        return self._out

    def _in_fields(self, reading: _Reading) -> bool:
        """Tell whether damage lies in a hash whose fields read like strings with keys.

        A field without expire time in a hash of Redis 7.4 and later is a zero, its name and its value.
        """
        if self._habits.family is not Family.REDIS:
            return False
        if reading.in_fields:
            return True
        places = (reading.end, *(doubt.end for doubt in reading.doubts))
        openings = (opening_at(self._reader, at, self._end, self._habits) for at in places)
        return any(opening is not None and opening.number in EXPIRING_HASHES for opening in openings)

    def _leave(self, reading: _Reading, end: int) -> None:
        """Leave out what stands between a span and the next one."""
        at = reading.end
        for doubt in reading.doubts:
            if doubt.start < end:
                self._out.left_out.append(replace(doubt, end=min(doubt.end, end)))
                at = min(doubt.end, end)
        if end > at:
            self._out.left_out.append(LeftOut(at, end, self._code, _DAMAGED))

    # Reading one span

    def _read(self, at: int, *, first: bool) -> _Reading:
        """Read records up to damage or the end, and keep what nothing speaks against."""
        opened = 0 if first else _UNKNOWN_DB
        excerpt = Excerpt(self._reader, self._magic, at, self._end, opened)
        reading = _Reading(at, last_end=at)
        near: deque[_Near] = deque()
        zeros = lead = None
        for record in excerpt:
            if record.size_bytes == len(ZEROS) and record.raw() == ZEROS:
                zeros = record.start - excerpt.shift
                break
            one = self._look_at(record, excerpt.shift, reading)
            if not first and one.start == at and (reason := self._doubt_of_first(one)):
                lead = LeftOut(one.start, one.end, self._code, reason, 1)
                reading.start, reading.bad = one.end, []
                continue
            near.append(one)
            if len(near) > _NEAR:
                self._settle(near.popleft(), reading, opened)
        reading.whole = zeros is None and excerpt.reaches(self._place.mark)
        reading.end = excerpt.good_end if zeros is None else zeros
        if not first and zeros is None and excerpt.end_mark is not None and not reading.whole:
            # An end mark where no end is: these records are part of an RDB inside a value.
            return _Reading(at, excerpt.end_mark, doubts=[self._inside(at, excerpt)])
        if lead is not None:
            self._out.left_out.append(lead)
        if not reading.whole:
            self._trim(reading, list(near))
        for one in near:
            if reading.start <= one.start and one.end <= reading.end:
                self._settle(one, reading, opened)
        self._note(excerpt, reading)
        self._take(reading, first=first)
        return reading

    def _inside(self, at: int, excerpt: Excerpt) -> LeftOut:
        assert excerpt.end_mark is not None
        return LeftOut(at, excerpt.end_mark, self._code, "records of another RDB, inside a value")

    def _look_at(self, record: Record, shift: int, reading: _Reading) -> _Near:
        """Check a record; what cannot be decoded, or was damaged, is left out."""
        start, end = record.start - shift, record.end - shift
        issues = verify(record)
        key = b""
        try:
            key = record.key
            if issues and self._sound:
                record.value()
                self._out.doubtful.append(key)
                issues = []
        except InputError:
            assert issues
        reading.in_fields = reading.in_fields and is_plain_string(record)
        if issues:
            reading.bad.append(LeftOut(start, end, issues[0].code, f"a key: {issues[0].message}", 1))
            expiring = self._habits.family is Family.REDIS and record.type_id in EXPIRING_HASHES
            reading.in_fields |= expiring and not self._sound
        elif reading.in_fields:
            reading.bad.append(LeftOut(start, end, self._code, FIELD, 1))
        elif reading.behind_bad and not self._habits.fits(record, unnamed=True):
            reading.bad.append(LeftOut(start, end, self._code, _STRANGE_BEHIND, 1))
        bad = bool(reading.bad) and reading.bad[-1].start == start
        reading.behind_bad = bad and not self._sound
        return _Near(record, start, end, key, bad)

    def _settle(self, one: _Near, reading: _Reading, opened: int) -> None:
        """Count a record that nothing speaks against."""
        db = one.record.db
        if db == opened and opened == _UNKNOWN_DB:
            if not one.bad:
                reading.keys_before_select += 1
            reading.first_select = one.end
        else:
            reading.first_db = db if reading.first_db is None else reading.first_db
            reading.last_db = db
            self._databases.add(db, int(not one.bad))
        reading.last_end = one.end
        if not one.bad:
            reading.keys += 1
            self._habits.learn(one.record, one.key)

    def _note(self, excerpt: Excerpt, reading: _Reading) -> None:
        """Keep what a span says besides its records."""
        summary, shift = excerpt.summary, excerpt.shift
        for hint in summary.resize_hints:
            if hint.offset - shift < reading.end:
                self._databases.hints[hint.db] = hint.keys
                self._habits.expiring |= hint.expires > 0
                if hint.db != _UNKNOWN_DB and reading.last_db is None:
                    reading.first_db = reading.last_db = hint.db
        for library in summary.functions:
            self._function(library, shift, reading)
        self._out.wordless |= any(module.aux for module in summary.modules)
        self._out.wordless |= not _OTHER.isdisjoint(summary.other_opcodes) or bool(summary.slots.imports)
        if b"lua" in summary.aux:
            self._out.scripts += _scripts(self._reader, reading.last_end, reading.end)

    def _function(self, library: RdbFunction, shift: int, reading: _Reading) -> None:
        start = library.offset - shift
        end = start + library.size_bytes
        if end > reading.end:
            return
        before = self._libraries.pop(library.name, None)
        if before is not None:
            reason = "the same library stands there again; the last one is kept"
            self._out.left_out.append(LeftOut(*before, "function-again", reason))
        self._libraries[library.name] = start, end

    # Where a span begins and ends at damage

    def _doubt_of_first(self, one: _Near) -> str:
        """Return why the first record behind damage may be something else, or lack its expire time."""
        if one.bad or one.record.expire_at_ms is not None:
            return ""
        string = one.record.type_id == 0 and not _proves_itself(one.record)
        if string and self._reader.at(one.end - 1, 1) == _PACKED_END:
            return _PACKED
        before = self._reader.at(one.start - _LONG_ZERO_RUN, _LONG_ZERO_RUN)
        return _WITHOUT_TIME if self._habits.expiring and _may_be_time(before) else ""

    def _trim(self, reading: _Reading, near: list[_Near]) -> None:
        """Hold the last records in front of damage in doubt."""
        near = [one for one in near if one.start >= reading.start]
        fits = [not one.bad and self._habits.fits(one.record, unnamed=True) for one in near]
        # A lone odd record is just odd; where most are, reading had lost its way.
        strange = next(
            (n for n, fit in enumerate(fits) if not fit and 2 * fits[n:].count(False) > len(fits[n:])), -1
        )
        if strange >= 0:
            self._put_out(near[strange:], _STRANGE, reading)
            near = near[:strange]
        if near and near[-1].end == reading.end and not self._proved(near[-1], reading.end):
            self._put_out(near[-1:], _UNPROVED, reading)

    def _put_out(self, records: list[_Near], reason: str, reading: _Reading) -> None:
        start = records[0].start
        reading.doubts.insert(0, LeftOut(start, reading.end, self._code, reason, len(records)))
        reading.bad = [bad for bad in reading.bad if bad.end <= start]
        reading.end = start

    def _proved(self, last: _Near, at: int) -> bool:
        """Tell whether the last record in front of damage really ends where it says."""
        if at >= self._end:
            return True
        if self._reader.run_of(0, at) >= _ZERO_RUN:
            # A block of zeros that begins in the record, or right behind it.
            return self._reader.at(at - 1, 1) != b"\0"
        if not last.key and not self._habits.empty_keys:
            return opening_at(self._reader, at, self._end, self._habits) is not None
        return _proves_itself(last.record) or begins_like_record(self._reader.at(at, 16), self._habits)

    # Putting spans together

    def _take(self, reading: _Reading, *, first: bool) -> None:
        """Add a span, with the database that its first records are in."""
        self._out.left_out += reading.bad
        doubt_end = reading.start
        if not first:
            sure = self._databases.behind(reading.start, reading.first_db)
            self._databases.count(self._databases.current, reading.keys_before_select)
            if not sure and reading.first_select is not None:
                doubt_end = reading.first_select
        in_doubt = reading.keys_before_select if doubt_end > reading.start else 0
        if reading.end > reading.start:
            span = KeptSpan(
                reading.start, reading.end, self._databases.current, reading.keys, doubt_end, in_doubt
            )
            self._out.spans.append(span)
        if reading.last_db is not None:
            self._databases.go_on_in(reading.last_db)


def _may_be_time(data: bytes) -> bool:
    """Tell whether bytes may be the end of an expire time."""
    return data[-2:] == b"\0\0" and (data[-3] in _TIME_BYTES or not any(data))


def _proves_itself(record: Record) -> bool:
    """Tell whether a record that was verified shows by itself where it ends.

    Blobs and packed strings state their size inside as well; plain strings and what is made of them
    end wherever a length says.
    """
    if record.type_id == 0:
        return string_frame(record.value_bytes(), 0)[2] != _PLAIN
    return record.type_id not in _PLAIN_TYPES


def _scripts(reader: Reader, start: int, end: int) -> list[bytes]:
    """Return the scripts in the AUX fields between the last key and the end."""
    found = []
    data = reader.at(start, min(end - start, _SCRIPT_BYTES))
    at = 0
    try:
        while at < len(data) and data[at] == AUX:
            name, at = read_string(data, at + 1)
            value, at = read_string(data, at)
            if name == b"lua":
                found.append(value)
    except EncodingDamage:
        pass
    return found

"""Where the records of an RDB part go on behind damage, on evidence.

RDB has no marks between records: a place is believed to be the start of one when what begins there
looks like the other records of the part and a chain of whole records follows, up to the end of the part
or long enough that chance cannot have made it. Every value of such a chain must hold against the
rules of its encoding. Reads a few records at each place and decides nothing about what is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aoftool.check.rdb.excerpt import Excerpt, RdbPlace
from aoftool.check.rdb.habits import Habits
from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.namedtuple import NamedTuple
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.rdb.opcodes import EXPIRETIME_MS, FREQ, FUNCTION2, IDLE, RESIZEDB, SELECTDB
from aoftool.rdb.verify.record import verify
from aoftool.rdb.walk.walker import Status, new_walker

__all__ = ["CHAIN_RECORDS", "ZEROS", "Opening", "begins_like_record", "find_start", "opening_at"]

CHAIN_RECORDS = 4
"""Whole records in a row that are believed without the end of the part behind them."""

ZEROS = b"\0\0\0"
"""An empty string under an empty key, which no damaged part is believed to hold: zeros read like it."""

_LOOK_BYTES = 8192
# Records of a chain that may look odd; the first one may not.
_ODD = 1
# Bytes of a first look along a chain, how much wider the next one is, and how many bytes all wider looks
# may read for each byte that is searched; in a small part, altogether.
_WINDOW_BYTES = 1 << 12
_WIDER = 16
_LOOKS = 8
_LOOKED_AT_LEAST = 2 << 20
_FUNCTION_START = b"#!"
# Expire times in use have a zero top: until the year 10889 the highest two of eight bytes are zero.
_TIME_TOP = b"\x00\x00"


class Opening(NamedTuple):
    """What begins at a place.

    Attributes:
        number: the value type, or the opcode of a database or a function library.
        prefixed: an expire time, idle time or frequency stands before the type.
    """

    number: int
    prefixed: bool

    @property
    def plain_string(self) -> bool:
        """Tell whether it is a string with nothing before its type."""
        return self.number == 0 and not self.prefixed


def opening_at(reader: Reader, at: int, end: int, habits: Habits) -> Opening | None:
    """Return what begins at an offset if it looks like a record, a database or a function library."""
    data = reader.at(at, min(_LOOK_BYTES, end - at))
    if data.startswith(ZEROS):
        return None
    try:
        return _opening(data, habits)
    except (EncodingDamage, IndexError):
        return None


def _opening(data: bytes, habits: Habits) -> Opening | None:
    place = 0
    number = data[0]
    if number == SELECTDB:
        _, place = read_length(data, 1)
        if data[place] == RESIZEDB or (habits.version < _HINTS_SINCE and data[place] in habits.types):
            return Opening(number, False)
        return None
    if number == FUNCTION2:
        code = data[1:] if len(data) == _LOOK_BYTES else read_string(data, 1)[0]
        return Opening(number, False) if _FUNCTION_START in code[:16] else None
    if number == EXPIRETIME_MS:
        if data[7:9] != _TIME_TOP:
            return None
        place = 9
    if data[place] == IDLE:
        _, place = read_length(data, place + 1)
    elif data[place] == FREQ:
        place += 2
    type_id = data[place]
    if type_id not in habits.types or not habits.frame_fits(data, place + 1):
        return None
    key, _ = read_string(data, place + 1)
    return Opening(type_id, place > 0) if key and habits.key_fits(key) else None


def begins_like_record(data: bytes, habits: Habits) -> bool:
    """Tell whether bytes may be the start of a record, of which a part is damaged or missing."""
    if data[:1] == bytes([EXPIRETIME_MS]):
        return data[7:9] in (_TIME_TOP, b"\0", b"")
    if data[:1] == bytes([SELECTDB]):
        return True
    known = data[:1] == b"" or data[0] in habits.types
    if known and (len(data) <= _FRAMED or data[1] in _LONG_FRAMES or 0 < data[1] <= _USUAL_KEY):
        return True
    if known and habits.key_fits(data[2:3]):
        return True
    # The type is damaged, and a key of usual length stands behind it; no text begins with such a byte.
    return len(data) > _FRAMED and _SHORT <= data[1] < _TEXT and habits.key_fits(data[2 : 2 + data[1]])


# First bytes of frames that text does not follow right away, and of those of short keys.
_LONG_FRAMES = frozenset({*range(0x40, 0x81), 0xC0, 0xC1, 0xC2, 0xC3})
_FRAMED, _SHORT, _TEXT, _USUAL_KEY = 2, 3, 0x20, 0x30
# First RDB version with RESIZEDB behind every SELECTDB. Source: Redis 3.2 src/rdb.c rdbSaveRio.
_HINTS_SINCE = 7


def find_start(place: RdbPlace, start: int, habits: Habits, *, strings: bool) -> int | None:
    """Return the first offset from `start` on where records go on, None when there is none.

    Args:
        place: the part.
        strings: the first record may be a plain string.
    """
    budget = _Budget(max(_LOOKS * (place.end - start), _LOOKED_AT_LEAST))
    for at in _candidates(place.reader, start, place.end, habits):
        opening = opening_at(place.reader, at, place.end, habits)
        if opening is None or (opening.plain_string and not strings):
            continue
        if _chains(place, at, habits, budget):
            return at
    return None


class _Budget:
    """Bytes that may still be read for long looks, so that forged input cannot ask for one at each place."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def take(self, size_bytes: int) -> bool:
        self._left -= size_bytes
        return self._left >= 0


def _candidates(reader: Reader, start: int, end: int, habits: Habits) -> Iterator[int]:
    """Yield places whose first two bytes can begin something; the second one speaks of a key's length."""
    types = re.escape(bytes(sorted(habits.types)))
    keys = rb"[\x01-\x80\xc3]" if not (habits.integer_keys or habits.empty_keys) else rb"[\x00-\x80\xc0-\xc3]"
    wanted = re.compile(
        rb"(?=[" + types + rb"]" + keys + rb"|\xfc.{6}\x00\x00|\xf8[\x00-\x81]|\xf9.|\xfe[\x00-\x80]|\xf5.)",
        re.DOTALL,
    )
    at = start
    while at < end:
        stop = min(at + BLOCK_BYTES, end)
        piece = reader.at(at, min(stop - at + 16, end - at))
        for match in wanted.finditer(piece):
            if match.start() < stop - at:
                yield at + match.start()
        at = stop


def _chains(place: RdbPlace, at: int, habits: Habits, budget: _Budget) -> bool:
    """Tell whether whole records follow each other from an offset on, looking as far as that takes."""
    if _breaks_soon(place, at, habits):
        return False
    window = _WINDOW_BYTES
    while True:
        stop = min(at + window, place.end)
        answer = _chains_up_to(place, at, stop, habits)
        if answer is not None:
            return answer
        window *= _WIDER
        if not budget.take(min(window, place.end - at)):
            return False


def _breaks_soon(place: RdbPlace, at: int, habits: Habits) -> bool:
    """Tell whether the structure ends a chain within a short look: much cheaper than looking closely."""
    walker = new_walker(habits.family, at, rows=True)
    data = place.reader.at(at, min(_WINDOW_BYTES, place.end - at))
    status = walker.feed(data, 0, len(data))
    if len(walker.take_rows()) >= CHAIN_RECORDS:
        return False
    # A value that is longer than what is left of the part breaks it too.
    return status == Status.DAMAGE or walker.skipping > place.end - at - len(data)


def _chains_up_to(place: RdbPlace, at: int, stop: int, habits: Habits) -> bool | None:
    """Return the same for what stands before `stop`, None when what stands behind it matters."""
    excerpt = Excerpt(place.reader, place.magic, at, stop, 0)
    count = 0
    odd = 0
    for record in excerpt:
        odd += not habits.fits(record)
        if verify(record) or odd > _ODD or record.raw() == ZEROS:
            return False
        count += 1
        if count >= CHAIN_RECORDS:
            return True
    if stop < place.end and excerpt.cut:
        return None
    return place.mark is not None and count > 0 and excerpt.reaches(place.mark)

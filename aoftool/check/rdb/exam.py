"""The RDB part of a file taken apart: what is damaged in it and what can be said with certainty.

A sound part costs one walk. Of a damaged part this says where it ends, which few bytes are wrong when
the checksum tells, and which spans hold whole records. Values are decoded only for a deep check, and
where damage gives reason to doubt them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aoftool.check.exam_model import SMALL_PART_BYTES, RdbExam
from aoftool.check.loaders.rdb_faults import stops_a_server
from aoftool.check.rdb.deep import find_faults
from aoftool.check.rdb.excerpt import RdbPlace, crc_over
from aoftool.check.rdb.habits import Habits
from aoftool.check.rdb.header import likely_header, proved_header, proved_start
from aoftool.check.rdb.salvage import salvage_records
from aoftool.check.rdb.salvage_model import LeftOut, RdbSalvage
from aoftool.check.rdb.syndrome import locate
from aoftool.check.stream.dissect import scan_range
from aoftool.check.stream.heal import Patch
from aoftool.check.stream.resync import openings
from aoftool.check.stream.window import BLOCK_BYTES, Reader
from aoftool.dataclass import replace
from aoftool.files.source import Source, open_stream
from aoftool.quoting import atoll
from aoftool.rdb.decode.strings import read_lengths
from aoftool.rdb.header import HEADER_BYTES
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES, CHECKSUM_SINCE, ChecksumState
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walk import walk
from aoftool.resp.model import Reason

__all__ = ["examine_rdb", "patched_stream", "salvage_part"]

_EOF_OPCODE = 0xFF


class _Patched:
    """A file's bytes with patches laid over, front to back; one of an empty span stands before all."""

    def __init__(self, reader: Reader, patches: tuple[Patch, ...], end: int) -> None:
        self._reader = reader
        self._patches = patches
        self._before = b"".join(patch.data for patch in patches if not patch.end)
        self._end = end
        self._at = 0

    def readinto(self, buffer: memoryview, /) -> int:
        if self._before:
            size = min(len(buffer), len(self._before))
            buffer[:size] = self._before[:size]
            self._before = self._before[size:]
            return size
        want = min(len(buffer), BLOCK_BYTES, self._end - self._at)
        if want <= 0:
            return 0
        piece = bytearray(self._reader.at(self._at, want))
        for patch in self._patches:
            low, high = max(patch.start, self._at), min(patch.end, self._at + len(piece))
            if low < high:
                piece[low - self._at : high - self._at] = patch.data[low - patch.start : high - patch.start]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


# An opcode and two lengths of nine bytes.
_LARGEST_HINT_BYTES = 19


def patched_stream(reader: Reader, patches: tuple[Patch, ...], end: int) -> Source:
    """Return a source that reads a file up to `end` with patches of the same length laid over.

    A patch of an empty span at 0 puts bytes in front of the file.
    """
    return open_stream(_Patched(reader, patches, end), "patched copy")


def examine_rdb(
    source: Source,
    size_bytes: int,
    *,
    deep: bool = False,
    dump: bool = False,
    progress: Callable[[int], None] | None = None,
) -> RdbExam:
    """Take the RDB part at the start of a plain file apart.

    Args:
        source: a plain file that starts with an RDB magic, damaged or not.
        deep: look into every value, and for keys that come twice; small parts are looked into anyway.
        dump: it is a snapshot, behind which nothing may follow.
        progress: told of bytes done.
    """
    note = progress if progress is not None else lambda done: None
    found = walk(source, 0, note, ahead=True)
    reader = Reader(source, size_bytes)
    exam = RdbExam(found, size_bytes if found.end_offset is None else found.end_offset, dump=dump)
    exam.values_read = deep or exam.end <= SMALL_PART_BYTES
    find_faults(exam, found, lambda: source, size_bytes, deep=exam.values_read)
    if found.stop is None:
        exam.checked = found.checksum.state is ChecksumState.OK
        if any(stops_a_server(fault.code, fault.act, fault.type_id) for fault in exam.faults):
            exam.salvage = salvage_part(source, exam)
        return exam
    if exam.unknown is not None:
        exam.checked = exam.unknown.proved
        if found.end_offset is None:
            exam.end = _find_end(source, reader, found, dump=dump)
        return exam
    _name(exam)
    if _code_of(found) == "rdb-version":
        _read_as_servers_do(exam, reader)
    if exam.as_read is not None and exam.as_read.end_offset is not None:
        exam.end = exam.as_read.end_offset
    elif found.checksum.state is not ChecksumState.OK:
        exam.end = _find_end(source, reader, found, dump=dump)
        if exam.code == "rdb-magic":
            _read_behind_header(exam, reader)
            exam.end = _find_end(source, reader, exam.readable, dump=dump)
    exam.patches = (
        _put_right(reader, exam) or _put_header_right(reader, exam) or _put_start_back(reader, exam)
    )
    if exam.patches:
        exam.checked = True
    else:
        _keep_records(source, exam)
    return exam


def _code_of(found: RdbWalk) -> str:
    """Return the code of what a walk stopped at, empty for nothing."""
    return "" if found.stop is None else found.stop.code


def _read_as_servers_do(exam: RdbExam, reader: Reader) -> None:
    """Walk a part whose version servers read, though they never write it so, such as `REDIS 009`."""
    head = reader.at(0, HEADER_BYTES)
    letters = 5 if head.startswith(b"REDIS") else 6
    version = atoll(head[letters:])
    width = HEADER_BYTES - letters
    if not 0 < version < 10**width:
        return
    patches = (Patch(letters, HEADER_BYTES, b"%0*d" % (width, version)),)

    def opened() -> Source:
        return patched_stream(reader, patches, reader.size_bytes)

    exam.as_read = found = walk(opened(), 0)
    find_faults(exam, found, opened, reader.size_bytes, deep=exam.values_read)
    if found.end_offset is None or found.checksum.stored is None:
        return
    end = found.end_offset - CHECKSUM_BYTES
    computed = crc_over(reader, 0, end)
    state = ChecksumState.OK if computed == found.checksum.stored else ChecksumState.WRONG
    if found.checksum.state is ChecksumState.DISABLED:
        state = ChecksumState.DISABLED
    found.checksum = replace(found.checksum, computed=computed, state=state)
    if _code_of(found) == "rdb-checksum" and state is ChecksumState.OK:
        found.damage = None


def _read_behind_header(exam: RdbExam, reader: Reader) -> None:
    """Walk a part whose magic is destroyed behind the header that it most likely had."""
    magic, why = likely_header(reader, exam.end)
    patches = (Patch(0, HEADER_BYTES, magic),)
    exam.behind_header = walk(patched_stream(reader, patches, reader.size_bytes), 0)
    exam.header_evidence = why


def _put_header_right(reader: Reader, exam: RdbExam) -> tuple[Patch, ...]:
    """Return the header with which a part agrees with its checksum, where its own is destroyed."""
    if exam.behind_header is None:
        return ()
    proved = proved_header(reader, exam.behind_header.magic, exam.end)
    patches = () if proved is None else (Patch(0, HEADER_BYTES, proved),)
    return patches if patches and _is_sound(reader, patches, exam.end) else ()


def _put_start_back(reader: Reader, exam: RdbExam) -> tuple[Patch, ...]:
    """Return what a part lost in front of its first byte, where its checksum proves it."""
    if exam.behind_header is None:
        return ()
    start = proved_start(reader, exam.end)
    patches = () if start is None else (Patch(0, 0, start),)
    if start is None or not _is_sound(reader, patches, exam.end):
        return ()
    exam.behind_header = walk(patched_stream(reader, patches, exam.end), 0)
    exam.header_evidence = "the checksum proves it"
    return patches


def _name(exam: RdbExam) -> None:
    """Choose the code and the words for what a walk stopped at."""
    damage = exam.walk.stop
    assert damage is not None
    codes = {
        "rdb-checksum": "rdb-checksum",
        "rdb-truncated": "rdb-truncated",
        "rdb-empty": "rdb-truncated",
        "rdb-magic": "rdb-magic",
        "rdb-version": "rdb-version",
        "rdb-envelope": "rdb-wrapped",
    }
    exam.code = codes.get(damage.code, "rdb-damaged")
    exam.text = f"{damage.message} (offset {damage.offset:,})"


def _find_end(source: Source, reader: Reader, found: RdbWalk, *, dump: bool) -> int:
    """Return where a damaged RDB part ends.

    A walk that lost its way may take any byte for the end mark, and may pass the real one. A command
    stream behind the part is told by commands that chain to the end of the file, right behind an EOF
    opcode and eight bytes of checksum; or, when these are damaged too, by the first chain that gets there.
    """
    size = reader.size_bytes
    end = found.end_offset
    if end is not None and (end >= size or reader.at(end, 1) in (b"*", b"#")):
        return end
    if dump:
        return size
    unmarked = size
    for at in openings(reader, HEADER_BYTES, size):
        marked = reader.at(at - CHECKSUM_BYTES - 1, 1) == bytes([_EOF_OPCODE])
        if not marked and unmarked < size:
            continue
        tally = scan_range(source, at, end=size)
        to_end = tally.stop is not None and tally.stop.reason in (Reason.END, *_TORN_ENDS)
        if marked and ((tally.commands and to_end) or tally.commands >= _FEW):
            return at
        if to_end and tally.commands >= _FEW:
            unmarked = at
    return unmarked


_FEW = 3
_TORN_ENDS = (Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.MISSING_FINAL_CRLF, Reason.TORN_ANNOTATION)


def _put_right(reader: Reader, exam: RdbExam) -> tuple[Patch, ...]:
    """Return the few bytes that make the part agree with its checksum, if there are any."""
    end = exam.end - CHECKSUM_BYTES
    if end <= HEADER_BYTES or reader.at(end - 1, 1) == b"":
        return ()
    stored = int.from_bytes(reader.at(end, CHECKSUM_BYTES), "little")
    computed = crc_over(reader, 0, end)
    if stored == 0 or stored == computed:
        return ()
    spot = locate(stored, computed, end)
    if spot is None:
        return ()
    found = reader.at(spot.offset, len(spot.mask))
    data = bytes(a ^ b for a, b in zip(found, spot.mask, strict=True))
    patches = (Patch(spot.offset, spot.offset + len(data), data),)
    return patches if _is_sound(reader, patches, exam.end) else ()


def _is_sound(reader: Reader, patches: tuple[Patch, ...], end: int) -> bool:
    with patched_stream(reader, patches, end) as stream:
        again = walk(stream, 0)
    grown = sum(len(patch.data) - (patch.end - patch.start) for patch in patches)
    whole = again.damage is None and again.end_offset == end + grown
    return whole and again.checksum.state is ChecksumState.OK


def _keep_records(source: Source, exam: RdbExam) -> None:
    """Find the whole records of a part that cannot be put right."""
    if exam.readable.family is None:
        return
    salvage = salvage_part(source, exam)
    if exam.behind_header is None or salvage.keys or salvage.functions:
        exam.salvage = salvage


def salvage_part(source: Source, exam: RdbExam) -> RdbSalvage:
    """Return what can be kept of a part whose header can be read or guessed, record by record.

    Of a part that walks to its end and agrees with its checksum, or has none, records are left out that
    cannot be decoded, and those whose key stands there again; so are announcements that end a server.
    """
    found = exam.readable
    assert found.family is not None
    reader = Reader(source, exam.end)
    mark = _end_mark(exam, found)
    closed = reader.at(mark, 1) == bytes([_EOF_OPCODE])
    place = RdbPlace(reader, found.magic, exam.end, mark if closed else None)
    habits = Habits(found.family, found.version)
    kept = salvage_records(place, habits, exam.code or "rdb-damaged", sound=exam.sound)
    if exam.sound:
        kept.left_out += _impossible_hints(exam, reader)
        kept.left_out.sort(key=lambda part: part.start)
    return kept


def _end_mark(exam: RdbExam, found: RdbWalk) -> int:
    """Return where the end mark of a part should be: in front of its checksum, whole or torn."""
    checksum = CHECKSUM_BYTES if found.version >= CHECKSUM_SINCE else 0
    torn = exam.end - found.good_end - 1
    if exam.code == "rdb-truncated" and 0 <= torn < checksum:
        return found.good_end
    return exam.end - checksum - 1


def _impossible_hints(exam: RdbExam, reader: Reader) -> Iterator[LeftOut]:
    """Yield the opcodes that ask for room which no server has; the keys do not need them."""
    for fault in exam.faults:
        if fault.code == "resize-room":
            raw = reader.at(fault.offset, _LARGEST_HINT_BYTES)
            end = fault.offset + read_lengths(raw, 1, 2)[1]
            yield LeftOut(fault.offset, end, fault.code, "the number of keys it announces cannot be")

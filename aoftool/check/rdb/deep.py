"""Look for what is wrong in an RDB part whose structure can be walked.

Gathers faults as data, bounded whatever the part holds; what a server does with them is known to
`aoftool.check.loaders.rdb_faults`. What the walk saw costs nothing more; values and keys that come twice take
a pass over the records.
"""

from __future__ import annotations

from collections.abc import Callable

from aoftool.check.exam_model import RdbExam, RdbFault
from aoftool.files.source import Source
from aoftool.rdb.damage import EncodingDamage, RdbIssue
from aoftool.rdb.decode.strings import read_length, read_string, string_frame
from aoftool.rdb.records.reader import RecordReader
from aoftool.rdb.records.record import Record
from aoftool.rdb.verify.across_records import NO_SUCH_ROOM, KeyCheck, check_part
from aoftool.rdb.verify.issues import open_blob
from aoftool.rdb.verify.record import verify
from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["find_faults"]

# Faults of one code and type that are kept; the rest is counted.
_KEEP = 100
# What loaders tell apart of the room that a hint asks for: a table of 2^44 keys cannot be addressed,
# that of 2^61 counts as none where sizes wrap around, and the greatest number is the mark of a failed read.
_ROOM_CASES = (
    ((1 << 64) - 1, "resize-short"),
    (1 << 61, "resize-wrap"),
    (1 << 60, "resize-overflow"),
    (NO_SUCH_ROOM, "resize-room"),
    (1 << 32, "resize-much"),
)
# Bytes of an empty blob, by the types that are one blob: what is shorter lacks its header.
_HEADERS = {10: 11, 12: 11, 13: 11, 16: 7, 17: 7, 20: 7, 23: 7}


def find_faults(
    exam: RdbExam, walk: RdbWalk, opened: Callable[[], Source], size_bytes: int, *, deep: bool
) -> None:
    """Fill in the faults of a part that was walked.

    Args:
        walk: of the part, as a loader reads it.
        opened: gives what was walked, to be read from its start.
        deep: look into the values too, and for keys that come twice in one database.
    """
    if walk.family is None:
        return
    for issue in check_part(walk, size_bytes if exam.dump else None):
        if issue.code != "rdb-checksum":
            _add(exam, issue, None, _room_case(issue, walk))
    if deep:
        _look_into_records(exam, opened)
    exam.faults.sort(key=lambda fault: fault.offset)


def _room_case(issue: RdbIssue, walk: RdbWalk) -> str:
    """Return how loaders take what a hint asks for, empty for any other issue."""
    if issue.code not in ("resize-hint", "resize-room"):
        return ""
    asked = max(max(hint.keys, hint.expires) for hint in walk.resize_hints if hint.offset == issue.offset)
    case = next((case for least, case in _ROOM_CASES if asked >= least), "")
    return case if (issue.code == "resize-room") == (asked >= NO_SUCH_ROOM) else ""


def _add(exam: RdbExam, issue: RdbIssue, type_id: int | None, act: str = "") -> None:
    seen = exam.faults_seen.get((issue.code, type_id), 0) + 1
    exam.faults_seen[issue.code, type_id] = seen
    if seen <= _KEEP:
        exam.faults.append(RdbFault(issue.offset, issue.code, issue.message, type_id, act))
    else:
        exam.faults_omitted[issue.code] = exam.faults_omitted.get(issue.code, 0) + 1


def _look_into_records(exam: RdbExam, opened: Callable[[], Source]) -> None:
    keys = KeyCheck()
    for record in RecordReader(opened(), 0):
        exam.first_of_type.setdefault(record.type_id, record.start)
        for issue in verify(record):
            _add(exam, issue, record.type_id, _case(issue.code, record))
        key = _key(record)
        if key is not None:
            keys.add(record.db, key)
    if keys.suspects():
        for record in RecordReader(opened(), 0):
            if _key(record) is not None:
                keys.confirm(record)
        for issue in keys.issues:
            _add(exam, issue, None)


def _case(code: str, record: Record) -> str:
    """Return the case of an issue that some loaders look for, empty for the usual one."""
    raw = record.value_bytes()
    if code == "stream-length":
        # Redis 7.0 looks no further than whether there is a node.
        return "stream-no-nodes" if read_length(raw, 0)[0] == 0 else ""
    if code == "stream-order":
        return "stream-node-twice" if _node_twice(raw) else ""
    if code == "blob-short" and record.type_id in _HEADERS:
        return "blob-header" if len(open_blob(raw, 0).data) < _HEADERS[record.type_id] else ""
    return ""


def _node_twice(raw: bytes | memoryview) -> bool:
    count, at = read_length(raw, 0)
    keys: set[bytes] = set()
    for _ in range(count):
        key, at = read_string(raw, at)
        keys.add(key)
        _, size, _ = frame = string_frame(raw, at)
        at = frame[0] + size
    return len(keys) < count


def _key(record: Record) -> bytes | None:
    try:
        return record.key
    except EncodingDamage:
        # Told by `verify` already.
        return None

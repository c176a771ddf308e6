"""Check one record in depth: everything that can be wrong inside a value that the walk steps over.

What servers check (always, only when asked, or never) is known to `aoftool.check`; here every rule
counts. The structure of the record is taken as given: it came out of a walk.
"""

from __future__ import annotations

from aoftool.rdb.blobs import lzf
from aoftool.rdb.damage import EncodingDamage, RdbIssue, damage
from aoftool.rdb.decode.strings import string_frame
from aoftool.rdb.records.record import Record
from aoftool.rdb.verify.collections import check_hash, check_list, check_set, check_zset
from aoftool.rdb.verify.issues import IssueList
from aoftool.rdb.verify.stream import check_stream

__all__ = ["verify"]

# Types whose values are stepped over and copied, but whose contents have no rules known here.
_OPAQUE = frozenset({"module", "path-hash"})
_STRING = 0


def verify(record: Record) -> list[RdbIssue]:
    """Return what is wrong with a record, at most 20 issues; an empty list for a sound one.

    Offsets are absolute; for damage inside a packed string they are those of the string.

    Raises:
        SourceError: the bytes were not kept and cannot be read again.
    """
    issues = IssueList(record.value_start)
    try:
        # Reading the key unpacks it; nothing else can be wrong with one.
        _ = record.key
    except EncodingDamage as found:
        issues.found.append(found.issue())
    try:
        _check_value(record, issues)
    except EncodingDamage as found:
        issues.add_damage(found)
    return issues.found


def _check_value(record: Record, issues: IssueList) -> None:
    if record.type_id == _STRING and _is_plain(record.value_bytes()):
        return
    kind = record.type_name
    if kind in _OPAQUE:
        return
    raw = record.value_bytes()
    if kind == "string":
        _check_string(raw)
    elif kind == "hash":
        check_hash(record, raw, issues)
    elif kind == "list":
        check_list(record.type_id, raw, issues)
    elif kind == "set":
        check_set(record.type_id, raw, issues)
    elif kind == "zset":
        check_zset(record.type_id, raw, issues)
    elif kind == "stream":
        check_stream(record.type_id, raw, issues)
    else:
        record.value()


def _is_plain(raw: bytes | memoryview) -> bool:
    """Tell whether a string is bytes below 16 KiB, or an integer: the walk has seen all there is to it."""
    return len(raw) > 0 and (raw[0] < 0x80 or 0xC0 <= raw[0] <= 0xC2)


def _check_string(raw: bytes | memoryview) -> None:
    """Look at a packed string without unpacking it: it may stand for 88 times its size."""
    start, size, unpacked = string_frame(raw, 0)
    if unpacked >= 0:
        try:
            lzf.check(raw[start : start + size], unpacked)
        except EncodingDamage:
            raise damage("lzf-invalid", 0) from None

"""Check lists, sets, sorted sets and hashes: blobs, order, duplicates, scores, expire times."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.rdb.blobs import intset, listpack, ziplist, zipmap
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.decode.list import NODE_PLAIN
from aoftool.rdb.decode.strings import read_length, read_strings
from aoftool.rdb.decode.zset import decode_zset, parse_score
from aoftool.rdb.opcodes import Family
from aoftool.rdb.records.record import Record
from aoftool.rdb.verify.issues import Blob, IssueList, open_blob
from aoftool.values import HashValue

__all__ = ["check_hash", "check_list", "check_set", "check_zset"]

# Entries a packed list node can hold: its count in memory has 16 bits; measured on all servers.
_NODE_ENTRIES = 65535
# Field expire times have 48 bits in Redis. Source: Redis 8.0 src/ebuckets.h EB_EXPIRE_TIME_MAX.
_FIELD_TTL_END = 1 << 48


def _entries(blob: Blob, is_ziplist: bool, issues: IssueList) -> list[bytes]:
    """Check a ziplist or listpack and return its entries, none when they cannot be read."""
    check, decode = (ziplist.check, ziplist.decode) if is_ziplist else (listpack.check, listpack.decode)
    try:
        issues.add_blob(blob, check(blob.data))
        return decode(blob.data)
    except EncodingDamage as found:
        issues.add(found.code, blob.place(found.offset or 0))
        return []


def _duplicates(elements: Sequence[bytes], at: int, issues: IssueList) -> None:
    if len(set(elements)) != len(elements):
        issues.add("duplicate-element", at)


def _empty(count: int, at: int, issues: IssueList) -> None:
    # An unreadable blob was reported already, and may have held something.
    if not count and not issues.found:
        issues.add("value-empty", at)


def check_list(type_id: int, raw: bytes | memoryview, issues: IssueList) -> None:
    """Check a list of any type."""
    if type_id == 10:
        _empty(len(_entries(open_blob(raw, 0), True, issues)), 0, issues)
        return
    count, at = read_length(raw, 0)
    if type_id == 1:
        read_strings(raw, at, count)
        _empty(count, 0, issues)
        return
    total = 0
    for _ in range(count):
        start = at
        container = 0
        if type_id == 18:
            container, at = read_length(raw, at)
        blob = open_blob(raw, at)
        at = blob.after
        if container == NODE_PLAIN:
            total += 1
            if not blob.data:
                issues.add("value-empty", start, "a plain list node of no bytes")
            continue
        entries = len(_entries(blob, type_id == 14, issues))
        total += entries
        if entries > _NODE_ENTRIES:
            issues.add("list-node", start)
    _empty(total, 0, issues)


def check_set(type_id: int, raw: bytes | memoryview, issues: IssueList) -> None:
    """Check a set of any type."""
    if type_id == 2:
        count, at = read_length(raw, 0)
        members, _ = read_strings(raw, at, count)
        _duplicates(members, 0, issues)
        _empty(count, 0, issues)
        return
    blob = open_blob(raw, 0)
    if type_id == 11:
        try:
            issues.add_blob(blob, intset.check(blob.data))
        except EncodingDamage as found:
            issues.add(found.code, blob.place(found.offset or 0))
        return
    members = _entries(blob, False, issues)
    _duplicates(members, 0, issues)
    _empty(len(members), 0, issues)


def check_zset(type_id: int, raw: bytes | memoryview, issues: IssueList) -> None:
    """Check a sorted set of any type."""
    if type_id in (3, 5):
        count, _ = read_length(raw, 0)
        value = decode_zset(type_id, raw)
        if len(value) != count:
            issues.add("duplicate-element", 0)
        if any(score != score for score in value.values()):
            issues.add("score-nan", 0)
        _empty(count, 0, issues)
        return
    entries = _entries(open_blob(raw, 0), type_id == 12, issues)
    if len(entries) % 2:
        issues.add("hash-odd", 0)
        return
    members = entries[::2]
    _duplicates(members, 0, issues)
    _check_scores(members, entries[1::2], issues)
    _empty(len(members), 0, issues)


def _check_scores(members: list[bytes], texts: list[bytes], issues: IssueList) -> None:
    before: tuple[float, bytes] | None = None
    for member, text in zip(members, texts, strict=True):
        score = parse_score(text)
        if score is None:
            issues.add("score-text", 0)
            return
        if score != score:
            issues.add("score-nan", 0)
            return
        here = (score, member)
        if before is not None and here < before:
            issues.add("zset-order", 0)
            return
        before = here


def check_hash(record: Record, raw: bytes | memoryview, issues: IssueList) -> None:
    """Check a hash of any type."""
    type_id = record.type_id
    if type_id in (9, 13, 16):
        _check_pairs(type_id, raw, issues)
        return
    redis = record.family is Family.REDIS
    if redis and type_id in (23, 25):
        _check_triples(open_blob(raw, 8 if type_id == 25 else 0), issues)
        return
    value = record.value()
    assert isinstance(value, HashValue)
    # Counted by the walk without looking at the names: fewer fields mean that some came twice.
    if record.elements is not None and len(value) < record.elements:
        issues.add("duplicate-element", 0)
    high = _FIELD_TTL_END if redis else 1 << 63
    if any(not 0 <= time < high for time in value.expires.values()):
        issues.add("hash-ttl", 0)
    if redis and type_id == 24 and raw[7] & 0x80:
        issues.add("hash-ttl", 0, "the smallest expire time of a hash is negative")
    _empty(len(value), 0, issues)


def _check_pairs(type_id: int, raw: bytes | memoryview, issues: IssueList) -> None:
    blob = open_blob(raw, 0)
    if type_id == 9:
        try:
            issues.add_blob(blob, zipmap.check(blob.data))
            fields = [field for field, _ in zipmap.decode(blob.data)]
        except EncodingDamage as found:
            issues.add(found.code, blob.place(found.offset or 0))
            return
    else:
        entries = _entries(blob, type_id == 13, issues)
        if len(entries) % 2:
            issues.add("hash-odd", 0)
        fields = entries[::2]
    _duplicates(fields, 0, issues)
    _empty(len(fields), 0, issues)


def _check_triples(blob: Blob, issues: IssueList) -> None:
    entries = _entries(blob, False, issues)
    if not entries or len(entries) % 3:
        issues.add("hash-odd" if entries else "value-empty", 0)
        return
    _duplicates(entries[::3], 0, issues)
    stored = listpack.decode_items(blob.data)[2::3]
    times = [time for time in stored if isinstance(time, int) and time >= 0]
    if len(times) != len(stored):
        issues.add("hash-ttl", 0)
        return
    # Fields without expire time stand last.
    order = [time or _FIELD_TTL_END for time in times]
    if order != sorted(order):
        issues.add("hash-ttl-order", 0)

"""Turns what the construct grammar parsed into values: the second reader that the fast one must equal.

Shares no code with `aoftool.rdb.records.reader`: only the value containers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from aoftool.rdb.grammar.file import parse_file, parse_header
from aoftool.values import (
    Consumer,
    ConsumerGroup,
    HashValue,
    ListValue,
    PendingEntry,
    SetValue,
    StreamId,
    StreamIdmp,
    StreamValue,
    ZSetValue,
)

_UNKNOWN_READ = 2**64 - 1


class GrammarRecord(NamedTuple):
    """A key as the grammar reads it; `value` is None for types without a container (array)."""

    db: int
    key: bytes
    type_id: int
    expire_at_ms: int | None
    value: Any
    start: int
    end: int


def text(entry: Any) -> bytes:
    """Return the text of a listpack or ziplist entry."""
    return bytes(entry) if isinstance(entry, bytes) else b"%d" % entry


def grammar_records(data: bytes) -> Iterator[GrammarRecord]:
    """Yield every key of an RDB in memory; `start` is that of its first prefix opcode."""
    family, _ = parse_header(data)
    db = 0
    expire: int | None = None
    first: int | None = None
    templates: dict[int, list[bytes]] = {}
    for start, end, item in parse_file(data):
        code, body = item.opcode, item.data
        if code == 0xFE:
            db = body.db
        elif code == 0xFC:
            expire = body.time_ms
        elif code == 0xFD:
            expire = body.time_s * 1000
        elif code == 0xF2:
            templates[body.template] = [bytes(name) for name in body.names]
        if code in (0xFC, 0xFD, 0xF8, 0xF9) or (code == 0xF3 and family == "redis"):
            first = start if first is None else first
        elif code >= 0xF0:
            # Something else between a time and its key: the record's span starts anew.
            first = None
        if code < 0xF0:
            begin = start if first is None else first
            value = to_value(code, body.value, family, templates)
            yield GrammarRecord(db, bytes(body.key), code, expire, value, begin, end)
            expire, first = None, None


def to_value(type_id: int, parsed: Any, family: str, templates: dict[int, list[bytes]] | None = None) -> Any:
    """Return the value container of a parsed value."""
    if type_id == 0:
        return bytes(parsed)
    if type_id in (1, 10):
        return ListValue(map(text, parsed))
    if type_id in (14, 18):
        nodes = parsed if type_id == 14 else [node.entries for node in parsed]
        return ListValue(text(entry) for node in nodes for entry in node)
    if type_id in (2, 11, 20):
        return SetValue.fromkeys(map(text, parsed))
    if type_id in (3, 5):
        return ZSetValue((bytes(pair.member), pair.score) for pair in parsed)
    if type_id in (12, 17):
        return ZSetValue((text(m), float(text(s))) for m, s in zip(parsed[::2], parsed[1::2], strict=True))
    if type_id in (15, 19, 21, 26, 27):
        return _stream(parsed, type_id)
    if type_id in (6, 7, 28):
        return None
    return _hash(type_id, parsed, family, templates or {})


def _hash(type_id: int, parsed: Any, family: str, templates: dict[int, list[bytes]]) -> HashValue:
    if type_id in (13, 16):
        return HashValue((text(f), text(v)) for f, v in zip(parsed[::2], parsed[1::2], strict=True))
    if type_id in (4, 9):
        return HashValue((bytes(pair.field), bytes(pair.value)) for pair in parsed)
    if type_id in (29, 31):
        values = list(map(text, parsed["values"][1:] if type_id == 29 else parsed["values"]))
        return HashValue(zip(map(text, parsed.names.names), values, strict=True))
    if type_id == 30:
        return HashValue(zip(templates[parsed[0]], map(text, parsed[1:]), strict=True))
    if type_id == 32:
        return HashValue(zip(templates[parsed.template], map(text, parsed["values"]), strict=True))
    if type_id == 23 and family == "valkey":
        raise NotImplementedError("no container holds a hash by paths")
    return _expiring(type_id, parsed, family)


def _expiring(type_id: int, parsed: Any, family: str) -> HashValue:
    out = HashValue()
    if type_id == 25 or (type_id == 23 and family == "redis"):
        items = parsed["items"] if type_id == 25 else parsed
        rows = [(text(f), text(v), int(t)) for f, v, t in zip(*[iter(items)] * 3, strict=True)]
    else:
        rows = [(bytes(pair.field), bytes(pair.value), pair.expire or 0) for pair in parsed]
    for name, value, expire in rows:
        out[name] = value
        if expire:
            out.expires[name] = expire
    return out


def _stream(parsed: Any, type_id: int) -> StreamValue:
    out = StreamValue(last_id=StreamId(parsed.last.ms, parsed.last.seq))
    for node in parsed.nodes:
        names = [text(name) for name in node.listpack.master.fields]
        for entry in node.listpack.entries:
            if entry.flags & 1:
                continue
            ms = (node.id.ms + entry.ms) % 2**64
            seq = (node.id.seq + entry.seq) % 2**64
            if entry.flags & 2:
                pairs = tuple(zip(names, map(text, entry.data), strict=True))
            else:
                pairs = tuple((text(pair.field), text(pair.value)) for pair in entry.data)
            out.entries[StreamId(ms, seq)] = pairs
    if type_id >= 19:
        out.max_deleted_id = StreamId(parsed.max_deleted.ms, parsed.max_deleted.seq)
        out.entries_added = parsed.entries_added
        out.first_id = StreamId(parsed.first.ms, parsed.first.seq)
    else:
        out.entries_added = parsed.length
    for group in parsed.groups:
        out.groups[bytes(group.name)] = _group(group, type_id)
    if type_id >= 26:
        idmp = StreamIdmp(parsed.idmp_duration, parsed.idmp_max_entries)
        for row in parsed.producers:
            held = {bytes(item.item): StreamId(item.id.ms, item.id.seq) for item in row["items"]}
            idmp.producers[bytes(row.producer)] = held
        idmp.iids_added, idmp.iids_duplicates = parsed.iids_added, parsed.iids_duplicates
        out.idmp = None if idmp.is_plain() else idmp
    return out


def _group(parsed: Any, type_id: int) -> ConsumerGroup:
    read = parsed.entries_read if type_id >= 19 else _UNKNOWN_READ
    group = ConsumerGroup(StreamId(parsed.last.ms, parsed.last.seq), None if read == _UNKNOWN_READ else read)
    owners = {}
    for consumer in parsed.consumers:
        active = consumer.active if type_id >= 21 else None
        group.consumers[bytes(consumer.name)] = Consumer(consumer.seen, active)
        for pending in consumer.pending:
            owners[StreamId(pending.ms, pending.seq)] = bytes(consumer.name)
    for row in parsed.pel:
        entry_id = StreamId(row.id.ms, row.id.seq)
        owner = owners.get(entry_id, b"")
        group.pel[entry_id] = PendingEntry(owner, row.delivered, row.deliveries)
    return group

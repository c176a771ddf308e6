"""Explain a byte of an RDB part: find the record or opcode it lies in, then read that by the grammar.

The fast reader finds the place; only the part around the wanted byte is given to the grammar, and at
most `WINDOW_BYTES` of it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from construct import Construct, ConstructError, StreamError, Struct

from aoftool.escape import excerpt_key
from aoftool.explain.model import Explanation
from aoftool.files import Source
from aoftool.rdb.grammar.file import CHECKSUM, HEADER, item_grammar
from aoftool.rdb.grammar.span import Span
from aoftool.rdb.grammar.trace import Trace
from aoftool.rdb.header import HEADER_BYTES
from aoftool.rdb.records.reader import RecordReader
from aoftool.rdb.records.record import Record
from aoftool.rdb.walk.checksum import CHECKSUM_BYTES, CHECKSUM_SINCE, ChecksumState
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.units import format_bytes, format_time_ms

__all__ = ["WINDOW_BYTES", "explain_in_rdb", "find_rdb_key"]

WINDOW_BYTES = 64 << 20
"""Most bytes of one record that are read to explain a byte in it."""

_EOF = 0xFF
# Greatest type number that means the same to Redis and Valkey.
_LAST_COMMON = 21

Templates = Mapping[int, tuple[bytes, ...]]


def find_rdb_key(source: Source, key: bytes, db: int | None = None) -> tuple[int | None, RdbWalk]:
    """Return the offset of the first record of a key, None when there is none, and the walk.

    The part is walked to its end in any case: what follows it starts there.
    """
    reader = RecordReader(source)
    found: int | None = None
    for record in reader:
        if found is None and record.key == key and db in (None, record.db):
            found = record.type_offset
    return found, reader.summary


def explain_in_rdb(source: Source, offset: int) -> Explanation | None:
    """Explain a byte of the RDB part that a plain file starts with; None when the byte lies behind it."""
    reader = RecordReader(source)
    if reader.summary.family is None:
        return _no_header(source, offset, reader.summary)
    # The end of the record before, and the wanted record, if it lies in one.
    before = HEADER_BYTES
    for record in reader:
        if offset < record.end:
            if offset >= record.start:
                return _record(source, record, offset, reader.templates)
            return _between(source, before, record.start, offset, reader.summary)
        before = record.end
    summary = reader.summary
    checksum_bytes = CHECKSUM_BYTES if summary.version >= CHECKSUM_SINCE else 0
    if summary.stop is not None and summary.checksum.state is ChecksumState.UNREAD:
        size = source.size_bytes or 0
        return _between(source, before, size, offset, summary) if offset < size else None
    end = summary.good_end if summary.end_offset is None else summary.end_offset
    if offset >= end:
        return None
    if offset >= end - checksum_bytes:
        return _checksum(source, end - CHECKSUM_BYTES, offset, summary)
    return _between(source, before, end - checksum_bytes, offset, summary)


def _facts(summary: RdbWalk) -> list[tuple[str, str]]:
    family = summary.family.value.capitalize() if summary.family else "unknown"
    return [("format", f"{family}, RDB version {summary.version}")]


def _record(source: Source, record: Record, offset: int, templates: Templates) -> Explanation:
    out = Explanation(source.name, offset, "RDB record")
    family = record.family.value
    number = f"type {record.type_id}" + (
        f" of {family.capitalize()}" if record.type_id > _LAST_COMMON else ""
    )
    out.facts += [
        ("database", str(record.db)),
        ("key", excerpt_key(record.key)),
        ("type", f"{record.type_name}, {record.encoding} ({number})"),
    ]
    if record.expire_at_ms is not None:
        out.facts.append(("expires", format_time_ms(record.expire_at_ms)))
    if record.elements is not None:
        out.facts.append(("elements", str(record.elements)))
    out.facts.append(("record", f"offset {record.start} to {record.end}, {format_bytes(record.size_bytes)}"))
    window = source.read_at(record.start, min(record.size_bytes, WINDOW_BYTES))
    out.spans, out.problem = _parse_items(window, record.start, offset, family, templates)
    if record.size_bytes > WINDOW_BYTES and out.problem:
        out.problem = f"only the first {format_bytes(WINDOW_BYTES)} of the record were looked at"
    return out


def _between(source: Source, start: int, stop: int, offset: int, summary: RdbWalk) -> Explanation:
    """Explain a byte in what stands before, between or behind records."""
    if offset < HEADER_BYTES:
        return _header(source, offset, summary)
    assert summary.family is not None
    out = Explanation(source.name, offset, "RDB opcode", _facts(summary))
    window = source.read_at(start, min(stop - start, WINDOW_BYTES))
    spans, out.problem = _parse_items(window, start, offset, summary.family.value, {}, one=True)
    out.spans = spans
    if out.problem and not any(span.hit for span in spans):
        out.part = "behind damage"
        out.spans = [*spans, _raw(source, offset)]
    if summary.stop is not None and out.problem:
        out.problem = f"{summary.stop.message} (offset {summary.stop.offset})"
    return out


def _raw(source: Source, offset: int) -> Span:
    """Return the bytes around an offset that nothing is known of."""
    start = max(offset // 16 * 16 - 16, 0)
    raw = source.read_at(start, 64)
    return Span("bytes", start, start + len(raw), "not read", raw, start, hit=True, wanted=offset)


def _no_header(source: Source, offset: int, summary: RdbWalk) -> Explanation:
    """Say what is wrong with a header that nothing can be read behind."""
    problem = summary.stop.message if summary.stop else ""
    return Explanation(source.name, offset, "RDB header", spans=[_raw(source, offset)], problem=problem)


def _header(source: Source, offset: int, summary: RdbWalk) -> Explanation:
    out = Explanation(source.name, offset, "RDB header", _facts(summary))
    out.spans, out.problem = _parse_one(HEADER, source.read_at(0, HEADER_BYTES), 0, offset)
    return out


def _checksum(source: Source, start: int, offset: int, summary: RdbWalk) -> Explanation:
    out = Explanation(source.name, offset, "RDB checksum", _facts(summary))
    out.spans, out.problem = _parse_one(
        Struct(CHECKSUM), source.read_at(start, CHECKSUM_BYTES), start, offset
    )
    out.facts.append(("checksum", _verdict(summary)))
    return out


def _verdict(summary: RdbWalk) -> str:
    state, computed = summary.checksum.state, summary.checksum.computed
    if state is ChecksumState.WRONG and computed is not None:
        return f"wrong: the bytes before it give {computed:016x}"
    if state is ChecksumState.DISABLED:
        return "0: the writer had checksums off"
    return "agrees with the bytes before it"


def _parse_one(grammar: Construct, data: bytes, base: int, offset: int) -> tuple[list[Span], str]:
    trace = Trace(data, base, offset)
    try:
        grammar.parse_stream(io.BytesIO(data), trace=trace)
    except ConstructError as error:
        return trace.root.children, _reason(error)
    return trace.root.children, ""


def _parse_items(
    data: bytes,
    base: int,
    offset: int,
    family: str,
    templates: Templates,
    *,
    one: bool = False,
) -> tuple[list[Span], str]:
    """Read items up to the one that holds the byte, or to the end of the data.

    Args:
        one: only the item that holds the byte is wanted.
    """
    stream = io.BytesIO(data)
    grammar = item_grammar(family)
    trace = Trace(data, base, offset)
    while stream.tell() < len(data):
        if one:
            trace.root.children.clear()
        try:
            item = grammar.parse_stream(stream, trace=trace, templates=templates)
        except ConstructError as error:
            return trace.root.children, _reason(error)
        if item.opcode == _EOF or (one and base + stream.tell() > offset):
            break
    return trace.root.children, ""


def _reason(error: ConstructError) -> str:
    if isinstance(error, StreamError):
        return "the bytes end before the part does"
    return str(error).strip().splitlines()[-1].strip()

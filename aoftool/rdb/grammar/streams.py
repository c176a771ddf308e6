"""The grammar of stream values, in their five layouts.

A node is a listpack whose entries are read one by one here, so that every number in it has a name.
"""

from __future__ import annotations

import io
from typing import Any

from construct import Construct, ExprAdapter, Int64sl, Int64ub, Struct, this

from aoftool.rdb.grammar.blobs import LISTPACK_END, LISTPACK_ENTRY, LISTPACK_HEADER, more_entries
from aoftool.rdb.grammar.parts import Elements, Part, part, refuse
from aoftool.rdb.grammar.strings import (
    LENGTH,
    STEP_LENGTH,
    STEP_STRING,
    STRING,
    Blob,
    run,
    show_time,
)

__all__ = ["stream"]

_RAW_ID = Struct("ms" / Int64ub, "seq" / Int64ub)
_LENGTH_ID = Struct("ms" / LENGTH, "seq" / LENGTH)


def _show_id(value: Any) -> str:
    return f"{value.ms}-{value.seq}"


def _id(name: str, subcon: Construct = _LENGTH_ID, label: str = "") -> Construct:
    return part(name, subcon, label, show=_show_id)


_SAME_FIELDS = 2


def _number(value: Any, context: Any) -> int:
    if not isinstance(value, int):
        raise refuse("an integer must stand here, not text")
    return value


_INTEGER = ExprAdapter(LISTPACK_ENTRY, _number, None)
"""A listpack entry that counts or measures; no writer stores it as text."""


class _EntryBody(Construct):
    """What follows flags and ID of a stream entry: values alone, or fields and values."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        if context.flags & _SAME_FIELDS:
            body = Elements(context._.master.size, LISTPACK_ENTRY, "value")
        else:
            size = _PAIRS._parsereport(stream, context, path)
            body = Elements(size, _LISTPACK_PAIR, "pair")
        return body._parsereport(stream, context, path)


_PAIRS = Part("number of pairs", _INTEGER)
_LISTPACK_PAIR = Struct(part("field", LISTPACK_ENTRY), part("value", LISTPACK_ENTRY))


def _show_flags(flags: Any) -> str:
    names = [name for bit, name in ((1, "deleted"), (2, "same fields")) if flags & bit]
    return f"{flags} ({', '.join(names) or 'none'})"


_MASTER = Struct(
    part("live", _INTEGER, "live entries"),
    part("deleted", _INTEGER, "deleted entries"),
    part("size", _INTEGER, "number of master fields"),
    "fields" / Elements(this.size, LISTPACK_ENTRY, "master field"),
    part("zero", LISTPACK_ENTRY, "master entry ends"),
)
_STREAM_ENTRY = Struct(
    part("flags", _INTEGER, show=_show_flags),
    part("ms", _INTEGER, "milliseconds after the node's ID"),
    part("seq", _INTEGER, "sequence after the node's ID"),
    "data" / _EntryBody(),
    part("steps", _INTEGER, "listpack entries of this stream entry"),
)
_STREAM_LISTPACK = Struct(
    "header" / LISTPACK_HEADER,
    "master" / Part("master entry", _MASTER),
    "entries" / Elements(None, _STREAM_ENTRY, "stream entry", more=more_entries),
    LISTPACK_END,
)


def _node_id(text: Any, context: Any) -> Any:
    if len(text) != 16:
        raise refuse("the key of a stream node is not the size of a stream ID")
    return _RAW_ID.parse(text)


_STREAM_NODE = Struct(
    part("id", ExprAdapter(STRING, _node_id, None), "node ID", show=_show_id),
    "listpack" / Blob(_STREAM_LISTPACK, "listpack"),
)


def _consumer(version: int) -> Construct:
    active = [part("active", Int64sl, "active time", show=show_time)] if version >= 3 else []
    return Struct(
        part("name", STRING, "consumer name"),
        part("seen", Int64sl, "seen time", show=show_time),
        *active,
        "pending" / run("pending ID", _Shown(_RAW_ID), "pending entries of the consumer", (16,)),
    )


class _Shown(Part):
    """A raw stream ID whose text goes to the element that holds it."""

    def __init__(self, subcon: Construct) -> None:
        super().__init__("ID", subcon, _show_id)


_PENDING = Struct(
    _id("id", _RAW_ID, "pending ID"),
    part("delivered", Int64sl, "delivery time", show=show_time),
    part("deliveries", LENGTH, "delivery count"),
)


def _entries_read(value: int) -> str:
    return "unknown" if value == 2**64 - 1 else str(value)


def _group(version: int) -> Construct:
    read = [part("entries_read", LENGTH, show=_entries_read)] if version >= 2 else []
    nacked = [part("nacked", run("ID", _Shown(_RAW_ID), "nacked entries"))] if version >= 5 else []
    return Struct(
        part("name", STRING, "group name"),
        _id("last", label="last delivered ID"),
        *read,
        "pel" / run("pending entry", _PENDING, "pending entries", (16, 8, STEP_LENGTH)),
        "consumers" / run("consumer", _consumer(version), "consumers"),
        *nacked,
    )


_PRODUCER = Struct(
    part("producer", STRING),
    "items" / run("item", Struct(part("item", STRING), _id("id")), "items"),
)


def stream(version: int) -> Construct:
    """The stream layouts: v2 adds counters, v3 active times, v4 IDMP, v5 the nacked zone.

    Source: Redis 8.0 src/rdb.c rdbLoadObject for v1 to v3; v4 and v5 as two parsers agree on them.
    """
    counters = [
        _id("first", label="first ID"),
        _id("max_deleted", label="greatest deleted ID"),
        part("entries_added", LENGTH),
    ]
    idmp = [
        part("idmp_duration", LENGTH, "IDMP duration (s)"),
        part("idmp_max_entries", LENGTH, "IDMP entries at most"),
        "producers" / run("producer", _PRODUCER, "producers"),
        part("iids_added", LENGTH),
        part("iids_duplicates", LENGTH),
    ]
    return Struct(
        "nodes" / run("node", _STREAM_NODE, "nodes", (STEP_STRING, STEP_STRING)),
        part("length", LENGTH, "live entries"),
        _id("last", label="last ID"),
        *(counters if version >= 2 else []),
        "groups" / run("group", _group(version), "groups"),
        *(idmp if version >= 4 else []),
    )

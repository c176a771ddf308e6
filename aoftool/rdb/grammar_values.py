"""The grammar of every value type, by type number and magic family; streams and modules included.

Numbers up to 21 mean the same to Redis and Valkey. From 22 on they differ, and only the magic of the
file tells which is meant.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from construct import (
    Byte,
    Bytes,
    Computed,
    Construct,
    ExprAdapter,
    Float32l,
    Float64l,
    FocusedSeq,
    IfThenElse,
    Int64sl,
    Int64ub,
    Struct,
    Switch,
    this,
)

from aoftool.rdb.grammar_blobs import (
    INTSET,
    LISTPACK_END,
    LISTPACK_ENTRY,
    LISTPACK_HEADER,
    ZIPMAP,
    listpack,
    ziplist,
)
from aoftool.rdb.grammar_parts import LENGTH, STRING, Blob, Elements, Part, Step, part, refuse
from aoftool.rdb.strings import read_length, skip_string
from aoftool.units import format_time_ms

__all__ = ["COMMON_VALUES", "MODULE_ITEMS", "REDIS_VALUES", "VALKEY_VALUES", "module_name", "show_time"]


def show_time(time_ms: int) -> str:
    """Return a time as a number and as UTC text; values that stand for no time say so."""
    if time_ms in (-1, 0):
        return f"{time_ms} (none)"
    return f"{time_ms} ({format_time_ms(time_ms)})"


def _count(label: str) -> Construct:
    return part("count", LENGTH, label)


def _run(label: str, element: Construct, what: str, steps: Sequence[Step | int] = ()) -> Construct:
    """A count and that many elements; `steps` tells how to step over one."""
    return FocusedSeq("items", _count(what), "items" / Elements(this.count, element, label, steps=steps))


def _step_length(buffer: bytes, position: int) -> int:
    return read_length(buffer, position)[1]


_S, _L = skip_string, _step_length


# --- plain aggregates -------------------------------------------------------------------------


def _text_double() -> Construct:
    """A score as text behind a length byte; three lengths stand for values without text."""

    def parse(value: Any, context: Any) -> float:
        try:
            return float(value)
        except ValueError:
            raise refuse("the text of a score is no number") from None

    special = {253: Computed(float("nan")), 254: Computed(float("inf")), 255: Computed(float("-inf"))}
    text = ExprAdapter(Bytes(this.length), parse, lambda value, context: value)
    return FocusedSeq("score", "length" / Byte, "score" / Switch(this.length, special, default=text))


_PAIR = Struct(part("field", STRING), part("value", STRING))
_LIST = _run("element", STRING, "elements", (_S,))
_SET = _run("member", STRING, "members", (_S,))
_HASH = _run("pair", _PAIR, "pairs", (_S, _S))
_ZSET_TEXT = _run("pair", Struct(part("member", STRING), part("score", _text_double())), "members")
_ZSET = _run("pair", Struct(part("member", STRING), part("score", Float64l)), "members", (_S, 8))

# --- lists of nodes ---------------------------------------------------------------------------

_CONTAINERS = {1: "plain", 2: "packed"}


def _bad_container(context: Any) -> None:
    raise refuse(f"a list node cannot be of container {context.container}")


_NODE = Struct(
    part("container", LENGTH, show=lambda kind: f"{kind} ({_CONTAINERS.get(kind, 'unknown')})"),
    "entries"
    / Switch(
        this.container,
        {
            1: ExprAdapter(Part("element", STRING), lambda text, context: [text], None),
            2: Blob(listpack("element"), "listpack"),
        },
        default=Computed(_bad_container),
    ),
)
_QUICKLIST_ZIPLISTS = _run("node", Blob(ziplist("element"), "ziplist"), "nodes", (_S,))
_QUICKLIST = _run("node", _NODE, "nodes", (_L, _S))

# --- hashes with field expire times -----------------------------------------------------------

_TIME = Int64sl


def _field_time(label: str, subcon: Construct, at: Callable[[int, Any], int | None]) -> Construct:
    """An expire time of a field: stored number in, Unix milliseconds or None out."""
    return part(
        "expire",
        ExprAdapter(subcon, lambda stored, context: at(stored, context), None),
        label,
        show=lambda time: "none" if time is None else show_time(time),
    )


_VALKEY_HASH = _run(
    "pair",
    Struct(
        part("field", STRING),
        part("value", STRING),
        _field_time("field expire time", _TIME, lambda at, context: None if at == -1 else at),
    ),
    "pairs",
    (_S, _S, 8),
)
_REDIS_RC_HASH = _run(
    "pair",
    Struct(
        _field_time("field expire time", LENGTH, lambda at, context: at or None),
        part("field", STRING),
        part("value", STRING),
    ),
    "pairs",
)
_REDIS_HASH = FocusedSeq(
    "items",
    part("least", Int64sl, "least expire time", show=show_time),
    _count("pairs"),
    "items"
    / Elements(
        this.count,
        Struct(
            # Stored as the difference to the least time, plus one, so that 0 can say "none".
            _field_time(
                "field expire time", LENGTH, lambda gap, context: context._.least + gap - 1 if gap else None
            ),
            part("field", STRING),
            part("value", STRING),
        ),
        "pair",
        steps=(_L, _S, _S),
    ),
)
_TRIPLES = Blob(listpack("field", "value", "field expire time"), "listpack")
_REDIS_LISTPACK_HASH = Struct(
    part("least", Int64sl, "least expire time (a hint)", show=show_time), "items" / _TRIPLES
)
_PATH_HASH = _run("path", Struct(part("path", STRING), "items" / _HASH), "paths")

# --- later Redis types ------------------------------------------------------------------------

_ARRAY_DATA = Switch(this.tag, {0: STRING, 1: Int64sl, 2: Float64l, 3: STRING})
_ARRAY = FocusedSeq(
    "items",
    _count("elements"),
    part("flag", LENGTH, "insert index follows"),
    "insert" / IfThenElse(this.flag == 1, part("insert_index", LENGTH), Computed(None)),
    "items"
    / Elements(
        this.count,
        Struct(part("index", LENGTH), part("tag", LENGTH), "data" / Part("data", _ARRAY_DATA)),
        "element",
    ),
)
_NAMES = Struct(
    part("form", LENGTH, "form of the field names", show=lambda n: f"{n} ({'raw' if n else 'listpack'})"),
    "names"
    / IfThenElse(
        this.form == 0, Blob(listpack("field name"), "listpack"), _run("field name", STRING, "field names")
    ),
)
_TEMPLATE_LISTPACK = Blob(listpack("value"), "listpack, template id first")


class _TemplateValues(Construct):  # type: ignore[misc]
    """As many strings as the template has names; a template by id is known to the file only."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        templates = context._params.get("templates") or {}
        if context.template not in templates:
            raise refuse(f"hash template {context.template} was not defined before")
        element = Elements(len(templates[context.template]), STRING, "value")
        return element._parsereport(stream, context, path)


class _NamedValues(Construct):  # type: ignore[misc]
    """As many strings as names were read before."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        return Elements(len(context.names.names), STRING, "value")._parsereport(stream, context, path)


_TEMPLATE_OWN_LISTPACK = Struct("names" / _NAMES, "values" / _TEMPLATE_LISTPACK)
_TEMPLATE_OWN_ARRAY = Struct("names" / _NAMES, "values" / _NamedValues())
_TEMPLATE_ID_ARRAY = Struct(part("template", LENGTH, "template id"), "values" / _TemplateValues())

# --- streams ----------------------------------------------------------------------------------

_RAW_ID = Struct("ms" / Int64ub, "seq" / Int64ub)
_LENGTH_ID = Struct("ms" / LENGTH, "seq" / LENGTH)


def _show_id(value: Any) -> str:
    return f"{value.ms}-{value.seq}"


def _id(name: str, subcon: Construct = _LENGTH_ID, label: str = "") -> Construct:
    return part(name, subcon, label, show=_show_id)


_SAME_FIELDS = 2


class _EntryBody(Construct):  # type: ignore[misc]
    """What follows flags and ID of a stream entry: values alone, or fields and values."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        if context.flags & _SAME_FIELDS:
            body = Elements(context._.master.size, LISTPACK_ENTRY, "value")
        else:
            size = _PAIRS._parsereport(stream, context, path)
            body = Elements(size, _LISTPACK_PAIR, "pair")
        return body._parsereport(stream, context, path)


_PAIRS = Part("number of pairs", LISTPACK_ENTRY)
_LISTPACK_PAIR = Struct(part("field", LISTPACK_ENTRY), part("value", LISTPACK_ENTRY))


def _show_flags(flags: Any) -> str:
    if not isinstance(flags, int):
        return str(flags)
    names = [name for bit, name in ((1, "deleted"), (2, "same fields")) if flags & bit]
    return f"{flags} ({', '.join(names) or 'none'})"


def _entry_more(stream: io.BytesIO) -> bool:
    at = stream.tell()
    head = stream.read(1)
    stream.seek(at)
    if not head:
        raise refuse("the end byte ff is missing")
    return head != b"\xff"


_MASTER = Struct(
    part("live", LISTPACK_ENTRY, "live entries"),
    part("deleted", LISTPACK_ENTRY, "deleted entries"),
    part("size", LISTPACK_ENTRY, "number of master fields"),
    "fields" / Elements(this.size, LISTPACK_ENTRY, "master field"),
    part("zero", LISTPACK_ENTRY, "master entry ends"),
)
_STREAM_ENTRY = Struct(
    part("flags", LISTPACK_ENTRY, show=_show_flags),
    part("ms", LISTPACK_ENTRY, "milliseconds after the node's ID"),
    part("seq", LISTPACK_ENTRY, "sequence after the node's ID"),
    "data" / _EntryBody(),
    part("steps", LISTPACK_ENTRY, "listpack entries of this stream entry"),
)
_STREAM_LISTPACK = Struct(
    "header" / LISTPACK_HEADER,
    "master" / Part("master entry", _MASTER),
    "entries" / Elements(None, _STREAM_ENTRY, "stream entry", more=_entry_more),
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
        "pending" / _run("pending ID", _Shown(_RAW_ID), "pending entries of the consumer", (16,)),
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
    nacked = [part("nacked", _run("ID", _Shown(_RAW_ID), "nacked entries"))] if version >= 5 else []
    return Struct(
        part("name", STRING, "group name"),
        _id("last", label="last delivered ID"),
        *read,
        "pel" / _run("pending entry", _PENDING, "pending entries", (16, 8, _L)),
        "consumers" / _run("consumer", _consumer(version), "consumers"),
        *nacked,
    )


_PRODUCER = Struct(
    part("producer", STRING),
    "items" / _run("item", Struct(part("item", STRING), _id("id")), "items"),
)


def _stream(version: int) -> Construct:
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
        "producers" / _run("producer", _PRODUCER, "producers"),
        part("iids_added", LENGTH),
        part("iids_duplicates", LENGTH),
    ]
    return Struct(
        "nodes" / _run("node", _STREAM_NODE, "nodes", (_S, _S)),
        part("length", LENGTH, "live entries"),
        _id("last", label="last ID"),
        *(counters if version >= 2 else []),
        "groups" / _run("group", _group(version), "groups"),
        *(idmp if version >= 4 else []),
    )


# --- modules ----------------------------------------------------------------------------------

_NAME_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def module_name(module_id: int) -> str:
    """Return the nine characters packed into a module id. Source: Redis 7.0 src/module.c"""
    return "".join(_NAME_LETTERS[module_id >> shift & 63] for shift in range(58, 4, -6))


def _bad_item(context: Any) -> None:
    raise refuse(f"unknown module item {context.kind}")


def _last_item(stream: io.BytesIO) -> bool:
    at = stream.tell()
    head = stream.read(1)
    stream.seek(at)
    return head != b"\x00"


_ITEM_NAMES = {1: "signed integer", 2: "unsigned integer", 3: "float", 4: "double", 5: "string"}

_MODULE_ITEM = Struct(
    part("kind", LENGTH, show=lambda kind: _ITEM_NAMES.get(kind, str(kind))),
    "value"
    / Part(
        "data",
        Switch(
            this.kind,
            {1: LENGTH, 2: LENGTH, 3: Float32l, 4: Float64l, 5: STRING},
            default=Computed(_bad_item),
        ),
    ),
)

MODULE_ITEMS = FocusedSeq(
    "items",
    "items" / Elements(None, _MODULE_ITEM, "module item", more=_last_item),
    part("end", LENGTH, "module data ends", show=lambda value: ""),
)
"""Tagged items up to the closing 0. Source: Redis 7.0 src/module.c moduleRDBLoad"""

_MODULE = Struct(
    part("module", LENGTH, show=lambda n: f"{module_name(n)}, encoding version {n & 1023}"),
    "items" / MODULE_ITEMS,
)


def _no_tags(context: Any) -> None:
    raise refuse("module values of Redis 4.0 release candidates have no tags and cannot be skipped")


# --- the tables -------------------------------------------------------------------------------

_VALUE = Part("value", STRING)

COMMON_VALUES: dict[int, tuple[str, Construct]] = {
    0: ("string", _VALUE),
    1: ("list", _LIST),
    2: ("set", _SET),
    3: ("zset, scores as text", _ZSET_TEXT),
    4: ("hash", _HASH),
    5: ("zset", _ZSET),
    6: ("module of Redis 4.0 rc", Computed(_no_tags)),
    7: ("module value", _MODULE),
    9: ("hash, zipmap", Blob(ZIPMAP, "zipmap")),
    10: ("list, ziplist", Blob(ziplist("element"), "ziplist")),
    11: ("set, intset", Blob(INTSET, "intset")),
    12: ("zset, ziplist", Blob(ziplist("member", "score"), "ziplist")),
    13: ("hash, ziplist", Blob(ziplist("field", "value"), "ziplist")),
    14: ("list, quicklist of ziplists", _QUICKLIST_ZIPLISTS),
    15: ("stream", _stream(1)),
    16: ("hash, listpack", Blob(listpack("field", "value"), "listpack")),
    17: ("zset, listpack", Blob(listpack("member", "score"), "listpack")),
    18: ("list, quicklist of listpacks", _QUICKLIST),
    19: ("stream, version 2", _stream(2)),
    20: ("set, listpack", Blob(listpack("member"), "listpack")),
    21: ("stream, version 3", _stream(3)),
}
"""Type number to name and grammar, for numbers that mean the same everywhere."""

REDIS_VALUES: dict[int, tuple[str, Construct]] = COMMON_VALUES | {
    22: ("hash with field expire times, 7.4 rc", _REDIS_RC_HASH),
    23: ("hash with field expire times, listpack, 7.4 rc", _TRIPLES),
    24: ("hash with field expire times", _REDIS_HASH),
    25: ("hash with field expire times, listpack", _REDIS_LISTPACK_HASH),
    26: ("stream, version 4", _stream(4)),
    27: ("stream, version 5", _stream(5)),
    28: ("array", _ARRAY),
    29: ("template hash, listpack", _TEMPLATE_OWN_LISTPACK),
    30: ("template hash, listpack, template by id", _TEMPLATE_LISTPACK),
    31: ("template hash", _TEMPLATE_OWN_ARRAY),
    32: ("template hash, template by id", _TEMPLATE_ID_ARRAY),
}

VALKEY_VALUES: dict[int, tuple[str, Construct]] = COMMON_VALUES | {
    22: ("hash with field expire times", _VALKEY_HASH),
    23: ("hash by paths", _PATH_HASH),
}

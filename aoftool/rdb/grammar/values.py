"""The grammar of every value type, by type number and magic family.

Numbers up to 21 mean the same to Redis and Valkey. From 22 on they differ, and only the magic of the
file tells which is meant.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from construct import (
    Byte,
    Bytes,
    Computed,
    Construct,
    ExprAdapter,
    Float64l,
    FocusedSeq,
    IfThenElse,
    Int64sl,
    Struct,
    Switch,
    this,
)

from aoftool.rdb.grammar.blobs import INTSET, ZIPMAP, listpack, ziplist
from aoftool.rdb.grammar.modules import MODULE, no_tags
from aoftool.rdb.grammar.parts import Elements, Part, part, refuse
from aoftool.rdb.grammar.streams import stream
from aoftool.rdb.grammar.strings import (
    LENGTH,
    STEP_LENGTH,
    STEP_STRING,
    STRING,
    Blob,
    count_part,
    run,
    show_time,
)

__all__ = ["COMMON_VALUES", "REDIS_VALUES", "VALKEY_VALUES"]

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
_LIST = run("element", STRING, "elements", (STEP_STRING,))
_SET = run("member", STRING, "members", (STEP_STRING,))
_HASH = run("pair", _PAIR, "pairs", (STEP_STRING, STEP_STRING))
_ZSET_TEXT = run("pair", Struct(part("member", STRING), part("score", _text_double())), "members")
_ZSET = run("pair", Struct(part("member", STRING), part("score", Float64l)), "members", (STEP_STRING, 8))

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
_QUICKLIST_ZIPLISTS = run("node", Blob(ziplist("element"), "ziplist"), "nodes", (STEP_STRING,))
_QUICKLIST = run("node", _NODE, "nodes", (STEP_LENGTH, STEP_STRING))

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


_VALKEY_HASH = run(
    "pair",
    Struct(
        part("field", STRING),
        part("value", STRING),
        _field_time("field expire time", _TIME, lambda at, context: None if at == -1 else at),
    ),
    "pairs",
    (STEP_STRING, STEP_STRING, 8),
)
_REDIS_RC_HASH = run(
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
    count_part("pairs"),
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
        steps=(STEP_LENGTH, STEP_STRING, STEP_STRING),
    ),
)
_TRIPLES = Blob(listpack("field", "value", "field expire time"), "listpack")
_REDIS_LISTPACK_HASH = Struct(
    part("least", Int64sl, "least expire time (a hint)", show=show_time), "items" / _TRIPLES
)
_PATH_HASH = run("path", Struct(part("path", STRING), "items" / _HASH), "paths")

# --- later Redis types ------------------------------------------------------------------------

_ARRAY_DATA = Switch(this.tag, {0: STRING, 1: Int64sl, 2: Float64l, 3: STRING})
_ARRAY = FocusedSeq(
    "items",
    count_part("elements"),
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
        this.form == 0, Blob(listpack("field name"), "listpack"), run("field name", STRING, "field names")
    ),
)
_TEMPLATE_LISTPACK = Blob(listpack("value"), "listpack, template id first")


class _TemplateValues(Construct):
    """As many strings as the template has names; a template by id is known to the file only."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        templates = context._params.get("templates") or {}
        if context.template not in templates:
            raise refuse(f"hash template {context.template} was not defined before")
        element = Elements(len(templates[context.template]), STRING, "value")
        return element._parsereport(stream, context, path)


class _NamedValues(Construct):
    """As many strings as names were read before."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        return Elements(len(context.names.names), STRING, "value")._parsereport(stream, context, path)


_TEMPLATE_OWN_LISTPACK = Struct("names" / _NAMES, "values" / _TEMPLATE_LISTPACK)
_TEMPLATE_OWN_ARRAY = Struct("names" / _NAMES, "values" / _NamedValues())
_TEMPLATE_ID_ARRAY = Struct(part("template", LENGTH, "template id"), "values" / _TemplateValues())

# --- the tables -------------------------------------------------------------------------------

_VALUE = Part("value", STRING)

COMMON_VALUES: dict[int, tuple[str, Construct]] = {
    0: ("string", _VALUE),
    1: ("list", _LIST),
    2: ("set", _SET),
    3: ("zset, scores as text", _ZSET_TEXT),
    4: ("hash", _HASH),
    5: ("zset", _ZSET),
    6: ("module of Redis 4.0 rc", Computed(no_tags)),
    7: ("module value", MODULE),
    9: ("hash, zipmap", Blob(ZIPMAP, "zipmap")),
    10: ("list, ziplist", Blob(ziplist("element"), "ziplist")),
    11: ("set, intset", Blob(INTSET, "intset")),
    12: ("zset, ziplist", Blob(ziplist("member", "score"), "ziplist")),
    13: ("hash, ziplist", Blob(ziplist("field", "value"), "ziplist")),
    14: ("list, quicklist of ziplists", _QUICKLIST_ZIPLISTS),
    15: ("stream", stream(1)),
    16: ("hash, listpack", Blob(listpack("field", "value"), "listpack")),
    17: ("zset, listpack", Blob(listpack("member", "score"), "listpack")),
    18: ("list, quicklist of listpacks", _QUICKLIST),
    19: ("stream, version 2", stream(2)),
    20: ("set, listpack", Blob(listpack("member"), "listpack")),
    21: ("stream, version 3", stream(3)),
}
"""Type number to name and grammar, for numbers that mean the same everywhere."""

REDIS_VALUES: dict[int, tuple[str, Construct]] = COMMON_VALUES | {
    22: ("hash with field expire times, 7.4 rc", _REDIS_RC_HASH),
    23: ("hash with field expire times, listpack, 7.4 rc", _TRIPLES),
    24: ("hash with field expire times", _REDIS_HASH),
    25: ("hash with field expire times, listpack", _REDIS_LISTPACK_HASH),
    26: ("stream, version 4", stream(4)),
    27: ("stream, version 5", stream(5)),
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

"""The RDB format, declared: header, opcodes, records, end; DUMP payloads too.

This is the readable form of the format. It serves `explain` and is the second opinion in tests; it
is far too slow for whole files of real size, which `aoftool.rdb.records.reader` reads. It refuses bytes that
cannot be read on (unknown types and opcodes have no length) and leaves judging values to the checks.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from construct import (
    Byte,
    Bytes,
    Computed,
    Const,
    Construct,
    Container,
    ExprAdapter,
    FocusedSeq,
    GreedyBytes,
    IfThenElse,
    Int16ul,
    Int32sl,
    Int64sl,
    Int64ul,
    NullTerminated,
    Pass,
    Struct,
    Switch,
    this,
)

from aoftool.rdb.grammar.modules import MODULE_ITEMS, show_module
from aoftool.rdb.grammar.parts import Elements, Part, part, refuse
from aoftool.rdb.grammar.strings import LENGTH, STRING, show_time
from aoftool.rdb.grammar.trace import Trace
from aoftool.rdb.grammar.values import REDIS_VALUES, VALKEY_VALUES

__all__ = [
    "CHECKSUM",
    "FUNCTION_PAYLOAD_ITEM",
    "HEADER",
    "PAYLOAD_FOOTER",
    "family_of",
    "item_grammar",
    "opcode_name",
    "parse_file",
    "parse_header",
    "value_grammar",
    "value_types",
]

FAMILIES = ("redis", "valkey")

EOF = 0xFF
CHECKSUM_SINCE = 5
"""First RDB version with a checksum behind the end."""


def _version(digits: bytes, context: Any) -> int:
    if not digits.isdigit():
        raise refuse("the version in the header is no number")
    return int(digits)


def _tail_of_magic(context: Any) -> int:
    # REDIS takes four digits, VALKEY three: both headers have nine bytes.
    return 0 if context.front == b"REDIS" else 1


def _family(context: Any) -> str:
    if context.front == b"REDIS":
        return "redis"
    if context.front + context.rest == b"VALKEY":
        return "valkey"
    raise refuse("the file does not start with REDIS or VALKEY")


_MAGIC = Struct("front" / Bytes(5), "rest" / Bytes(_tail_of_magic), "family" / Computed(_family))

HEADER = Struct(
    part("magic", _MAGIC, show=lambda magic: magic.family.upper()),
    part(
        "version",
        ExprAdapter(Bytes(lambda context: 4 - len(context.magic.rest)), _version, None),
        "RDB version",
    ),
)
"""Nine bytes: REDIS and four digits, or VALKEY and three."""

CHECKSUM = part("checksum", Int64ul, "CRC64", show=lambda n: f"{n:016x}" if n else "0 (not checked)")

# --- opcodes ----------------------------------------------------------------------------------

_RANGE = Struct(part("first", LENGTH, "first slot"), part("last", LENGTH, "last slot"))
_CLASS = Struct(part("spec", Bytes(4), "class"), "items" / MODULE_ITEMS)

_COMMON_OPCODES: dict[int, tuple[str, Construct]] = {
    0xF4: (
        "slot info",
        Struct(part("slot", LENGTH), part("keys", LENGTH), part("expires", LENGTH, "keys with expire time")),
    ),
    0xF5: ("function library", Struct(part("code", STRING))),
    0xF6: (
        "function of Redis 7.0 rc",
        Struct(
            part("name", STRING, "function name"),
            part("engine", STRING),
            part("described", LENGTH, "description follows"),
            "description" / IfThenElse(this.described, part("description", STRING), Pass),
            part("code", STRING),
        ),
    ),
    0xF7: (
        "module aux",
        Struct(
            part("module", LENGTH, show=show_module),
            part("tag", LENGTH, "tag of an unsigned integer"),
            part("when", LENGTH, "when: 1 before, 2 after the keys"),
            "items" / MODULE_ITEMS,
        ),
    ),
    0xF8: ("idle", Struct(part("seconds", LENGTH, "idle seconds"))),
    0xF9: ("frequency", Struct(part("counter", Byte, "LFU counter"))),
    0xFA: ("aux", Struct(part("name", STRING, "aux field"), part("value", STRING))),
    0xFB: (
        "resizedb",
        Struct(part("keys", LENGTH, "keys"), part("expires", LENGTH, "keys with expire time")),
    ),
    0xFC: ("expire time, milliseconds", Struct(part("time_ms", Int64sl, "expire time", show=show_time))),
    0xFD: (
        "expire time, seconds",
        Struct(part("time_s", Int32sl, "expire time", show=lambda s: show_time(s * 1000))),
    ),
    0xFE: ("selectdb", Struct(part("db", LENGTH, "database"))),
    EOF: ("end of file", Struct("end" / Pass)),
}
_REDIS_OPCODES = _COMMON_OPCODES | {
    0xF2: (
        "hash template",
        Struct(
            part("template", LENGTH, "template id"),
            part("count", LENGTH, "fields"),
            "names" / Elements(this.count, STRING, "field name"),
        ),
    ),
    0xF3: (
        "key metadata",
        Struct(part("count", LENGTH, "classes"), "classes" / Elements(this.count, _CLASS, "class")),
    ),
}


def _decimal(line: bytes, context: Any) -> int:
    text = line.removesuffix(b"\r")
    if not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise refuse("a length in a command is no number")
    return int(text)


_LONGEST_NUMBER = 20
_NUMBER_LINE = ExprAdapter(NullTerminated(GreedyBytes, term=b"\n"), _decimal, None)
_ARGUMENT = FocusedSeq("text", Const(b"$"), "size" / _NUMBER_LINE, "text" / Bytes(this.size), Const(b"\r\n"))
_VALKEY_OPCODES = _COMMON_OPCODES | {
    0xF2: (
        "update",
        Struct(
            "prefix" / Const(b"*"),
            part("count", _NUMBER_LINE, "arguments"),
            "arguments" / Elements(this.count, Part("text", _ARGUMENT), "argument"),
        ),
    ),
    0xF3: (
        "slot import",
        Struct(
            part("job", STRING, "job name"),
            part("count", LENGTH, "slot ranges"),
            "ranges" / Elements(this.count, _RANGE, "slot range"),
        ),
    ),
}
_OPCODES = {"redis": _REDIS_OPCODES, "valkey": _VALKEY_OPCODES}
_VALUES = {"redis": REDIS_VALUES, "valkey": VALKEY_VALUES}


def value_types(family: str) -> dict[int, str]:
    """Return the value types a family knows: number to name."""
    return {number: name for number, (name, _) in _VALUES[family].items()}


def opcode_name(opcode: int, family: str) -> str:
    """Return the name of an opcode or value type byte; `unknown` when there is none."""
    known = _OPCODES[family].get(opcode) or _VALUES[family].get(opcode)
    return known[0] if known else "unknown"


def value_grammar(type_id: int, family: str) -> Construct:
    """Return the grammar of the value bytes of a type; an unknown type is refused."""
    known = _VALUES[family].get(type_id)
    if known is None:
        raise refuse(f"unknown value type {type_id}")
    return known[1]


class _Unknown(Construct):
    """A byte that is neither a type nor an opcode of the family."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> None:
        raise refuse(f"unknown value type or opcode {context.opcode} ({context.opcode:#04x})", path)


def item_grammar(family: str) -> Construct:
    """Return the grammar of one item: an opcode with its data, or a type byte, key and value."""
    return _ITEMS[family]


def _item(family: str) -> Construct:
    keyed = {
        number: Struct(part("key", STRING), "value" / grammar)
        for number, (_, grammar) in _VALUES[family].items()
    }
    others = {number: grammar for number, (_, grammar) in _OPCODES[family].items()}
    return Struct(
        part("opcode", Byte, _opcode_label, show=lambda n: f"{n} ({opcode_name(n, family)})"),
        "data" / Switch(this.opcode, keyed | others, default=_Unknown()),
    )


def _opcode_label(context: Any) -> str:
    # The byte is not read yet: peek, so that the label can tell a value type from an opcode.
    at = context._io.tell()
    head = context._io.read(1)
    context._io.seek(at)
    return "value type" if head and head[0] < 0xF0 else "opcode"


_ITEMS = {family: _item(family) for family in FAMILIES}

# --- payloads of DUMP and FUNCTION DUMP -------------------------------------------------------

PAYLOAD_FOOTER = Struct(part("version", Int16ul, "RDB version"), CHECKSUM)
FUNCTION_PAYLOAD_ITEM = Struct(part("opcode", Byte), part("code", STRING))

# --- whole files ------------------------------------------------------------------------------


def parse_header(data: bytes) -> tuple[str, int]:
    """Return family and version from the first nine bytes; raises ConstructError when they are none."""
    header = HEADER.parse(data)
    return header.magic.family, header.version


def family_of(version: int) -> str:
    """Return whose numbers a DUMP payload of that version uses: from 80 on they are Valkey's."""
    return "valkey" if version >= 80 else "redis"


def parse_file(data: bytes, trace: Trace | None = None) -> Iterator[tuple[int, int, Container]]:
    """Parse a whole RDB in memory.

    Yields:
        (start, end, item) for each item behind the header, the end of file included; the checksum
        is read but not compared (`aoftool.rdb.records.reader` does).

    Raises:
        ConstructError: where the bytes stop being RDB.
    """
    stream = io.BytesIO(data)
    templates: dict[int, Any] = {}
    header = HEADER.parse_stream(stream, trace=trace)
    grammar = item_grammar(header.magic.family)
    while True:
        start = stream.tell()
        item = grammar.parse_stream(stream, trace=trace, templates=templates)
        if item.opcode == 0xF2 and header.magic.family == "redis":
            templates[item.data.template] = item.data.names
        yield start, stream.tell(), item
        if item.opcode == EOF:
            break
    if header.version >= CHECKSUM_SINCE:
        start = stream.tell()
        Struct(CHECKSUM).parse_stream(stream, trace=trace)

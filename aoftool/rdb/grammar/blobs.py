"""The grammar of the packed structures inside strings: listpack, ziplist, intset, zipmap.

Header fields that no reader needs (totals, tail offsets, back lengths) are read and compared; a
difference is a remark in the trace, not an end of the parse, since servers load some of them.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from construct import (
    Byte,
    Bytes,
    BytesInteger,
    Computed,
    Const,
    Construct,
    FocusedSeq,
    Int8sl,
    Int16sl,
    Int16ul,
    Int32sl,
    Int32ub,
    Int32ul,
    Int64sl,
    Struct,
    Subconstruct,
    Switch,
    this,
)

from aoftool.rdb.grammar.parts import Elements, Part, part, refuse, trace_of
from aoftool.units import counted

__all__ = [
    "INTSET",
    "LISTPACK_END",
    "LISTPACK_ENTRY",
    "LISTPACK_HEADER",
    "ZIPMAP",
    "listpack",
    "more_entries",
    "ziplist",
]

END_BYTE = 0xFF
INT24 = BytesInteger(3, signed=True, swapped=True)


def more_entries(stream: io.BytesIO) -> bool:
    """Tell whether an entry follows rather than the end byte; at the end of the bytes, neither."""
    at = stream.tell()
    head = stream.read(1)
    stream.seek(at)
    if not head:
        raise refuse("the end byte ff is missing")
    return head[0] != END_BYTE


class _Compared(Subconstruct):
    """A header field that must agree with what was read; a difference is a remark."""

    def __init__(self, subcon: Construct, expected: Any) -> None:
        super().__init__(subcon)
        self._expected = expected

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        value = self.subcon._parsereport(stream, context, path)
        expected = self._expected(stream, context)
        trace = trace_of(context)
        if trace is not None and expected is not None and value != expected:
            trace.remark(f"should be {expected}")
        return value


def _total(stream: io.BytesIO, context: Any) -> int:
    return len(stream.getbuffer())


# --- listpack ---------------------------------------------------------------------------------


def _listpack_form(context: Any) -> int:
    """Reduce the first byte of an entry to its class, the key of the table below."""
    head: int = context.head
    if head < 0x80:
        return 0x00
    if head < 0xC0:
        return 0x80
    if head < 0xE0:
        return 0xC0
    return 0xE0 if head < 0xF0 else head


def _thirteen_bit(context: Any) -> int:
    value: int = (context._.head & 0x1F) << 8 | context.low
    return value - 8192 if value >= 4096 else value


def _bad_listpack_entry(context: Any) -> int:
    raise refuse(f"unknown listpack encoding, byte {context.head:#04x}")


def _long_string(length: Construct) -> Construct:
    return FocusedSeq("data", "length" / length, "data" / Bytes(this.length))


_LISTPACK_DATA = Switch(
    _listpack_form,
    {
        0x00: Computed(this.head),
        0x80: Bytes(this.head & 0x3F),
        0xC0: FocusedSeq("value", "low" / Byte, "value" / Computed(_thirteen_bit)),
        0xE0: FocusedSeq("data", "low" / Byte, "data" / Bytes(lambda c: (c._.head & 0x0F) << 8 | c.low)),
        0xF0: _long_string(Int32ul),
        0xF1: Int16sl,
        0xF2: INT24,
        0xF3: Int32sl,
        0xF4: Int64sl,
    },
    default=Computed(_bad_listpack_entry),
)


def backlen_size(length: int) -> int:
    """Return how many bytes a listpack back length takes for an entry of so many bytes."""
    for size, limit in ((1, 127), (2, 16383), (3, 2097151), (4, 268435455)):
        if length <= limit:
            return size
    return 5


def encode_backlen(length: int) -> bytes:
    """Return a listpack back length: groups of 7 bits, all but the first with the top bit set."""
    size = backlen_size(length)
    groups = [(length >> 7 * shift) & 0x7F for shift in range(size - 1, -1, -1)]
    return bytes([groups[0], *(group | 0x80 for group in groups[1:])])


class _Backlen(Construct):
    """The back length behind an entry that began at `context.start`."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        length = stream.tell() - context.start
        expected = encode_backlen(length)
        found = stream.read(len(expected))
        if len(found) < len(expected):
            raise refuse("the listpack ends inside a back length", path)
        trace = trace_of(context)
        if trace is not None and found != expected:
            trace.remark(f"the back length should be {expected.hex(' ')}, not {found.hex(' ')}")
        return int(length)


class _Here(Construct):
    """The position in the stream."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        return stream.tell()


LISTPACK_ENTRY = FocusedSeq(
    "value", "start" / _Here(), "head" / Byte, "value" / _LISTPACK_DATA, "backlen" / _Backlen()
)
"""One listpack entry, bytes or an integer. Source: Redis 7.0 src/listpack.c lpGet"""

LISTPACK_HEADER = Struct(
    part("total", _Compared(Int32ul, _total), "listpack bytes"),
    part("count", Int16ul, "listpack entries"),
)
LISTPACK_END = part("end", Const(bytes([END_BYTE])), "listpack end", show=lambda value: "")


def listpack(*labels: str) -> Construct:
    """Return the grammar of a listpack whose entries come in groups with these names."""
    return FocusedSeq(
        "entries",
        "header" / LISTPACK_HEADER,
        "entries" / _Entries(LISTPACK_ENTRY, labels),
        LISTPACK_END,
    )


class _Entries(Elements):
    """Entries up to the end byte, named in turn."""

    def __init__(self, entry: Construct, labels: Sequence[str]) -> None:
        super().__init__(None, entry, more=more_entries)
        self._traced = Part(_in_turn(labels), entry)


def _in_turn(labels: Sequence[str]) -> Any:
    size = len(labels)
    return lambda context: f"{labels[context._index % size]} {context._index // size}"


# --- ziplist ----------------------------------------------------------------------------------


def _ziplist_form(context: Any) -> int:
    head: int = context.head
    if head < 0xC0:
        return int(head & 0xC0)
    return 0xF1 if 0xF1 <= head <= 0xFD else head


def _bad_ziplist_entry(context: Any) -> int:
    raise refuse(f"unknown ziplist encoding, byte {context.head:#04x}")


_ZIPLIST_DATA = Switch(
    _ziplist_form,
    {
        0x00: Bytes(this.head & 0x3F),
        0x40: FocusedSeq("data", "low" / Byte, "data" / Bytes(lambda c: (c._.head & 0x3F) << 8 | c.low)),
        0x80: _long_string(Int32ub),
        0xC0: Int16sl,
        0xD0: Int32sl,
        0xE0: Int64sl,
        0xF0: INT24,
        0xFE: Int8sl,
        0xF1: Computed(this.head - 0xF1),
    },
    default=Computed(_bad_ziplist_entry),
)

ZIPLIST_ENTRY = FocusedSeq(
    "value",
    "near" / Byte,
    "previous" / Switch(this.near, {0xFE: Int32ul}, default=Computed(this.near)),
    "head" / Byte,
    "value" / _ZIPLIST_DATA,
)
"""One ziplist entry, bytes or an integer. Source: Redis 6.2 src/ziplist.c zipEntry"""


def ziplist(*labels: str) -> Construct:
    """Return the grammar of a ziplist whose entries come in groups with these names."""
    return FocusedSeq(
        "entries",
        part("total", _Compared(Int32ul, _total), "ziplist bytes"),
        part("tail", Int32ul, "offset of the last entry"),
        part("count", Int16ul, "ziplist entries"),
        "entries" / _Entries(ZIPLIST_ENTRY, labels),
        part("end", Const(bytes([END_BYTE])), "ziplist end", show=lambda value: ""),
    )


# --- intset and zipmap ------------------------------------------------------------------------


def _bad_width(context: Any) -> int:
    raise refuse(f"an intset cannot have members of {counted(context.width, 'byte')}")


_WIDTHS = {2: Int16sl, 4: Int32sl, 8: Int64sl}

INTSET = FocusedSeq(
    "members",
    part("width", Int32ul, "bytes per member"),
    part("count", Int32ul, "members"),
    "members" / Elements(this.count, Switch(this.width, _WIDTHS, default=Computed(_bad_width)), "member"),
)
"""Sorted integers of one width. Source: Redis 7.0 src/intset.h"""


_ZIPMAP_LENGTH = FocusedSeq(
    "value", "near" / Byte, "value" / Switch(this.near, {0xFE: Int32ul}, default=Computed(this.near))
)

ZIPMAP = FocusedSeq(
    "pairs",
    part("count", Byte, "pairs (254 and more: unknown)"),
    "pairs"
    / Elements(
        None,
        Struct(
            part("field", FocusedSeq("data", "length" / _ZIPMAP_LENGTH, "data" / Bytes(this.length))),
            part(
                "value",
                FocusedSeq(
                    "data",
                    "length" / _ZIPMAP_LENGTH,
                    "free" / Byte,
                    "data" / Bytes(this.length),
                    "unused" / Bytes(this.free),
                ),
            ),
        ),
        "pair",
        more=more_entries,
    ),
    part("end", Const(bytes([END_BYTE])), "zipmap end", show=lambda value: ""),
)
"""The hash form of Redis 2.2. Source: Redis 6.2 src/zipmap.c"""

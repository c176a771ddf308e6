"""Lengths and strings of the RDB grammar, and what is built from them everywhere.

A string may be plain, an integer or packed with LZF; a `Blob` is a string that holds another structure.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from construct import (
    Byte,
    Bytes,
    Computed,
    Construct,
    ExprAdapter,
    FocusedSeq,
    Int8sl,
    Int16sl,
    Int32sl,
    Int32ub,
    Int64ub,
    Switch,
    this,
)

from aoftool.rdb.decode.strings import read_length, skip_string
from aoftool.rdb.grammar.lzf import unpack_lzf, unpack_lzf_fast, unpacked_place
from aoftool.rdb.grammar.parts import Elements, Part, Step, part, refuse, trace_of
from aoftool.rdb.grammar.trace import Trace
from aoftool.units import counted, format_time_ms

__all__ = [
    "LENGTH",
    "STEP_LENGTH",
    "STEP_STRING",
    "STRING",
    "Blob",
    "Text",
    "count_part",
    "run",
    "show_time",
]

# --- lengths ----------------------------------------------------------------------------------

_SIX_BIT, _FOURTEEN_BIT, _WIDE, _SPECIAL = range(4)


def _length_form(context: Any) -> int:
    head: int = context.head
    return head if head >> 6 == _WIDE else head >> 6


def _bad_length(context: Any) -> int:
    if context.head >> 6 == _SPECIAL:
        raise refuse(f"a string encoding (byte {context.head:#04x}) stands where a length belongs")
    raise refuse(f"unknown length encoding, byte {context.head:#04x}")


LENGTH = FocusedSeq(
    "value",
    "head" / Byte,
    "value"
    / Switch(
        _length_form,
        {
            _SIX_BIT: Computed(this.head & 0x3F),
            _FOURTEEN_BIT: ExprAdapter(
                Byte, lambda low, context: (context.head & 0x3F) << 8 | low, lambda value, context: value
            ),
            0x80: Int32ub,
            0x81: Int64ub,
        },
        default=Computed(_bad_length),
    ),
)
"""A length or count: 6, 14, 32 or 64 bits, big endian. Source: Redis 7.0 src/rdb.c rdbLoadLenByRef"""


# --- strings ----------------------------------------------------------------------------------


class Text(bytes):
    """The bytes of an RDB string, with the form they were stored in.

    Attributes:
        form: `plain`, `int8`, `int16`, `int32` or `lzf`.
        data_start: stream position of the stored bytes (behind the length).
        packed: the LZF stream, empty in the other forms.
    """

    form = "plain"
    data_start = 0
    packed = b""

    @classmethod
    def of(cls, data: bytes, form: str, data_start: int = 0, packed: bytes = b"") -> Text:
        """Return a text with its attributes set."""
        text = cls(data)
        text.form, text.data_start, text.packed = form, data_start, packed
        return text


class _PlainBody(Construct):
    """The rest of a plain string whose first length byte is `context.head`."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Text:
        stream.seek(-1, io.SEEK_CUR)
        length = _LENGTH_PART._parsereport(stream, context, path)
        start = stream.tell()
        data = _bytes_part(length)._parsereport(stream, context, path) if length else b""
        return Text.of(data, "plain", start)


class _LzfBody(Construct):
    """Two lengths and an LZF stream."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Text:
        packed_length = _PACKED_LENGTH._parsereport(stream, context, path)
        unpacked_length = _UNPACKED_LENGTH._parsereport(stream, context, path)
        start = stream.tell()
        packed = Part("LZF stream", Bytes(packed_length), lambda data: "")._parsereport(stream, context, path)
        # A view of one record may meet long strings; a second opinion must not lean on the first.
        trace = trace_of(context)
        unpack = unpack_lzf if trace is None else unpack_lzf_fast
        text = Text.of(unpack(packed, unpacked_length), "lzf", start, packed)
        if trace is not None:
            with trace.unpacked(text, _wanted_place(trace, text)), trace.part("unpacked", 0) as span:
                trace.finish(span, len(text), "")
        return text


def _wanted_place(trace: Trace, text: Text) -> int | None:
    """Return the place in the unpacked bytes that the wanted byte tells of, if it lies in the packed."""
    at = trace.wanted_in(text.data_start, text.data_start + len(text.packed))
    return None if at is None else unpacked_place(text.packed, at - text.data_start)


def _bytes_part(length: int) -> Part:
    return Part("bytes", Bytes(length), lambda data: "")


def _number(form: str, subcon: Construct) -> Construct:
    decode = ExprAdapter(subcon, lambda n, context: Text.of(b"%d" % n, form), lambda value, context: value)
    return Part("integer", decode)


_LENGTH_PART = Part("length", LENGTH)
_PACKED_LENGTH = Part("packed length", LENGTH)
_UNPACKED_LENGTH = Part("unpacked length", LENGTH)


def _string_form(context: Any) -> int:
    head: int = context.head
    return head if head >> 6 == _SPECIAL else 0


def _bad_string(context: Any) -> bytes:
    raise refuse(f"unknown string encoding {context.head & 0x3F}, byte {context.head:#04x}")


class _Head(Construct):
    """The first byte of a string; of special forms it is a part of its own."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> int:
        head: int = Byte._parsereport(stream, context, path)
        trace = trace_of(context)
        if trace is not None and head >> 6 == _SPECIAL:
            start = stream.tell() - 1
            with trace.part("encoding", start) as span:
                trace.finish(span, start + 1, _FORMS.get(head, "unknown"))
        return head


_FORMS = {0xC0: "integer, 8 bit", 0xC1: "integer, 16 bit", 0xC2: "integer, 32 bit", 0xC3: "LZF"}

STRING = FocusedSeq(
    "value",
    "head" / _Head(),
    "value"
    / Switch(
        _string_form,
        {
            0: _PlainBody(),
            0xC0: _number("int8", Int8sl),
            0xC1: _number("int16", Int16sl),
            0xC2: _number("int32", Int32sl),
            0xC3: _LzfBody(),
        },
        default=Computed(_bad_string),
    ),
)
"""A string: plain, an integer, or LZF-packed. Source: Redis 7.0 src/rdb.c rdbGenericLoadStringObject"""


class Blob(Construct):
    """A string that holds another structure: parse it, then what is inside.

    Args:
        inner: parses the bytes of the string, all of them.
        label: what the inner structure is, such as `listpack`.
    """

    def __init__(self, inner: Construct, label: str) -> None:
        super().__init__()
        self._inner = Part(label, inner)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        text: Text = STRING._parsereport(stream, context, path)
        trace = trace_of(context)
        inner = io.BytesIO(text)
        if trace is None:
            value = self._inner._parsereport(inner, context, path)
        elif text.form == "lzf":
            trace.drop_last("unpacked")
            with trace.unpacked(text, _wanted_place(trace, text)):
                value = self._inner._parsereport(inner, context, path)
        else:
            trace.drop_last("bytes")
            with trace.inside(text, text.data_start):
                value = self._inner._parsereport(inner, context, path)
        if inner.tell() != len(text):
            raise refuse(
                f"{counted(len(text) - inner.tell(), 'byte is', 'bytes are')} left over inside the string",
                path,
            )
        return value


# --- counted runs -----------------------------------------------------------------------------


def show_time(time_ms: int) -> str:
    """Return a time as a number and as UTC text; values that stand for no time say so."""
    if time_ms in (-1, 0):
        return f"{time_ms} (none)"
    return f"{time_ms} ({format_time_ms(time_ms)})"


def count_part(label: str) -> Construct:
    """A length called `count` in its context."""
    return part("count", LENGTH, label)


def run(label: str, element: Construct, what: str, steps: Sequence[Step | int] = ()) -> Construct:
    """A count and that many elements; `steps` tells how to step over one."""
    return FocusedSeq("items", count_part(what), "items" / Elements(this.count, element, label, steps=steps))


def _step_length(buffer: bytes, position: int) -> int:
    return read_length(buffer, position)[1]


STEP_STRING: Step = skip_string
STEP_LENGTH: Step = _step_length

"""The bricks of the RDB grammar: labelled parts, lengths, strings, LZF, and runs of elements.

Everything reads from bytes in memory, so no declared length makes it allocate: a count only leads to
a loop that ends with the bytes. Building is not declared; `aoftool.rdb.writer` writes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from construct import (
    Byte,
    Bytes,
    BytesInteger,
    Computed,
    Construct,
    ConstructError,
    ExprAdapter,
    FocusedSeq,
    Int8sl,
    Int16sl,
    Int32sl,
    Int32ub,
    Int64ub,
    Renamed,
    Struct,
    Subconstruct,
    Switch,
    ValidationError,
    this,
)

from aoftool.escape import shorten
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.trace import HEAD_ELEMENTS, NEAR_ELEMENTS, Trace

__all__ = [
    "LENGTH",
    "STRING",
    "UNPACKED_LIMIT",
    "Blob",
    "Elements",
    "Part",
    "Step",
    "Text",
    "checked",
    "part",
    "refuse",
    "trace_of",
    "unpack_lzf",
]

UNPACKED_LIMIT = 256 << 20
"""Most bytes that one LZF string may unpack to here; a server's default limit is 512 MB."""

Show = Callable[[Any], str]
Step = Callable[[bytes, int], int]


def trace_of(context: Any) -> Trace | None:
    """Return the trace that was given to the parse, if any."""
    found: Trace | None = context._params.get("trace")
    return found


def refuse(message: str, path: str = "") -> ConstructError:
    """Return the error for bytes that the grammar does not allow."""
    return ValidationError(message, path=path)


def _plain(value: Any) -> str:
    """Show bytes and numbers; containers show through their parts."""
    if isinstance(value, bytes):
        return f'"{shorten(value)}"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


class Part(Subconstruct):  # type: ignore[misc]
    """Parse with the inner construct and tell the trace what the bytes were.

    Args:
        label: name of the part, or a function of the context.
        show: turns the value into text; containers show nothing by default.
    """

    def __init__(self, label: str | Callable[[Any], str], subcon: Construct, show: Show = _plain) -> None:
        super().__init__(subcon)
        self._label = label
        self._show = show

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Any:
        trace = trace_of(context)
        if trace is None:
            return self.subcon._parsereport(stream, context, path)
        label = self._label if isinstance(self._label, str) else self._label(context)
        with trace.part(label, stream.tell()) as span:
            value = self.subcon._parsereport(stream, context, path)
            trace.finish(span, stream.tell(), self._show(value))
        return value


def part(
    name: str, subcon: Construct, label: str | Callable[[Any], str] = "", show: Show = _plain
) -> Construct:
    """Return a named field that is also a labelled part; the label is the name unless given."""
    return Renamed(Part(label or name.replace("_", " "), subcon, show), name)


class Elements(Construct):  # type: ignore[misc]
    """Parse a run of elements: a counted one, or one that ends where `more` says so.

    A parse with a trace reads the first elements and those around the wanted byte. It steps over the
    others by hand where `steps` tells how, so that a run of millions takes seconds, and keeps no
    values: its spans are what it is for, and the result only has the right length.

    Args:
        count: a number, a function of the context, or None for a run ended by `more`.
        element: parses one element; its context has the index as `_index`.
        label: of one element; the index is appended.
        more: looks at the stream (and leaves it in place); False ends the run.
        steps: how to step over one element: functions from (buffer, position) to the position
            behind, or numbers of bytes.
    """

    def __init__(
        self,
        count: Any,
        element: Construct,
        label: str = "element",
        more: Callable[[io.BytesIO], bool] | None = None,
        steps: Sequence[Step | int] = (),
    ) -> None:
        super().__init__()
        self._count = count
        self._more = more
        self._element = element
        self._steps = steps
        self._traced = Part(lambda context: f"{label} {context._index}", element)

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Sequence[Any]:
        count = self._count(context) if callable(self._count) else self._count
        trace = trace_of(context)
        if trace is None:
            return self._plain(stream, context, path, count)

        def read(index: int) -> bool:
            if self._more is not None and not self._more(stream):
                return False
            context._index = index
            self._traced._parsereport(stream, context, path)
            return True

        if self._steps and count is not None:
            self._stepping(stream, trace, count, read)
            return range(count)
        return range(trace.run(count, read))

    def _plain(self, stream: io.BytesIO, context: Any, path: str, count: int | None) -> list[Any]:
        out: list[Any] = []
        while count is None or len(out) < count:
            if self._more is not None and not self._more(stream):
                break
            context._index = len(out)
            out.append(self._element._parsereport(stream, context, path))
        return out

    def _stepping(self, stream: io.BytesIO, trace: Trace, count: int, read: Callable[[int], bool]) -> None:
        index = 0
        near = HEAD_ELEMENTS
        jumped = False
        while index < count:
            if near == 0:
                wanted = None if jumped else trace.wanted_in(stream.tell(), len(stream.getbuffer()))
                index += self._step_over(stream, trace, count - index, wanted)
                # One jump leads to the wanted element, and what is left is one gap.
                jumped, near = wanted is not None, 2 * NEAR_ELEMENTS + 1
                continue
            read(index)
            index += 1
            near -= 1
            if trace.last_was_hit():
                jumped, near = True, NEAR_ELEMENTS

    def _step_over(self, stream: io.BytesIO, trace: Trace, count: int, wanted: int | None) -> int:
        """Step to shortly before the wanted position, or over all; return how many elements."""
        buffer = stream.getvalue()
        start = position = stream.tell()
        recent: list[int] = []
        done = 0
        try:
            while done < count:
                behind = self._behind(buffer, position)
                if wanted is not None and wanted < behind:
                    break
                recent = [*recent[-NEAR_ELEMENTS + 1 :], position]
                position = behind
                done += 1
        except EncodingDamage as found:
            raise refuse(found.message) from None
        if wanted is not None:
            position = recent[0] if recent else position
            done -= len(recent)
        trace.gap(start, position, done)
        stream.seek(position)
        return done

    def _behind(self, buffer: bytes, position: int) -> int:
        for step in self._steps:
            position = position + step if isinstance(step, int) else step(buffer, position)
        return position


def checked(subcon: Construct, test: Callable[[Any, Any], str]) -> Construct:
    """Parse, then let `test(value, context)` say what is wrong; that stops the parse."""

    def decode(value: Any, context: Any) -> Any:
        problem = test(value, context)
        if problem:
            raise refuse(problem)
        return value

    return ExprAdapter(subcon, decode, lambda value, context: value)


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


class _PlainBody(Construct):  # type: ignore[misc]
    """The rest of a plain string whose first length byte is `context.head`."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Text:
        stream.seek(-1, io.SEEK_CUR)
        length = _LENGTH_PART._parsereport(stream, context, path)
        start = stream.tell()
        data = _bytes_part(length)._parsereport(stream, context, path) if length else b""
        return Text.of(data, "plain", start)


class _LzfBody(Construct):  # type: ignore[misc]
    """Two lengths and an LZF stream."""

    def _parse(self, stream: io.BytesIO, context: Any, path: str) -> Text:
        packed_length = _PACKED_LENGTH._parsereport(stream, context, path)
        unpacked_length = _UNPACKED_LENGTH._parsereport(stream, context, path)
        start = stream.tell()
        packed = Part("LZF stream", Bytes(packed_length), lambda data: "")._parsereport(stream, context, path)
        return Text.of(unpack_lzf(packed, unpacked_length), "lzf", start, packed)


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


class _Head(Construct):  # type: ignore[misc]
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


class Blob(Construct):  # type: ignore[misc]
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
            at = trace.wanted_in(text.data_start, text.data_start + len(text.packed))
            place = None if at is None else _unpacked_place(text.packed, at - text.data_start)
            with trace.unpacked(text, place):
                value = self._inner._parsereport(inner, context, path)
        else:
            trace.drop_last("bytes")
            with trace.inside(text, text.data_start):
                value = self._inner._parsereport(inner, context, path)
        if inner.tell() != len(text):
            raise refuse(f"{len(text) - inner.tell()} bytes are left over inside the string", path)
        return value


# --- LZF --------------------------------------------------------------------------------------

LZF_ITEM = Struct(
    "control" / Byte,
    "extra" / Switch(this.control >> 5, {0: Computed(0), 7: Byte}, default=Computed(0)),
    "low" / Switch(this.control >> 5, {0: Computed(0)}, default=Byte),
    "length" / Computed(lambda c: c.control + 1 if c.control < 32 else (c.control >> 5) + 2 + c.extra),
    "distance" / Computed(lambda c: 0 if c.control < 32 else ((c.control & 31) << 8 | c.low) + 1),
    "literal" / Bytes(lambda c: c.length if c.distance == 0 else 0),
)
"""One step of an LZF stream: bytes to take as they are, or a copy of earlier output.

Source: rdb-format of Redis 7.0 src/lzf_d.c lzf_decompress
"""


def _lzf_steps(packed: bytes) -> Any:
    """Yield (position, item) for each step of an LZF stream; a cut item raises."""
    stream = io.BytesIO(packed)
    while stream.tell() < len(packed):
        at = stream.tell()
        yield at, LZF_ITEM.parse_stream(stream)


def unpack_lzf(packed: bytes, size: int) -> bytes:
    """Return the unpacked bytes; anything but exactly `size` of them is refused.

    Memory is bounded: a step of three bytes gives at most 264, so an impossible size is refused
    before anything is unpacked.
    """
    if size > 264 * len(packed) or size > UNPACKED_LIMIT:
        raise refuse(f"{len(packed)} bytes of LZF cannot unpack to {size} bytes")
    out = bytearray()
    for _, item in _lzf_steps(packed):
        if not item.distance:
            out += item.literal
        elif item.distance > len(out):
            raise refuse("an LZF copy reaches before the start of its output")
        else:
            begin = len(out) - item.distance
            # The copy may overlap what it makes: repeat the stretch it starts from.
            stretch = bytes(out[begin : begin + item.length])
            out += (stretch * (item.length // len(stretch) + 1))[: item.length]
        if len(out) > size:
            break
    if len(out) != size:
        raise refuse(f"LZF data unpacks to another size than the {size} bytes it declares")
    return bytes(out)


def _unpacked_place(packed: bytes, at: int) -> int:
    """Return where in the unpacked bytes the step that holds the packed byte `at` begins."""
    place = 0
    for start, item in _lzf_steps(packed):
        width = len(item.literal) + 1 if not item.distance else 3 if item.control >= 0xE0 else 2
        if start <= at < start + width:
            return place + max(at - start - 1, 0) if not item.distance else place
        place += item.length
    return place


INT24 = BytesInteger(3, signed=True, swapped=True)

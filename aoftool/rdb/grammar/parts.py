"""The bricks of the RDB grammar: labelled parts and runs of elements.

Everything reads from bytes in memory, so no declared count makes it allocate: a count only leads to a
loop that ends with the bytes. Building is not declared; `aoftool.rdb.encode.writer` writes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from construct import Construct, ConstructError, Renamed, Subconstruct, ValidationError

from aoftool.escape import excerpt
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.grammar.trace import HEAD_ELEMENTS, NEAR_ELEMENTS, Trace

__all__ = ["Elements", "Part", "Show", "Step", "part", "refuse", "trace_of"]

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
        return f'"{excerpt(value)}"'
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


class Part(Subconstruct):
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


class Elements(Construct):
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
                if behind > len(buffer):
                    raise refuse("the bytes end inside this run")
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

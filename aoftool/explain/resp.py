"""Explain a byte of a command stream: the command or annotation it lies in, argument by argument.

Commands are found by counting from the start of the stream, which is exact; a search from the middle
could take a payload for a command. Payloads of RESTORE are read by the RDB grammar.
"""

from __future__ import annotations

import io

from construct import Byte, ConstructError, Struct

from aoftool.commands.groups import RESTORES
from aoftool.escape import excerpt, shown_text
from aoftool.explain.model import Explanation
from aoftool.files import Source
from aoftool.rdb.grammar.file import PAYLOAD_FOOTER, family_of, opcode_name, value_grammar
from aoftool.rdb.grammar.parts import part
from aoftool.rdb.grammar.span import Span
from aoftool.rdb.grammar.trace import RAW_LIMIT, Trace
from aoftool.resp import tally
from aoftool.resp.commands import CommandReader
from aoftool.resp.frame import Frame, scan_frame
from aoftool.units import format_bytes, format_time_ms

__all__ = ["explain_in_commands", "find_command_key"]

# Of a command with a million arguments not much more than their names may be held.
_ARGUMENT_BYTES = 256
_PAYLOAD_BYTES = 64 << 20
_ARGUMENTS_SHOWN = 12
_ANNOTATION_BYTES = 1024
_PAYLOAD = 3
_FOOTER_BYTES = 10


def find_command_key(source: Source, start: int, key: bytes) -> tuple[int | None, int]:
    """Return the offset of the last command with that argument, and how many commands have it.

    Every argument behind the name counts: where keys stand is not known here.
    """
    last, count = None, 0
    for command in CommandReader(source, start=start, limit=len(key) + 1):
        if key in command.argv[1:]:
            last, count = command.offset, count + 1
    return last, count


def explain_in_commands(source: Source, start: int, offset: int) -> Explanation:
    """Explain a byte of the command stream of a plain file that begins at `start`."""
    before = tally(source, start=start, end=offset)
    begin = before.good_end
    out = Explanation(source.name, offset, "command")
    head = source.read_at(begin, _ANNOTATION_BYTES)
    if head.startswith(b"#"):
        return _annotation(out, begin, head)
    frame, reason = _frame(source, begin)
    if frame is None or not frame.offset <= offset < frame.offset + frame.length:
        return _damage(out, source, begin, reason)
    out.facts += [
        ("command", f"number {before.commands} of this stream, {format_bytes(frame.length)}"),
        ("database", str(before.selects.last_db)),
        ("name", excerpt(frame.argv[0])),
        ("arguments", str(len(frame.argv))),
    ]
    out.spans = [_Framing(source, frame, offset).span()]
    return out


def _frame(source: Source, offset: int) -> tuple[Frame | None, str]:
    """Return the command at an offset, or why there is none."""
    scan = scan_frame(source, offset, limit=_ARGUMENT_BYTES)
    frame = scan.frame()
    stop = scan.tally().stop
    reason = "" if stop is None else f"{stop.reason.value} at offset {stop.offset}"
    return frame, reason


def _annotation(out: Explanation, begin: int, head: bytes) -> Explanation:
    line = head[: head.find(b"\n") + 1] or head
    text = line.rstrip(b"\r\n")
    value = f'"{excerpt(text)}"'
    if text.startswith(b"#TS:") and text[4:].isdigit() and len(text) < 20:
        value += f", {format_time_ms(int(text[4:]) * 1000)}"
    out.part = "annotation"
    end = begin + len(line)
    out.spans = [Span("annotation", begin, end, value, line[:RAW_LIMIT], begin, hit=True, wanted=out.offset)]
    return out


def _damage(out: Explanation, source: Source, begin: int, reason: str) -> Explanation:
    out.part = "no command"
    out.problem = f"no whole command starts at offset {begin}: {reason or 'the byte lies behind its end'}"
    start = max(out.offset // 16 * 16 - 16, begin)
    raw = source.read_at(start, RAW_LIMIT)
    out.spans = [
        Span(
            "bytes",
            start,
            start + len(raw),
            "",
            raw,
            start,
            problem="cannot be read",
            hit=True,
            wanted=out.offset,
        )
    ]
    return out


class _Framing:
    """Cuts one command into header, arguments, payloads and line ends."""

    def __init__(self, source: Source, frame: Frame, wanted: int) -> None:
        self._source = source
        self._frame = frame
        self._wanted = wanted

    def span(self) -> Span:
        """Return the whole command as a span."""
        frame = self._frame
        end = frame.offset + frame.length
        whole = Span("command", frame.offset, end, excerpt(frame.argv[0]), hit=True, wanted=self._wanted)
        position = frame.offset
        first = frame.spans[0][0] if frame.spans else end
        head_end = position + self._line_length(position, first)
        whole.children.append(self._leaf("argument count", position, head_end, str(len(frame.argv))))
        position = head_end
        skipped: Span | None = None
        for index, (at, length) in enumerate(frame.spans):
            behind = frame.spans[index + 1][0] if index + 1 < len(frame.spans) else end
            line_end = at + length + self._line_length(at + length, behind)
            if self._is_shown(index, position, line_end):
                whole.children.append(self._argument(index, position, at, length, line_end))
                skipped = None
            elif skipped is None:
                skipped = Span("", position, line_end, skipped=1)
                whole.children.append(skipped)
            else:
                skipped.end, skipped.skipped = line_end, skipped.skipped + 1
            position = line_end
        return whole

    def _is_shown(self, index: int, start: int, end: int) -> bool:
        near = end - start
        return index < _ARGUMENTS_SHOWN or start - near <= self._wanted < end + near

    def _line_length(self, start: int, limit: int) -> int:
        """Return the bytes up to the line feed, at most up to `limit`."""
        data = self._source.read_at(start, min(limit - start, _ANNOTATION_BYTES))
        feed = data.find(b"\n")
        return feed + 1 if feed >= 0 else len(data)

    def _argument(self, index: int, start: int, at: int, length: int, end: int) -> Span:
        text = self._frame.argv[index]
        label = "name" if index == 0 else f"argument {index}"
        value = f'"{excerpt(text)}"'
        if length > len(text):
            value += f" and more, {length:,} bytes"
        span = Span(label, start, end, value, hit=start <= self._wanted < end)
        span.children = [
            self._leaf("length", start, at, str(length)),
            self._payload(index, at, length),
            self._leaf("line end", at + length, end, ""),
        ]
        return span

    def _payload(self, index: int, at: int, length: int) -> Span:
        span = self._leaf("payload", at, at + length, "")
        is_restore = self._frame.argv[0].upper() in RESTORES and index == _PAYLOAD
        if is_restore and _FOOTER_BYTES <= length <= _PAYLOAD_BYTES:
            payload = self._source.read_at(at, length)
            span.children, span.problem = _dump_spans(payload, at, self._wanted)
        return span

    def _leaf(self, label: str, start: int, end: int, value: str) -> Span:
        span = Span(label, start, end, value, hit=start <= self._wanted < end, wanted=self._wanted)
        first = 0
        if span.hit and end - start > RAW_LIMIT:
            first = max(0, min((self._wanted - start) // 16 * 16 - 16, end - start - RAW_LIMIT))
        span.raw_start = start + first
        span.raw = self._source.read_at(span.raw_start, min(end - span.raw_start, RAW_LIMIT))
        return span


def _dump_spans(payload: bytes, base: int, wanted: int) -> tuple[list[Span], str]:
    """Return the parts of a DUMP payload, and what is wrong with it."""
    trace = Trace(payload, base, wanted)
    body = len(payload) - _FOOTER_BYTES
    family = family_of(int.from_bytes(payload[body : body + 2], "little"))
    stream = io.BytesIO(payload)
    problem = ""
    try:
        grammar = Struct(
            part("type", Byte, "value type", show=lambda n: f"{n} ({opcode_name(n, family)})"),
            "value" / value_grammar(payload[0], family),
        )
        grammar.parse_stream(stream, trace=trace)
        stream.seek(body)
        PAYLOAD_FOOTER.parse_stream(stream, trace=trace)
    except ConstructError as error:
        problem = shown_text(str(error).strip().splitlines()[-1].strip())
    return trace.root.children, problem

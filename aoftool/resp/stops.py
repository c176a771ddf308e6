"""From the raw end of a scan to a classified stop.

Both scanners end with the same small record of what they met; the diagnosis is made here, once. Knows
the signatures of damage that show at the place itself; evidence further on is the business of
`resync`.
"""

from __future__ import annotations

from enum import IntEnum

from aoftool.dataclass import dataclass
from aoftool.regex import regex
from aoftool.resp.model import Leniency, Reason, Stop

__all__ = ["DEPARTURES", "Departure", "Halt", "RawStop", "build_stop"]


class Halt(IntEnum):
    """Where in the grammar a scan came to its end."""

    RUNNING = 0
    BOUNDARY = 1  # end of input, or the limit, on a boundary
    EOF_COUNT = 2  # end of input inside a `*` line
    EOF_LENGTH = 3  # end of input before or inside a `$` line
    EOF_PAYLOAD = 4
    EOF_TERMINATOR = 5
    EOF_ANNOTATION = 6
    PREFIX = 7  # a byte no command or annotation starts with
    BULK_PREFIX = 8  # an argument line without `$`
    COUNT = 9
    LENGTH = 10
    DEPARTURE = 11  # the strict grammar met a departure


class Departure(IntEnum):
    """Departures by number, as the scanners count them."""

    BARE_LINE_FEED = 0
    HEADER_JUNK = 1
    HEADER_NUL = 2
    PADDED_NUMBER = 3
    COUNT_WRAP = 4
    EMPTY_LENGTH = 5
    LONG_LINE = 6
    TERMINATOR = 7
    ZERO_TERMINATOR = 8
    LONG_ANNOTATION = 9


DEPARTURES = tuple(Leniency[departure.name] for departure in Departure)

_REASONS = {
    Departure.BARE_LINE_FEED: Reason.BARE_LINE_FEED,
    Departure.HEADER_JUNK: Reason.HEADER_JUNK,
    Departure.HEADER_NUL: Reason.HEADER_NUL,
    Departure.PADDED_NUMBER: Reason.PADDED_NUMBER,
    Departure.COUNT_WRAP: Reason.COUNT_WRAP,
    Departure.EMPTY_LENGTH: Reason.EMPTY_LENGTH,
    Departure.LONG_LINE: Reason.LINE_TOO_LONG,
    Departure.TERMINATOR: Reason.BAD_TERMINATOR,
    Departure.ZERO_TERMINATOR: Reason.BAD_TERMINATOR,
    Departure.LONG_ANNOTATION: Reason.LINE_TOO_LONG,
}
_ZERO = (Departure.HEADER_NUL, Departure.ZERO_TERMINATOR)
_TERMINATORS = (Departure.TERMINATOR, Departure.ZERO_TERMINATOR)
_EOF = (Halt.EOF_COUNT, Halt.EOF_LENGTH, Halt.EOF_PAYLOAD, Halt.EOF_TERMINATOR, Halt.EOF_ANNOTATION)


@dataclass(slots=True)
class RawStop:
    """What a scanner knows at its end.

    Attributes:
        halt, halt_offset: the hard failure and its byte; the header line concerned for counts,
            lengths and torn ends.
        end_offset: where the scan ended.
        item_start, command_end, index: start of the first item not counted, end of the last command
            counted, number of commands counted.
        first, first_offset, first_end: the first departure of that item, its byte and the end of
            what departs; `first` is None without one.
        terminator_offset: byte of the first departing payload terminator, -1 without one.
        glue_offset: the `*` inside an annotation that ends like a header, -1 without one.
        ran_to: end of the item when it was read whole and only waited for a byte to confirm it, -1
            else.
        ran_command: that item is a command.
        last_argument: for EOF_TERMINATOR, it was the last argument's.
        line: the header line read so far, for the EOF kinds and COUNT, LENGTH.
        declared, remaining: of a torn payload, else -1.
        found: bytes from `halt_offset` on, for PREFIX and BULK_PREFIX.
        run_bytes, run_ended: NULs there, and whether another byte follows them.
    """

    halt: Halt
    halt_offset: int
    end_offset: int
    item_start: int
    command_end: int
    index: int
    first: Departure | None = None
    first_offset: int = -1
    first_end: int = -1
    terminator_offset: int = -1
    glue_offset: int = -1
    ran_to: int = -1
    ran_command: bool = False
    last_argument: bool = False
    line: bytes = b""
    declared: int = -1
    remaining: int = -1
    found: bytes = b""
    run_bytes: int = 0
    run_ended: bool = False


_INLINE = regex(rb"[A-Za-z][\x20-\x7e\t]*\r?\n?")
_RESP3 = regex(rb"[>~%|=,(_!+:\-](?:\d|\r\n|[A-Za-z]|inf|nan|-)")
_MAGICS = (b"REDIS0", b"VALKEY0")


def _prefix_reason(found: bytes, glued: bool) -> Reason:
    """Name what stands where a command should start."""
    if found.startswith(b"#"):
        return Reason.ANNOTATION_REFUSED
    if found.startswith((b"\r", b"\n")):
        return Reason.BLANK_LINE
    if found.startswith(b"$"):
        return Reason.GLUED_ANNOTATION if glued else Reason.ORPHAN_BULK
    if found.startswith(b"\xef\xbb\xbf"):
        return Reason.BYTE_ORDER_MARK
    if found.startswith(_MAGICS):
        return Reason.RDB_MAGIC
    if _RESP3.match(found):
        return Reason.RESP3_PREFIX
    inline = _INLINE.match(found)
    # A line cut by the look-ahead is still a line; binary noise rarely starts with two clean bytes.
    if inline and (inline[0].endswith(b"\n") or inline.end() == len(found)) and inline.end() > 1:
        return Reason.INLINE_COMMAND
    return Reason.BAD_PREFIX


def _hard_reason(raw: RawStop) -> Reason:
    """Name what the loader itself fails on."""
    if raw.halt in (Halt.PREFIX, Halt.BULK_PREFIX) and raw.run_bytes:
        return Reason.ZERO_GAP if raw.run_ended else Reason.ZERO_TAIL
    if raw.halt is Halt.PREFIX:
        return _prefix_reason(raw.found, raw.glue_offset >= 0)
    if raw.halt is Halt.EOF_TERMINATOR and raw.last_argument:
        return Reason.MISSING_FINAL_CRLF
    if raw.halt is Halt.DEPARTURE and raw.first is not None:
        return _REASONS[raw.first]
    return {
        Halt.BOUNDARY: Reason.END,
        Halt.EOF_COUNT: Reason.TORN_HEADER,
        Halt.EOF_LENGTH: Reason.TORN_HEADER,
        Halt.EOF_PAYLOAD: Reason.TORN_PAYLOAD,
        Halt.EOF_TERMINATOR: Reason.TORN_PAYLOAD,
        Halt.EOF_ANNOTATION: Reason.TORN_ANNOTATION,
        Halt.BULK_PREFIX: Reason.BAD_BULK_PREFIX,
        Halt.COUNT: Reason.BAD_COUNT,
        Halt.LENGTH: Reason.BAD_LENGTH,
    }[raw.halt]


def _zeros_at_end(raw: RawStop) -> int:
    """Return how many NULs end a torn header line when nothing else follows the first of them."""
    if raw.halt not in (Halt.EOF_COUNT, Halt.EOF_LENGTH):
        return 0
    kept = raw.line.rstrip(b"\0")
    return 0 if b"\0" in kept else len(raw.line) - len(kept)


def _diagnose(raw: RawStop, hard: Reason) -> tuple[Reason, int]:
    """Choose the departure that explains the failure, when there is one."""
    if hard is Reason.GLUED_ANNOTATION:
        return hard, raw.glue_offset
    if raw.first is None or raw.halt is Halt.DEPARTURE:
        return (Reason.ZERO_TAIL if _zeros_at_end(raw) else hard), raw.halt_offset
    if raw.halt in _EOF:
        # Headers that a loader lets pass do not explain a torn end; a lost terminator may.
        if raw.first in _ZERO and raw.first_end == raw.end_offset:
            return Reason.ZERO_TAIL, raw.first_offset
        if raw.terminator_offset >= 0:
            return Reason.BAD_TERMINATOR, raw.terminator_offset
        return hard, raw.halt_offset
    if raw.run_bytes and raw.first in _ZERO:
        return hard, raw.first_offset
    return _REASONS[raw.first], raw.first_offset


def build_stop(raw: RawStop) -> Stop:
    """Return the classified stop for what a scanner met."""
    hard = _hard_reason(raw)
    reason, offset = _diagnose(raw, hard)
    loader_reason, loader_end = hard, raw.command_end
    if raw.ran_to >= 0 and raw.ran_command:
        loader_end = raw.ran_to
    run_bytes = raw.run_bytes or _zeros_at_end(raw)
    resume = raw.halt_offset + raw.run_bytes if raw.run_ended else None
    return Stop(
        reason=reason,
        offset=offset,
        command_start=raw.item_start,
        good_end=raw.item_start,
        command_end=raw.command_end,
        command_index=raw.index,
        declared=None if raw.declared < 0 else raw.declared,
        remaining=None if raw.declared < 0 else raw.remaining,
        found=raw.found or raw.line[:64],
        run_bytes=run_bytes,
        resume_offset=resume,
        loader_reason=loader_reason,
        loader_offset=raw.halt_offset,
        loader_end=loader_end,
    )

"""Why a scan stopped and what it let pass, as plain data.

Fit for findings and reporters. Knows the names of damage; how it is told is the business of `stops`.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from aoftool.dataclass import dataclass
from aoftool.escape import printable, unprintable

__all__ = ["Leniency", "Reason", "Stop"]


class Reason(str, Enum):
    """Say why a scan stopped. The values are stable: they appear in JSON."""

    END = "end"
    TORN_HEADER = "torn-header"
    TORN_PAYLOAD = "torn-payload"
    LENGTH_BEYOND_END = "length-beyond-end"
    MISSING_FINAL_CRLF = "missing-final-crlf"
    TORN_ANNOTATION = "torn-annotation"
    GLUED_ANNOTATION = "glued-annotation"
    ANNOTATION_REFUSED = "annotation-refused"
    ZERO_TAIL = "zero-tail"
    ZERO_GAP = "zero-gap"
    BLANK_LINE = "blank-line"
    INLINE_COMMAND = "inline-command"
    RESP3_PREFIX = "resp3-prefix"
    BYTE_ORDER_MARK = "byte-order-mark"
    RDB_MAGIC = "rdb-magic"
    ORPHAN_BULK = "orphan-bulk"
    BAD_PREFIX = "bad-prefix"
    BAD_BULK_PREFIX = "bad-bulk-prefix"
    BAD_COUNT = "bad-count"
    BAD_LENGTH = "bad-length"
    BAD_TERMINATOR = "bad-terminator"
    LINE_TOO_LONG = "line-too-long"
    BARE_LINE_FEED = "bare-line-feed"
    HEADER_JUNK = "header-junk"
    HEADER_NUL = "header-nul"
    PADDED_NUMBER = "padded-number"
    COUNT_WRAP = "count-wrap"
    EMPTY_LENGTH = "empty-length"


class Leniency(str, Enum):
    """Name a departure from the canonical form that the servers' loaders accept.

    Source: measured on Valkey 9.1.2, Redis 7.0.15 and Redis 6.2.5 (aof.c loadSingleAppendOnlyFile
    reads headers with fgets and atoi, and skips two bytes after a payload without a look).
    """

    BARE_LINE_FEED = "bare-line-feed"
    HEADER_JUNK = "header-junk"
    HEADER_NUL = "header-nul"
    PADDED_NUMBER = "padded-number"
    COUNT_WRAP = "count-wrap"
    EMPTY_LENGTH = "empty-length"
    LONG_LINE = "long-line"
    TERMINATOR = "terminator"
    ZERO_TERMINATOR = "zero-terminator"
    LONG_ANNOTATION = "long-annotation"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a scan stopped and why.

    Attributes:
        reason: the diagnosis: the first departure that explains the failure.
        offset: absolute offset of what is wrong: a byte that cannot stand there, the first wrong byte
            of a terminator, or the header line whose number is bad or not fulfilled.
        command_start: start of the command or annotation that could not be read whole.
        good_end: end of the last whole command or annotation.
        command_end: end of the last whole command, where a server would cut (annotations behind it
            are not included).
        command_index: number of whole commands before the stop.
        declared: the length a torn payload declares, else None.
        remaining: how many bytes of it are there, else None.
        found: up to 64 bytes of what stands at the failing place.
        run_bytes: length of the run of NUL bytes for zero-tail and zero-gap.
        resume_offset: first byte behind a run of NULs, or the start of a chain of commands found
            behind a length that reaches past the end; None when not known.
        loader_reason: what a server's lenient loader fails on; equals `reason` unless the first
            departure is one that a loader lets pass.
        loader_offset: where it does.
        loader_end: end of the last command such a loader has run.
    """

    reason: Reason
    offset: int
    command_start: int
    good_end: int
    command_end: int
    command_index: int
    declared: int | None = None
    remaining: int | None = None
    found: bytes = b""
    run_bytes: int = 0
    resume_offset: int | None = None
    loader_reason: Reason = Reason.END
    loader_offset: int = 0
    loader_end: int = 0

    @property
    def clean(self) -> bool:
        """Tell whether the input ended on a boundary."""
        return self.reason is Reason.END

    def to_dict(self) -> dict[str, Any]:
        """Return JSON members; bytes as printable text."""
        members = {name: getattr(self, name) for name in self.__slots__}
        members["reason"] = self.reason.value
        members["loader_reason"] = self.loader_reason.value
        members["found"] = printable(self.found)
        return members

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Stop:
        """Return the stop that `to_dict` made members of."""
        known = dict(members)
        known["reason"] = Reason(members["reason"])
        known["loader_reason"] = Reason(members["loader_reason"])
        known["found"] = unprintable(members["found"])
        return cls(**known)

"""Annotations: the `#` lines between commands.

Servers since 7.0 skip any such line and write one kind, `#TS:<unix seconds>`; others are carried
through as they are. Redis 6.2 refuses them all. Reads single lines; finding them is the scanner's.
Source: Valkey 8.0 src/aof.c genAofTimestampAnnotationIfNeeded, loadSingleAppendOnlyFile.
"""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass
from aoftool.regex import regex

__all__ = ["Annotation", "AnnotationKind", "encode_timestamp", "parse_annotation"]

# A line is read into a fixed buffer: its newline included it has at most this many bytes, and what
# is left of a longer one is taken for a command. Measured on 7.0.15 and 9.1.2.
LINE_LIMIT = 1023

_TIMESTAMP = regex(rb"#TS:([0-9]{1,18})\r?\n?")
# What a server appends behind a line that was cut: a whole header, so the seam can be told.
_GLUED = regex(rb"#TS:[0-9]{0,18}(?=(\*[1-9][0-9]{0,8}\r\n)\Z)")


class AnnotationKind(str, Enum):
    """What an annotation says.

    Attributes:
        TIMESTAMP: the time of the commands behind it.
        BAD_TIMESTAMP: `#TS:` and no number; servers skip it like any other.
        GLUED: a line that was cut, with the header of the next command right behind it. No server
            loads the file; the seam is `glued_at`.
        OTHER: anything else.
    """

    TIMESTAMP = "timestamp"
    BAD_TIMESTAMP = "bad-timestamp"
    GLUED = "glued"
    OTHER = "other"


@dataclass(frozen=True)
class Annotation:
    """Hold one annotation line.

    Attributes:
        kind: what it says.
        time_s: Unix time in seconds of a TIMESTAMP, else None.
        is_canonical: it is exactly what a server writes.
        is_torn: it has no newline, as only the last line of a file can.
        glued_at: offset in the line where the next command begins; None but for GLUED.
    """

    kind: AnnotationKind
    time_s: int | None = None
    is_canonical: bool = False
    is_torn: bool = False
    glued_at: int | None = None


def parse_annotation(line: bytes) -> Annotation:
    """Read one line that starts with `#`, its newline included where it has one."""
    is_torn = not line.endswith(b"\n")
    found = _TIMESTAMP.fullmatch(line)
    if found is not None:
        time_s = int(found[1])
        return Annotation(AnnotationKind.TIMESTAMP, time_s, line == encode_timestamp(time_s), is_torn)
    glued = _GLUED.match(line)
    if glued is not None:
        return Annotation(AnnotationKind.GLUED, is_torn=is_torn, glued_at=glued.end())
    kind = AnnotationKind.BAD_TIMESTAMP if line.startswith(b"#TS:") else AnnotationKind.OTHER
    return Annotation(kind, is_torn=is_torn)


def encode_timestamp(time_s: int) -> bytes:
    """Return the annotation that a server writes for a Unix time in seconds."""
    return b"#TS:%d\r\n" % time_s

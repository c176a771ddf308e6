"""What becomes of commands that loaders let pass and servers never write: each judged by its bytes.

A line end behind a payload is put right where half of it is left, for the length in front of it tells where
it stands. Where neither byte is left, or a header line holds bytes of something else, the value cannot be
trusted either. Decides nothing: `aoftool.repair` plans by it, and findings say by it what such a plan loses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aoftool.check.stream.heal import heal_terminator
from aoftool.check.stream.shapes import read_annotation, read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Stretch
from aoftool.dataclass import dataclass
from aoftool.errors import FormatError
from aoftool.files.source import Source
from aoftool.regex import regex
from aoftool.resp.encode import encode_command
from aoftool.resp.frame import argv_at

__all__ = ["Usual", "usual_forms"]

_TERMINATOR = "bad-terminator"
_HEADER = "lenient-header"
_LARGE = 1 << 20
# What follows the number of a header line; longer than this it was no line of a command.
_STRANGE = regex(rb"\A.[ +0-9]*[^0-9].{3}", re.DOTALL)


@dataclass(frozen=True)
class Usual:
    """What makes one command one that servers write.

    Attributes:
        start, end: half-open span that is replaced, or taken out.
        data: what is put there; None where the command is taken out.
        code: code of the finding.
        reason: in words, for people.
        is_certain: nothing else can be meant, so that it is done unasked.
    """

    start: int
    end: int
    data: bytes | None
    code: str
    reason: str
    is_certain: bool = False


def usual_forms(source: Source, reader: Reader, stretch: Stretch) -> Iterator[Usual]:
    """Yield what makes the lenient commands of a stretch usual; of one that is too large to hold, nothing."""
    for start, length in _lenient_commands(source, stretch):
        found = _usual(source, reader, start, length)
        if found is not None:
            yield found


def _lenient_commands(source: Source, stretch: Stretch) -> Iterator[tuple[int, int]]:
    """Yield place and length of the lenient commands of a stretch, and read no further than the last."""
    # Imported here: it brings numpy, and few repairs need this.
    from aoftool.resp.batch import BatchReader

    left = sum(seen.count for seen in stretch.tally.leniencies.values())
    for batch in BatchReader(source, start=stretch.start, end=stretch.end):
        rows = batch.lenient.nonzero()[0]
        for row in rows:
            yield int(batch.offset[row]), int(batch.length[row])
        left -= len(rows)
        if left <= 0:
            return


def _usual(source: Source, reader: Reader, start: int, length: int) -> Usual | None:
    if read_shape(reader, start) is not None:
        return None
    patch = heal_terminator(reader, start)
    if patch is None:
        return _header(source, start, length) if length <= _LARGE else None
    found = reader.at(patch.start, 2)
    if found[:1] == b"\r" or found[1:] == b"\n" or _is_mark(reader, start, patch.start):
        reason = "the line end behind an argument was damaged"
        return Usual(patch.start, patch.end, patch.data, _TERMINATOR, reason, is_certain=True)
    # Neither byte of the line end is left: the value in front of it cannot be trusted either.
    reason = "a command whose value ends in bytes that do not belong to it"
    return Usual(start, _behind_torn_text(reader, start + length), None, _TERMINATOR, reason)


def _is_mark(reader: Reader, start: int, end: int) -> bool:
    """Tell whether what stands in front of a line end is nothing but a MULTI or EXEC."""
    return reader.at(start, min(end - start, 32)).upper() in (b"*1\r\n$4\r\nEXEC", b"*1\r\n$5\r\nMULTI")


def _behind_torn_text(reader: Reader, at: int) -> int:
    """Return the offset behind binary bytes that a loader takes for an annotation by their first one."""
    end = read_annotation(reader, at)
    if end is None:
        return at
    text = reader.at(at, end - at).rstrip(b"\r\n")
    return at if text.isascii() and text.decode("ascii").isprintable() else end


def _header(source: Source, start: int, length: int) -> Usual | None:
    try:
        argv = argv_at(source, start).argv
    except FormatError:
        return None
    end = start + length
    if _is_torn(source, start, length, argv):
        reason = "a command with a header line that holds bytes of something else"
        return Usual(start, end, None, _HEADER, reason)
    reason = "a command in a form that servers read and never write"
    return Usual(start, end, encode_command(argv), _HEADER, reason)


def _is_torn(source: Source, start: int, length: int, argv: Sequence[bytes]) -> bool:
    """Tell whether one header line is so much longer than it need be that it is none.

    Loaders read a number and skip the rest of the line, whatever it is.
    """
    text = source.read_at(start, length)
    at = 0
    for payload in (None, *argv):
        end = text.find(b"\n", at)
        if _STRANGE.search(text[at:end]):
            return True
        at = end + 1 if payload is None else end + 1 + len(payload) + 2
    return False

"""Plans for framing that loaders let pass and servers never write.

A damaged line end behind a payload is put right always: the length in front of it tells exactly where
it stands. Other departures load as they are; a salvage writes them in the usual form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from aoftool.check.exam_model import FileExam
from aoftool.check.stream.heal import heal_terminator
from aoftool.check.stream.shapes import read_annotation, read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.stream.wounds import Stretch
from aoftool.errors import FormatError
from aoftool.files.source import Source
from aoftool.regex import regex
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft
from aoftool.resp.encode import encode_command
from aoftool.resp.frame import argv_at
from aoftool.resp.model import Leniency
from aoftool.units import counted

__all__ = ["plan_lenient"]

_ALWAYS = frozenset({Leniency.TERMINATOR})
_SALVAGED = frozenset(Leniency) - {Leniency.LONG_ANNOTATION}
_MOST = 10_000
_LARGE = 1 << 20
# What follows the number of a header line; longer than this it was no line of a command.
_STRANGE = regex(rb"\A.[ +0-9]*[^0-9].{3}", re.DOTALL)


def plan_lenient(exam: FileExam, source: Source, draft: Draft, choice: Choice) -> None:
    """Plan to write a file's lenient commands in the form that servers write."""
    if exam.tail is None:
        return
    kinds = _SALVAGED if choice.salvage else _ALWAYS
    reader = Reader(source, exam.size_bytes)
    for stretch in exam.tail.stretches:
        found = {kind for kind in stretch.tally.leniencies if kind in kinds}
        if not found:
            continue
        count = sum(stretch.tally.leniencies[kind].count for kind in found)
        if count > _MOST:
            draft.left.append(
                (
                    "lenient-header",
                    f"{counted(count, 'command is', 'commands are')} not in the form servers write",
                )
            )
            continue
        for start, length in _lenient_commands(source, stretch):
            _one(source, reader, start, length, draft, choice)


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


def _one(source: Source, reader: Reader, start: int, length: int, draft: Draft, choice: Choice) -> None:
    if read_shape(reader, start) is not None:
        return
    patch = heal_terminator(reader, start)
    if patch is None:
        if choice.salvage and length <= _LARGE:
            _rewrite(source, start, length, draft)
        return
    found = reader.at(patch.start, 2)
    if found[:1] == b"\r" or found[1:] == b"\n" or _is_mark(reader, start, patch.start):
        reason = "the line end behind an argument was damaged"
        draft.put(patch.start, patch.end, patch.data, "bad-terminator", reason)
    elif choice.salvage:
        # Neither byte of the line end is left: the value in front of it cannot be trusted either.
        reason = "a command whose value ends in bytes that do not belong to it"
        end = _behind_torn_text(reader, start + length)
        draft.drop(start, end, "bad-terminator", reason, 1)


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


def _rewrite(source: Source, start: int, length: int, draft: Draft) -> None:
    try:
        argv = argv_at(source, start).argv
    except FormatError:
        return
    if _is_torn(source, start, length, argv):
        reason = "a command with a header line that holds bytes of something else"
        draft.drop(start, start + length, "lenient-header", reason, 1)
        return
    reason = "a command in a form that servers read and never write"
    draft.put(start, start + length, encode_command(argv), "lenient-header", reason)


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

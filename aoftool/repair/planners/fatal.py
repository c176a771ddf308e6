"""Plans for commands that the log's own server does not outlive while it loads the log.

VADD with CAS is written without the word, which does the same in the server's own thread; what else ends a
server changes no data, and a salvage takes it out.

Source: measured on Redis 8.0.6, 8.2.3 and 8.6.3: the sets have the same elements.
"""

from __future__ import annotations

from aoftool.check.exam_model import FileExam, LogExam, Spot
from aoftool.check.fatal import fatal_spots
from aoftool.check.stream.shapes import read_shape
from aoftool.check.stream.window import Reader
from aoftool.check.vector_adds import cas_place
from aoftool.escape import excerpt
from aoftool.files.source import Source
from aoftool.repair.choice import Choice
from aoftool.repair.draft import Draft

__all__ = ["plan_fatal"]

_CODE = "hurtful-command"
_VADD = b"VADD"
# Of an argument so much is looked at: options are short.
_WORD_BYTES = 64


def plan_fatal(exam: LogExam, file: FileExam, source: Source, draft: Draft, choice: Choice) -> None:
    """Plan what becomes of one file's commands that end the server which wrote it."""
    reader = Reader(source, file.size_bytes)
    for spot in fatal_spots(exam, file):
        if spot.name == _VADD:
            _without_cas(spot, reader, draft)
        elif choice.salvage:
            words = [spot.name] if spot.subcommand is None else [spot.name, spot.subcommand]
            reason = f"{excerpt(b' '.join(words))}: the server that wrote the log does not outlive it"
            draft.drop(spot.start, spot.end, _CODE, reason, 1)


def _without_cas(spot: Spot, reader: Reader, draft: Draft) -> None:
    """Take the word CAS out of a command, and count its arguments again."""
    shape = read_shape(reader, spot.start)
    if shape is None:
        return
    argv = [
        reader.at(argument.payload_start, min(argument.length, _WORD_BYTES)) for argument in shape.arguments
    ]
    place = cas_place(argv)
    if place is None:
        return
    reason = "VADD without CAS, which does the same and which servers outlive"
    header = b"*%d\r\n" % (len(shape.arguments) - 1)
    draft.put(spot.start, shape.arguments[0].start, header, _CODE, reason)
    argument = shape.arguments[place]
    draft.drop(argument.start, argument.end, _CODE, reason, lossless=True)

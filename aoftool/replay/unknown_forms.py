"""Find the commands of a stream in a form that no release has, at the speed of a scan.

What a tally counts clears most streams; of the others a sieve finds what may be one, and only that is read.
Judges nothing else, and no payload of a DUMP, whose version stands at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from aoftool.commands.areas import areas, may_hold_unknown_forms
from aoftool.commands.modules import is_of_tile38
from aoftool.files.source import STDIN, Source
from aoftool.progress import Progress, no_progress
from aoftool.resp.model import Command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

if TYPE_CHECKING:
    from aoftool.aof.survey import Survey

__all__ = [
    "find_unknown_forms",
    "first_unknown_form",
    "unknown_in_area",
]

# Words are short, and whatever is longer is none.
_KEPT_BYTES = 64


@cache
def _watch() -> Watch:
    return Watch(areas=areas())


def first_unknown_form(read: Survey, workers: int = 1) -> tuple[str, int] | None:
    """Return the name of a file and the offset of a command in a form that no release has; None for none.

    Of a file that cannot be read at an offset only a check can tell: where it may hold one, it is named,
    with offset 0.
    """
    # Here: a check brings sources of its own, and has loaded none of this.
    from aoftool.aof.log import open_log_file

    for item in read.files:
        if item.tail is None or not may_hold_unknown_forms(item.tail) or item.file.path == STDIN:
            continue
        with open_log_file(item.file) as source:
            if not source.seekable:
                return item.file.shown_name, 0
            found = find_unknown_forms(source, item.tail_start, end=item.good_end, workers=workers)
            for command, _ in found:
                return item.file.shown_name, command.offset
    return None


def unknown_in_area(name: bytes, argv: Sequence[bytes]) -> str:
    """Return what no release has in a command, in words; empty for nothing, and for payloads.

    Args:
        name: in upper case.
        argv: its arguments, of which long ones may be cut.
    """
    if not _watch().wants_form(name, argv) or is_of_tile38(argv):
        return ""
    # Here: most logs hold nothing to ask about.
    from aoftool.replay.doubt import unknown_words_of

    return unknown_words_of(argv)


def find_unknown_forms(
    source: Source,
    start: int,
    *,
    end: int | None = None,
    workers: int = 1,
    progress: Progress = no_progress,
) -> Iterator[tuple[Command, str]]:
    """Yield the commands that have something which no release has, and what that is, in words.

    Args:
        source: can be read at an offset; `start` is where its commands begin.
    """
    reader = SieveReader(
        source, _watch(), start=start, end=end, keep=_KEPT_BYTES, workers=workers, progress=progress
    )
    for command in reader:
        what = unknown_in_area(command.name, command.argv)
        if what:
            yield command, what

"""Function libraries in the commands of a log that a server drops while it loads.

A loader logs the error of FUNCTION LOAD and goes on: the data are there, and the library is not. In an RDB
part the same library ends the loading, see `view`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aoftool.check.exam_model import FileExam
from aoftool.check.model import Outcome, ServerOutcome
from aoftool.check.suspicion import loads_libraries
from aoftool.dataclass import replace
from aoftool.escape import excerpt
from aoftool.files.source import STDIN, open_source
from aoftool.rdb.library import ServerObject, library_name, server_object
from aoftool.releases import NAMES
from aoftool.resp.commands import commands
from aoftool.units import and_more

__all__ = ["with_dropped_libraries"]

_CODE_BYTES = 1 << 16
_MOST_NAMED = 3


def with_dropped_libraries(
    outcomes: Sequence[ServerOutcome], files: Iterable[FileExam]
) -> list[ServerOutcome]:
    """Return outcomes with a note where a server loads a log without some of its libraries."""
    found = _server_libraries(files)
    if not found:
        return list(outcomes)
    surely = [name for name, use in found if use is ServerObject.CALLED]
    maybe = [name for name, use in found if use is ServerObject.NAMED]
    notes = [
        f"{words} {_named(names)}, which {'uses' if len(names) == 1 else 'use'} `server`"
        for words, names in (("drops", surely), ("may drop", maybe))
        if names
    ]
    return [
        replace(row, notes=(*row.notes, *notes))
        if row.outcome in (Outcome.LOAD, Outcome.CUT) and _lacks_server_object(row.target)
        else row
        for row in outcomes
    ]


def _named(names: Sequence[str]) -> str:
    kind = "library" if len(names) == 1 else "libraries"
    return f"{kind} {', '.join(names[:_MOST_NAMED])}{and_more(len(names) - _MOST_NAMED)}"


def _lacks_server_object(target: str) -> bool:
    """Tell whether scripts of a server that has libraries may not call `server`."""
    from aoftool.keyspace.libraries import has_server_object
    from aoftool.replay.writer import flavour_of_release

    return not has_server_object(flavour_of_release(NAMES[target]))


def _server_libraries(files: Iterable[FileExam]) -> list[tuple[str, ServerObject]]:
    """Return name and use of each library that commands load and that knows `server`."""
    codes = (code for file in files for code in _loaded(file))
    uses = {excerpt(library_name(code)): server_object(code) for code in codes}
    return [(name, use) for name, use in uses.items() if use is not ServerObject.UNUSED]


def _loaded(file: FileExam) -> Iterator[bytes]:
    """Yield the text of each library that the commands of a file load, or its beginning."""
    path = file.plain_path or file.path
    if path == STDIN or file.tail is None or not loads_libraries(file.tail.first):
        return
    with open_source(path) as source:
        if not source.seekable:
            return
        names = frozenset({b"FUNCTION"})
        for command in commands(source, file.tail_start, end=file.good_end, names=names, limit=_CODE_BYTES):
            if len(command.argv) > 2 and command.argv[1].upper() == b"LOAD":
                yield command.argv[-1]

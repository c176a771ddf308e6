"""Function libraries in the commands of a log that a server drops while it loads.

A loader logs the error of FUNCTION LOAD and goes on: the data are there, and the library is not. In an RDB
part the same library ends the loading, see `view`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from aoftool.check.exam_model import FileExam
from aoftool.check.model import Outcome, ServerOutcome
from aoftool.check.suspicion import loads_libraries
from aoftool.commands.table import CONTAINERS
from aoftool.dataclass import replace
from aoftool.escape import excerpt
from aoftool.files.source import STDIN, open_source
from aoftool.rdb.library import ServerObject, library_name, server_object
from aoftool.releases import NAMES
from aoftool.resp.commands import commands

__all__ = ["with_dropped_libraries"]

_CODE_BYTES = 1 << 16
_MOST_NAMED = 3


def with_dropped_libraries(
    outcomes: Sequence[ServerOutcome], files: Iterable[FileExam]
) -> list[ServerOutcome]:
    """Return outcomes with a note where a server loads a log without some of its libraries."""
    found = list(_server_libraries(files))
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
    more = "" if len(names) <= _MOST_NAMED else f" and {len(names) - _MOST_NAMED:,} more"
    return f"library {', '.join(names[:_MOST_NAMED])}{more}"


def _lacks_server_object(target: str) -> bool:
    """Tell whether scripts of a server that has libraries may not call `server`."""
    from aoftool.keyspace.libraries import has_server_object
    from aoftool.replay.writer import flavour_of_release

    return not has_server_object(flavour_of_release(NAMES[target]))


def _server_libraries(files: Iterable[FileExam]) -> Iterator[tuple[str, ServerObject]]:
    """Yield name and use of each library that commands load and that knows `server`, once."""
    told = set()
    for file in files:
        path = file.plain_path or file.path
        if path == STDIN or file.tail is None or not loads_libraries(file.tail.first):
            continue
        with open_source(path) as source:
            if not source.seekable:
                continue
            for command in commands(
                source,
                file.tail_start,
                end=file.good_end,
                containers=CONTAINERS,
                names=frozenset({b"FUNCTION"}),
                limit=_CODE_BYTES,
            ):
                code = command.argv[-1]
                use = server_object(code)
                if (
                    command.argv[1:2]
                    and command.argv[1].upper() == b"LOAD"
                    and use is not ServerObject.UNUSED
                ):
                    name = excerpt(library_name(code))
                    if name not in told:
                        told.add(name)
                        yield name, use

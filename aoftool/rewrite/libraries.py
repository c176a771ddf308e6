"""Where the function libraries of a log go, and what is to be said about them.

Only a server can run a library's text. A server ends when the RDB part holds one that it refuses, and goes
on when a FUNCTION LOAD fails. So in an RDB stand those of which it is known that the target takes them; the
others are carried as commands behind it, and the target decides as it would have on the log itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aoftool.escape import excerpt
from aoftool.keyspace.libraries import Library, has_server_object
from aoftool.rdb.encode.targets import Target, written_by
from aoftool.rdb.encode.writer import Sink
from aoftool.rdb.library import ServerObject, plain_body, server_object
from aoftool.resp.encode import encode_command
from aoftool.rewrite.target_choice import flavour_of
from aoftool.rewrite.write.outputs import Output

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["carry_libraries", "library_notes", "write_libraries"]

_SHOWN = 5


def write_libraries(
    libraries: Iterable[Library], output: Output, target: Target, base: RdbWalk | None
) -> list[Library]:
    """Write libraries at the start of an output, and return those to be carried behind it.

    Args:
        base: RDB part of the log they come from.
    """
    carried = []
    for library in libraries:
        if output.copies and not _stands_in_base(library, target, base):
            carried.append(library)
        else:
            output.writer.function(library.code)
    return carried


def carry_libraries(libraries: Iterable[Library], sink: Sink) -> int:
    """Write the commands that load libraries; return their bytes."""
    size = 0
    for library in libraries:
        command = encode_command((b"FUNCTION", b"LOAD", library.code))
        sink.write(command)
        size += len(command)
    return size


def _stands_in_base(library: Library, target: Target, base: RdbWalk | None) -> bool:
    """Tell whether a library may stand in the RDB part of the result."""
    if not target.functions:
        return True  # and is refused there, by name
    knows_server = has_server_object(flavour_of(target))
    if library.functions is not None:
        body = plain_body(library.code)
        return knows_server or body is None or not body.uses_server
    if not library.of_base or _writer_family(base) != target.flavour:
        return False
    return knows_server or server_object(library.code) is ServerObject.UNUSED


def library_notes(libraries: Iterable[Library], target: Target, base: RdbWalk | None) -> list[str]:
    """Return what a user should know of the libraries of a result, in words."""
    all_of_them = list(libraries)
    if not all_of_them or not target.functions:
        return []
    notes = []
    strange: list[Library] = []
    if not has_server_object(flavour_of(target)):
        strange = [
            library for library in all_of_them if server_object(library.code) is not ServerObject.UNUSED
        ]
    if strange:
        notes.append(
            f"{_count(strange)} of the log may use `server`, which {target.name} does not know: it refuses"
            f" such a library and goes on without it ({_names(strange)})"
        )
    writer = _writer_family(base)
    others = [library for library in all_of_them if library not in strange and library.functions is None]
    if writer and writer != target.flavour and others:
        notes.append(
            f"{_count(others)} of the log worked on {writer.capitalize()}; only a server can tell whether"
            f" {target.name} takes what they do ({_names(others)})"
        )
    return notes


def _writer_family(base: RdbWalk | None) -> str:
    """Return the project of the server that wrote the RDB part, empty when it does not say."""
    writer = None if base is None else written_by(base.aux)
    return "" if writer is None else writer[0].flavour


def _count(libraries: list[Library]) -> str:
    return "1 function library" if len(libraries) == 1 else f"{len(libraries):,} function libraries"


def _names(libraries: list[Library]) -> str:
    shown = ", ".join(excerpt(library.name) for library in libraries[:_SHOWN])
    return shown + (", ..." if len(libraries) > _SHOWN else "")

"""The function libraries of an RDB part that was walked."""

from __future__ import annotations

from aoftool.errors import UnsupportedError
from aoftool.files import Source
from aoftool.rdb.strings import read_string
from aoftool.rdb.summary import RdbWalk

__all__ = ["read_functions"]

_OPCODE_BYTES = 1


def read_functions(summary: RdbWalk, source: Source) -> list[bytes]:
    """Return the texts of the libraries, in the order of the file.

    Args:
        source: the file that was walked; it can be read at an offset.

    Raises:
        UnsupportedError: there are more libraries than the walk names.
    """
    if summary.function_count > len(summary.functions):
        raise UnsupportedError(
            f"{summary.function_count:,} function libraries are too many", path=source.path
        )
    return [
        read_string(source.read_at(library.offset, library.size_bytes), _OPCODE_BYTES)[0]
        for library in summary.functions
    ]

"""The function libraries of an RDB part that was walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.errors import UnsupportedError
from aoftool.files import Source
from aoftool.rdb.decode.strings import read_length, read_string
from aoftool.rdb.opcodes import FUNCTION_PRE_GA

if TYPE_CHECKING:
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = ["library_text", "read_functions"]

_OPCODE_BYTES = 1


def library_text(raw: bytes) -> bytes:
    """Return the text of a library from the bytes of its opcode, as FUNCTION LOAD takes it.

    Release candidates of Redis 7.0 kept name, engine and description beside the code; Redis 7.0 makes the
    first line of a text of them when it loads such a library.

    Source: Redis 7.0 src/rdb.c rdbFunctionLoad; measured on 7.0.15

    Raises:
        EncodingDamage: the bytes end too early.
    """
    text, at = read_string(raw, _OPCODE_BYTES)
    if raw[0] != FUNCTION_PRE_GA:
        return text
    engine, at = read_string(raw, at)
    is_described, at = read_length(raw, at)
    if is_described:
        _, at = read_string(raw, at)
    return b"#!%b name=%b\n%b" % (engine, text, read_string(raw, at)[0])


def read_functions(summary: RdbWalk, source: Source) -> list[bytes]:
    """Return the texts of the libraries, in the order of the file.

    Args:
        source: the file that was walked, open at its start where it cannot be read at an offset.

    Raises:
        UnsupportedError: there are more libraries than the walk names.
    """
    if summary.function_count > len(summary.functions):
        raise UnsupportedError(
            f"{summary.function_count:,} function libraries are too many", path=source.path
        )
    return [
        library_text(_bytes_of(source, library.offset, library.size_bytes)) for library in summary.functions
    ]


def _bytes_of(source: Source, offset: int, size: int) -> bytes:
    """Return a piece of the file; of what is packed, pieces come in order and the rest is dropped."""
    if source.seekable:
        return source.read_at(offset, size)
    source.skip(offset - source.tell())
    pieces = bytearray()
    while len(pieces) < size and (piece := source.read(size - len(pieces))):
        pieces += piece
    return bytes(pieces)

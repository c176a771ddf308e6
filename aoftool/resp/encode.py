"""Commands as canonical bytes: what every server version writes and every grammar accepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["SELECT_BYTES", "encode_command", "encode_commands", "encode_select", "encoded_size"]


def encode_command(argv: Sequence[bytes]) -> bytes:
    """Return one command as `*<argc>` and its arguments as bulk strings."""
    if not argv:
        raise ValueError("a command has at least its name")
    pieces = [b"*%d\r\n" % len(argv)]
    for argument in argv:
        pieces.append(b"$%d\r\n" % len(argument))
        pieces.append(argument)
        pieces.append(b"\r\n")
    return b"".join(pieces)


def encode_commands(argvs: Iterable[Sequence[bytes]]) -> bytes:
    """Return several commands, one behind the other."""
    return b"".join(map(encode_command, argvs))


def encode_select(db: int) -> bytes:
    """Return the SELECT of a database."""
    return encode_command((b"SELECT", b"%d" % db))


SELECT_BYTES = len(encode_select(0)) - 1
"""Bytes of a SELECT without the digits of its database, of which no database has ten."""


def encoded_size(lengths: Iterable[int]) -> int:
    """Return the bytes that a command takes whose arguments have these lengths."""
    count = size = 0
    for length in lengths:
        count += 1
        size += len(str(length)) + length + 5
    return size + len(str(count)) + 3

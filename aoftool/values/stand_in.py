"""What stands for a module value that commands made: only the module could say what it is."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from aoftool.values.module import ModuleValue

__all__ = ["digest_of", "stand_in", "stood_bytes"]

_VERSION = -1


def stand_in(
    type_name: str, before: object, argv: list[bytes], *, size_bytes: int = 0, is_within: bool = False
) -> ModuleValue:
    """Return what stands for the value behind a command.

    Its bytes are a digest of what made it: equal digests mean equal values, and different ones that the
    values came about in different ways.

    Args:
        type_name: the module's name of the type, nine characters.
        before: the value before the command; None where there was none.
        size_bytes: of what the command says of the value.
        is_within: the command makes it no larger than by that.
    """
    if not isinstance(before, ModuleValue):
        return ModuleValue(type_name, _VERSION, digest_of(argv), size_bytes, is_within)
    size_bytes += stood_bytes(before)
    return ModuleValue(
        type_name, _VERSION, digest_of(argv, before.raw), size_bytes, is_within and before.is_within
    )


def stood_bytes(value: ModuleValue) -> int:
    """Return the bytes of a value, or of the commands that made what only stands for one."""
    return len(value.raw) if value.is_known else value.made_of_bytes


def digest_of(words: Iterable[bytes], start: bytes = b"") -> bytes:
    """Return 16 bytes that are equal for equal words only."""
    digest = blake2b(start, digest_size=16)
    for word in words:
        digest.update(b"%d:" % len(word))
        digest.update(word)
    return digest.digest()

"""What stands for a module value that commands made: only the module could say what it is."""

from __future__ import annotations

from hashlib import blake2b

from aoftool.values.module import ModuleValue

__all__ = ["stand_in"]

_VERSION = -1


def stand_in(type_name: str, before: object, argv: list[bytes]) -> ModuleValue:
    """Return what stands for the value behind a command.

    Its bytes are a digest of what made it: equal digests mean equal values, and different ones that the
    values came about in different ways.

    Args:
        type_name: the module's name of the type, nine characters.
        before: the value before the command; None where there was none.
    """
    digest = blake2b(before.raw if isinstance(before, ModuleValue) else b"", digest_size=16)
    for argument in argv:
        digest.update(b"%d:" % len(argument))
        digest.update(argument)
    return ModuleValue(type_name, _VERSION, digest.digest())

"""Module ids: nine characters of six bits and a version of ten bits in one 64-bit number."""

from __future__ import annotations

from aoftool.namedtuple import NamedTuple
from aoftool.rdb.decode.strings import read_length

__all__ = ["MODULE_TYPE", "ModuleId", "module_name", "split_module_id"]

MODULE_TYPE = 7
"""The RDB type of values that modules keep; of each the name of its own type stands in front."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NAME_LENGTH = 9
_VERSION_BITS = 10


class ModuleId(NamedTuple):
    """The type name a module registered and the version of its encoding."""

    name: str
    version: int


def split_module_id(number: int) -> ModuleId:
    """Return the name and encoding version in a module id.

    Source: Valkey 9.1 src/module.c moduleTypeNameByID; `vectorset` measured on Redis 8.0.6.
    """
    bits = number >> _VERSION_BITS
    places = range(6 * (_NAME_LENGTH - 1), -1, -6)
    name = "".join(_ALPHABET[bits >> shift & 63] for shift in places)
    return ModuleId(name, number & (1 << _VERSION_BITS) - 1)


def module_name(value: bytes | memoryview) -> str:
    """Return the type name that a module registered, such as `ReJSON-RL`, of a value as stored.

    Raises:
        EncodingDamage: the value ends before its module id does.
    """
    return split_module_id(read_length(value, 0)[0]).name

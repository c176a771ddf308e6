"""A module value: bytes that only the module can read, carried as they are."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModuleValue"]


@dataclass(slots=True)
class ModuleValue:
    """The RDB form of a value whose module we do not have.

    Attributes:
        module_name: nine characters from the module id.
        module_version: encoding version, the low ten bits of the module id.
        raw: the bytes from the module id (after type and key) to the closing opcode 0 included.
    """

    module_name: str
    module_version: int
    raw: bytes

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
        raw: the bytes from the module id (after type and key) to the closing opcode 0 included; a digest
            in what only stands for a value, see `aoftool.values.stand_in`.
    """

    module_name: str
    module_version: int
    raw: bytes

    @property
    def is_known(self) -> bool:
        """Tell whether these are the bytes of a value, and not a digest of the commands that made it."""
        return self.module_version >= 0

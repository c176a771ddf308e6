"""A module value: bytes that only the module can read, carried as they are."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = ["ModuleValue", "UnknownValue"]


@dataclass(slots=True)
class ModuleValue:
    """The RDB form of a value whose module we do not have.

    Attributes:
        module_name: nine characters from the module id.
        module_version: encoding version, the low ten bits of the module id.
        raw: the bytes from the module id (after type and key) to the closing opcode 0 included; a digest
            in what only stands for a value, see `aoftool.values.stand_in`.
        made_of_bytes: of what only stands for a value: of the commands that made it, and of what was there.
        is_within: the value takes no more than these; else it may, as a filter that few words reserve.
    """

    module_name: str
    module_version: int
    raw: bytes
    made_of_bytes: int = field(default=0, compare=False)
    is_within: bool = field(default=True, compare=False)

    @property
    def is_known(self) -> bool:
        """Tell whether these are the bytes of a value, and not a digest of the commands that made it."""
        return self.module_version >= 0


class UnknownValue(ModuleValue):
    """What stands for a value, of whatever type, that nobody here knows; perhaps there is none."""

    __slots__ = ()

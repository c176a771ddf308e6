"""A set value."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["SetValue"]


class SetValue(dict[bytes, None]):
    """Members in order of insertion; a dict, so that iteration is repeatable."""

    __slots__ = ()

    @classmethod
    def of(cls, members: Iterable[bytes]) -> SetValue:
        """Return a set of these members."""
        return cls((member, None) for member in members)

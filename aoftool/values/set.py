"""A set value."""

from __future__ import annotations

__all__ = ["SetValue"]


class SetValue(dict[bytes, None]):
    """Members in order of insertion; a dict, so that iteration is repeatable."""

    __slots__ = ()

"""A hash value with optional expire times per field."""

from __future__ import annotations

__all__ = ["HashValue"]


class HashValue(dict[bytes, bytes]):
    """Fields to values, in order of insertion.

    Attributes:
        expires: field to absolute expire time in Unix milliseconds; fields that are absent have
            none. Every key of it is a field of the hash. Past times are kept: loading an AOF never
            expires anything.
    """

    __slots__ = ("expires",)

    def __init__(self, *args: object, **kwargs: bytes) -> None:
        super().__init__(*args, **kwargs)
        self.expires: dict[bytes, int] = {}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, HashValue):
            return dict.__eq__(self, other) and self.expires == other.expires
        return dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

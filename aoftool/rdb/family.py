"""The two projects whose RDB files give some numbers different meanings; the magic tells them apart."""

from __future__ import annotations

from enum import Enum

__all__ = ["Family"]


class Family(Enum):
    """The two meanings of the type numbers 22 to 243."""

    REDIS = "redis"
    VALKEY = "valkey"

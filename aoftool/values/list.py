"""A list value: elements from head to tail."""

from __future__ import annotations

from collections import deque

__all__ = ["ListValue"]


class ListValue(deque[bytes]):
    """Elements from head (left) to tail (right); both ends are cheap to push and pop."""

    __slots__ = ()

"""An array value: elements at integer places, with gaps (Redis 8.8 and later)."""

from __future__ import annotations

__all__ = ["ArrayValue"]


class ArrayValue(dict[int, bytes | int | float]):
    """Places to elements, in stored order.

    Attributes:
        insert_index: place of the next insertion where the file gives it, else None.
    """

    __slots__ = ("insert_index",)

    def __init__(self, *args: object, **kwargs: bytes) -> None:
        super().__init__(*args, **kwargs)
        self.insert_index: int | None = None

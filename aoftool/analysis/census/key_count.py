"""One key of a top list, as it was counted."""

from __future__ import annotations

from aoftool.dataclass import dataclass

__all__ = ["KeyCount"]


@dataclass(frozen=True, slots=True)
class KeyCount:
    """One key of a top list.

    Attributes:
        writes, size_bytes: the most it can be; exact when `writes_over` and `bytes_over` are 0.
        writes_over, bytes_over: by how much that may be too much.
        deadline_ms: its expire time as the commands left it, 0 for none, -1 when it was deleted; None
            when only a sketch is left.
    """

    db: int
    key: bytes
    writes: int
    size_bytes: int
    writes_over: int = 0
    bytes_over: int = 0
    deadline_ms: int | None = None

"""Where any of some words stand in bytes: the reference."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["find_words"]


def find_words(data: bytes | bytearray | memoryview, words: Sequence[bytes], most: int) -> list[int]:
    """Return where words begin, ascending and each place once; of many the first ones.

    Args:
        words: of at least two bytes each.
        most: so many places are enough.
    """
    text = bytes(data)
    found: set[int] = set()
    for word in words:
        at = text.find(word)
        while at >= 0:
            found.add(at)
            at = text.find(word, at + 1)
    return sorted(found)[:most]

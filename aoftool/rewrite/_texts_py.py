"""Arguments of commands whose places are known; the reference of the compiled twin."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.liveness.framing import split_command

__all__ = ["split_rows"]


def split_rows(
    data: bytes | bytearray | memoryview, base: int, starts: Sequence[int]
) -> list[list[bytes]]:
    """Return the arguments of the commands at absolute offsets.

    Args:
        data: bytes that hold all these commands whole.
        base: absolute offset of their first byte.
        starts: absolute offsets.

    Raises:
        NotCanonical: one of them is not written the canonical way.
    """
    texts = []
    for start in starts:
        found = split_command(data, start - base)
        if found is None:
            raise ValueError("the data end inside a command")
        texts.append(found[0])
    return texts

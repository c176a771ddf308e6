"""Arguments of commands whose places are known; the reference of the compiled twin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aoftool.rdb.encode.encode import string_records
from aoftool.resp.canonical import split_command

__all__ = ["encode_sets", "split_rows", "split_sets"]


def split_rows(
    data: bytes | bytearray | memoryview, base: int, starts: NDArray[np.int64]
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
    for start in starts.tolist():
        found = split_command(data, start - base)
        if found is None:
            raise ValueError("the data end inside a command")
        texts.append(found[0])
    return texts


def split_sets(
    data: bytes | bytearray | memoryview, base: int, starts: NDArray[np.int64]
) -> list[tuple[bytes, bytes, None]]:
    """Return (key, value, None) of commands whose key and value are their first two arguments.

    The arguments, and what is raised, are those of `split_rows`.
    """
    return [(argv[1], argv[2], None) for argv in split_rows(data, base, starts)]


def encode_sets(
    data: bytes | bytearray | memoryview, base: int, starts: NDArray[np.int64], compress: bool
) -> bytes:
    """Return the RDB records of commands whose key and value are their first two arguments.

    The other arguments, and what is raised, are those of `split_rows`.

    Args:
        compress: pack long strings with LZF, as servers do.
    """
    return string_records(split_sets(data, base, starts), compress)

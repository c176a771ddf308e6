"""Arguments of commands whose places are known; the reference of the compiled twin."""

from __future__ import annotations

from aoftool.columns import Column
from aoftool.rdb.encode.encode import string_records
from aoftool.resp.canonical import NotCanonical, split_command

__all__ = ["encode_pairs", "encode_sets", "split_rows", "split_sets"]


def split_rows(data: bytes | bytearray | memoryview, base: int, starts: Column) -> list[list[bytes]]:
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
    data: bytes | bytearray | memoryview, base: int, starts: Column
) -> list[tuple[bytes, bytes, None]]:
    """Return (key, value, None) of commands whose key and value are their first two arguments.

    The arguments, and what is raised, are those of `split_rows`.
    """
    return [(argv[1], argv[2], None) for argv in split_rows(data, base, starts)]


def encode_sets(data: bytes | bytearray | memoryview, base: int, starts: Column, compress: bool) -> bytes:
    """Return the RDB records of commands whose key and value are their first two arguments.

    The other arguments, and what is raised, are those of `split_rows`.

    Args:
        compress: pack long strings with LZF, as servers do.
    """
    return string_records(split_sets(data, base, starts), compress)


def encode_pairs(
    data: bytes | bytearray | memoryview,
    base: int,
    starts: Column,
    places: Column,
    compress: bool,
    sizes: Column,
) -> bytes:
    """Return the RDB records of pairs of a key and a value that stand side by side in commands.

    The other arguments, and what is raised, are those of `split_rows`.

    Args:
        starts: of the command of each pair; pairs of one command follow each other.
        places: which argument the key is, the name of the command being 0.
        sizes: takes the bytes of each record.
    """
    made: list[int] = []
    texts = split_rows(data, base, starts)
    for argv, place in zip(texts, places.tolist(), strict=True):
        if place + 1 >= len(argv):
            raise NotCanonical
    rows = [(argv[place], argv[place + 1], None) for argv, place in zip(texts, places.tolist(), strict=True)]
    records = string_records(rows, compress, made)
    for place, size in enumerate(made):
        sizes[place] = size
    return records

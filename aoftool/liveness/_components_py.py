"""Group keys that live commands tie together, in Python. The specification of the compiled twin.

Keys of one live command with several keys belong together, those it only reads too. A command that may
be cut into its keys (MSET, DEL and their kin) ties nothing, nor does a dead one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aoftool.liveness.model import Chunk, Fate, Op, Trace

__all__ = ["find_components", "unite"]


def find_components(trace: Trace) -> NDArray[np.uint32]:
    """Return the component of every key: the smallest key number in it.

    SORT with a pattern ties all keys of its database.
    """
    parents = list(range(len(trace.keys)))
    homes = trace.keys.databases().tolist()
    whole: set[int] = set()
    for number, chunk in enumerate(trace.chunks):
        stop = len(chunk)
        place = trace.first_opaque
        if place is not None and place.chunk <= number:
            stop = place.row if place.chunk == number else 0
        for row in _tying_rows(chunk, stop):
            keys = [key for key, _ in chunk.refs(row)]
            for key in keys[1:]:
                _unite(parents, keys[0], key)
            if chunk.ops[row] == Op.SORT:
                whole.add(homes[keys[0]])
    firsts: dict[int, int] = {}
    for key, home in enumerate(homes):
        if home in whole:
            _unite(parents, firsts.setdefault(home, key), key)
    return np.array([_root(parents, key) for key in range(len(parents))], np.uint32)


def _tying_rows(chunk: Chunk, stop: int) -> list[int]:
    ops = chunk.ops[:stop]
    tying = (ops == Op.MANY) | (ops == Op.SORT)
    rows: list[int] = np.flatnonzero(tying & (chunk.fates[:stop] <= Fate.TRIMMED)).tolist()
    return rows


def _root(parents: list[int], key: int) -> int:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _unite(parents: list[int], one: int, other: int) -> None:
    """Join two components under the smaller of their roots."""
    one, other = _root(parents, one), _root(parents, other)
    if one != other:
        parents[max(one, other)] = min(one, other)


def unite(parents: NDArray[np.uint32], ones: NDArray[np.uint32], others: NDArray[np.uint32]) -> None:
    """Join the components of pairs, under the smallest of their members.

    Args:
        parents: each member's way to the root of its component, itself in the beginning; changed.
    """
    ways = parents.tolist()
    for one, other in zip(ones.tolist(), others.tolist(), strict=True):
        _unite(ways, one, other)
    parents[:] = [_root(ways, member) for member in range(len(ways))]

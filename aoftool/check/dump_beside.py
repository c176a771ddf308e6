"""Hold a dump that lies beside a log against what the log can hold at most.

A server with `appendonly yes` starts with the log and never looks at the dump: who switches the log on in the
configuration file, over a dump, starts empty. Counts keys; which of the two is newer, it does not judge.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from aoftool.aof.model import LayoutProblem, Log, LogKind
from aoftool.check.model import Finding, Remedy, Severity
from aoftool.errors import AoftoolError
from aoftool.files import open_source
from aoftool.next_step import next_step, quoted
from aoftool.rdb.header import HEADER_BYTES, RdbHeader, is_rdb, parse_header
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.releases import RELEASES
from aoftool.resp.model import TailTally
from aoftool.units import counted, format_bytes

__all__ = ["find_dump_beside"]

# A dump that is walked for this takes a part of a second; of a larger one only the size is told.
_WALKED_BYTES = 256 << 20
# A dump is as old as its last save: some more keys than in the log mean nothing.
_FACTOR = 4


Part = tuple[RdbWalk | None, TailTally | None]


def find_dump_beside(log: Log, problem: LayoutProblem, parts: Iterable[Part]) -> Finding | None:
    """Return a warning where the dump holds far more than the log; None where not, or nobody can tell.

    Args:
        problem: that says where the dump is.
        parts: what is in each file of the log.
    """
    most = _most_keys(parts)
    path = problem.path
    if most is None or path is None:
        return None
    holds = _keys_of(path, most)
    if holds is None:
        return None
    message = (
        f"dump.rdb beside the log holds {holds}, the log {_at_most(most)}: with appendonly yes a server loads"
        " the log and never the dump, with appendonly no the dump"
    )
    return Finding(problem.code.value, Severity.WARNING, path, message, remedies=(_make_a_log(log, path),))


def _most_keys(parts: Iterable[Part]) -> int | None:
    """Return how many keys the log can hold: those of RDB parts, and one a command."""
    keys = 0
    for walk, tail in parts:
        if walk is not None:
            if walk.damage is not None:
                return None
            keys += walk.keys
        if tail is not None:
            if tail.stop is not None and not tail.stop.clean:
                return None
            framing = tail.selects.count + 2 * tail.transactions.count
            keys += max(tail.commands - framing, 0)
    return keys


def _at_most(keys: int) -> str:
    return f"at most {counted(keys, 'key')}" if keys else "none"


def _keys_of(path: str, most: int) -> str | None:
    """Return in words what a dump holds, None where that is not far more than `most` keys."""
    try:
        with open_source(path) as source:
            size = source.size_bytes
            if size is None or not is_rdb(source.peek(HEADER_BYTES)):
                return None
            if size > _WALKED_BYTES:
                return format_bytes(size) if size // 64 > _FACTOR * most else None
            # Here, not above: few logs have a dump beside them, and reading one takes many modules.
            from aoftool.rdb.walk.walk import walk

            found = walk(source, 0)
    except AoftoolError:
        return None
    return counted(found.keys, "key") if found.keys > _FACTOR * most else None


def _target_for(path: str) -> str:
    """Return the oldest release with logs of several files that reads a dump; empty where none is known."""
    try:
        with open_source(path) as source:
            header = parse_header(source.peek(HEADER_BYTES))
    except AoftoolError:
        return ""
    if not isinstance(header, RdbHeader):
        return ""
    family = "valkey" if header.magic.startswith(b"VALKEY") else "redis"
    fit = (release for release in RELEASES if release.family == family and release.version >= (7, 0))
    return next((release.name for release in fit if release.rdb_version >= header.version), "")


def _make_a_log(log: Log, path: str) -> Remedy:
    folder = os.path.dirname(path)
    multi_part = log.kind is LogKind.MULTI_PART
    out = os.path.join(folder, "appendonlydir-of-dump" if multi_part else "appendonly-of-dump.aof")
    options = ["--layout", "multi-part" if multi_part else "single"]
    if multi_part and (target := _target_for(path)):
        options += ["--target", target]
    line = next_step("rewrite", path, *options, "-o", quoted(out))
    return Remedy("make a log of the dump, and put it in place of this one", text=line, by_hand=True)

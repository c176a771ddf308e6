"""Which server the result is for, when nobody says: the one that wrote the log, as far as it tells."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.commands.table import lookup
from aoftool.keyspace.flavour import Flavour, flavour_named
from aoftool.rdb.summary import RdbWalk
from aoftool.rdb.targets import Target, find_target, written_by

__all__ = ["choose_target", "flavour_of"]

# For a log without an RDB part: the oldest family whose commands it keeps to. Each with the release whose
# commands count for it.
_CANDIDATES = (
    ("redis-6.2", "redis-6.2"),
    ("redis-7.0", "redis-7.0"),
    ("valkey-8", "valkey-8.1"),
    ("valkey-9", "valkey-9.1"),
    ("redis-8.0", "redis-8.0"),
)
# Families without a flavour of their own load as this one does.
_LOADS_LIKE = {"valkey-7.2": "redis-7.2"}


def choose_target(
    asked: str | None, base: RdbWalk | None, names: Iterable[bytes], *, multi_part: bool
) -> tuple[Target, str]:
    """Return the target and the reason for it, in words.

    Args:
        asked: what the user named; None to find out.
        base: RDB part of the log.
        names: names of the commands behind it.
        multi_part: the log has a manifest, which servers before 7.0 do not know.

    Raises:
        UnsupportedError: no target has that name, or no server has all these commands.
    """
    if asked is not None:
        return find_target(asked), "asked for"
    if base is not None:
        writer = written_by(base.aux)
        if writer is not None:
            return writer[0], f"the RDB part was written by {writer[1]}"
    unknown = list(names)
    for name, release in _CANDIDATES[1 if multi_part else 0 :]:
        if all(_available(command, release) for command in unknown):
            return find_target(name), "the oldest server that has every command of the log"
    return find_target("redis-7.0"), "nothing in the log tells which server wrote it"


def _available(name: bytes, release: str) -> bool:
    spec = lookup(name)
    return spec is None or spec.exists_on(release)


def flavour_of(target: Target) -> Flavour:
    """Return how a server of the target loads a log."""
    return flavour_named(_LOADS_LIKE.get(target.name, target.name))

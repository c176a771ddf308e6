"""All thresholds of the rules, in one table. Seconds, bytes, shares of 1 and counts; `--set` changes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["THRESHOLDS", "Thresholds"]

MIB = 1 << 20
GIB = 1 << 30

_TABLE: dict[str, float] = {
    # When the oldest write that is not on disk is older than the server wants it to be.
    "fsync-slow.high": 3,
    "fsync-slow.p99": 1.0,
    "write-blocked.worst": 0.1,
    "main-thread-fsync.log": 0.5,
    "main-thread-fsync.trace": 0.1,
    # One sync of 63 ms was seen on a fast disk: none alone is a finding.
    "fsync-always-slow.p95": 0.02,
    "fsync-always-slow.samples": 5,
    "fsync-always-slow.second": 0.05,
    "fsync-always-slow.seconds": 3,
    "fsync-always-slow.worst": 0.25,
    # SSDs show 100 % while idle inside, so the time of a request must agree.
    "disk-busy.util": 90,
    "disk-busy.await_ms": 50,
    "disk-busy.intervals": 2,
    "disk-shared.share": 0.5,
    "disk-limited.util": 50,
    "disk-limited.await_ms": 20,
    "unseen-stall.loop": 0.2,
    "unseen-stall.times": 2,
    "disk-full.free": 4 * MIB,
    "rewrite-no-room.factor": 1.2,
    "rewrite-failing.high": 3,
    "rewrite-often.count": 3,
    "rewrite-often.an_hour": 4,
    "rewrite-often.durations": 5,
    "rewrite-off.high": 64 * MIB,
    "rewrite-late.share": 0.8,
    "rewrite-contention.syncs": 2,
    "save-and-aof.forks": 2,
    "fork-slow.high": 0.1,
    "fork-slow.critical": 1.0,
    "fork-slow.times": 3,
    "fork-slow.per_gib": 0.05,
    "fork-slow.per_gib_above": GIB,
    "swap.size": MIB,
    "swap.share": 0.01,
    "cow-large.share": 0.3,
    "cow-large.size": 64 * MIB,
    "memory-short.share": 0.75,
    "memory-short.critical": 0.95,
    # Small servers show ratios of 7 to 27 and are fine.
    "fragmented.ratio": 1.5,
    "fragmented.size": 100 * MIB,
    "slow-commands.medium": 0.02,
    "slow-commands.high": 0.1,
    "keys-command.medium": 0.001,
    "keys-command.alone": 0.02,
    "keys-command.high": 0.1,
    "big-delete.command": 0.05,
    "big-delete.event": 0.1,
    "expiry-storm.cap": 20,
    "expiry-storm.cap_with_event": 5,
    "expiry-storm.event": 0.015,
    "expiry-lingering.stale": 10,
    "expiry-lingering.keys": 1000,
    "evicting.share": 0.01,
    "cpu-short.queue": 2,
    "cpu-short.idle": 5,
    "cpu-stolen.share": 5,
    "intrinsic-latency.medium": 0.005,
    "intrinsic-latency.high": 0.02,
    "reconnecting.a_second": 50,
    "reconnecting.share": 0.1,
    "one-by-one.a_second": 1000,
    "one-by-one.a_read": 1.2,
    "aof-buffer.size": 64 * MIB,
}

THRESHOLDS: Mapping[str, float] = MappingProxyType(_TABLE)
"""By `code.name`."""


class Thresholds:
    """The table with what a user changed."""

    def __init__(self, changed: Mapping[str, float] | None = None) -> None:
        self._changed = dict(changed or {})

    def __getitem__(self, name: str) -> float:
        """Return a threshold by `code.name`."""
        return self._changed.get(name, THRESHOLDS[name])

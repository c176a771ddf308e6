"""What a probe of a disk found: plain records."""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass, field

__all__ = ["MOST_BYTES", "MOST_S", "Appended", "Beside", "Place", "Probe", "SyncTimes", "Verdict"]

MOST_BYTES = 64 << 20
"""So much is written at most."""
MOST_S = 10.0
"""So long a probe takes at most."""


class Verdict(str, Enum):
    """What a disk is good for, by the 99th percentile of a sync of 4 KiB; the values are stable."""

    ALWAYS = "good for appendfsync always"
    EVERYSEC = "good for everysec"
    POOR = "poor"
    UNFIT = "unfit"
    UNKNOWN = "not known"


# Below so many seconds each.
LIMITS_S = ((Verdict.ALWAYS, 0.005), (Verdict.EVERYSEC, 0.1), (Verdict.POOR, 1.0))
_JUDGED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class SyncTimes:
    """Seconds to write and sync so many bytes, over `count` times."""

    size_bytes: int
    count: int
    p50_s: float
    p99_s: float
    worst_s: float


@dataclass(frozen=True, slots=True)
class Appended:
    """A second of appending as a server under everysec does it, and the sync behind it.

    Attributes:
        rate: bytes a second that were asked for.
        size_bytes: appended.
        worst_write_s: the slowest write.
        sync_s: the sync of all of it.
    """

    rate: int
    size_bytes: int
    worst_write_s: float
    sync_s: float


@dataclass(frozen=True, slots=True)
class Beside:
    """The two syncs of a manifest while so many bytes of a log are being synced.

    Attributes:
        unsynced_bytes: of the log.
        stall_s: how long the main thread of a server would stand still.
        sync_s: the sync of the log itself; None where it had not ended.
    """

    unsynced_bytes: int
    stall_s: float
    sync_s: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory is.

    Attributes:
        kind: of the file system; empty when unknown.
        device: as the mount table has it.
    """

    path: str
    kind: str
    device: str
    free_bytes: int
    total_bytes: int


@dataclass(slots=True)
class Probe:
    """All of it.

    Attributes:
        nameless: the file never had a name; else it had one for a moment.
        written_bytes, elapsed_s: what the probe took.
        unfinished: what was under way when the time was over, in words; empty when all was done.
        unfinished_s: how long that had lasted.
        left_out: bytes beside which no manifest was synced: that would have taken too long.
    """

    place: Place
    nameless: bool = True
    written_bytes: int = 0
    elapsed_s: float = 0.0
    syncs: list[SyncTimes] = field(default_factory=list)
    appended: Appended | None = None
    beside: list[Beside] = field(default_factory=list)
    unfinished: str = ""
    unfinished_s: float = 0.0
    left_out: list[int] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Return what the disk is good for."""
        judged = next((times for times in self.syncs if times.size_bytes == _JUDGED_BYTES), None)
        if judged is None:
            hangs = self.unfinished and self.unfinished_s >= LIMITS_S[-1][1]
            return Verdict.UNFIT if hangs else Verdict.UNKNOWN
        return next((name for name, limit_s in LIMITS_S if judged.p99_s < limit_s), Verdict.UNFIT)

    @property
    def stall_s_per_mib(self) -> float | None:
        """Return by how long a rewrite stops clients for each MiB that is not synced; None when unknown."""
        alone = next((found.stall_s for found in self.beside if not found.unsynced_bytes), 0.0)
        most = max(self.beside, key=lambda found: found.unsynced_bytes, default=None)
        if most is None or not most.unsynced_bytes:
            return None
        return max(most.stall_s - alone, 0.0) / (most.unsynced_bytes / (1 << 20))

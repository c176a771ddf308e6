"""What `aoftool inspect` and `aoftool keys --by` show of the command streams: plain rows."""

from __future__ import annotations

from aoftool.dataclass import dataclass, field

__all__ = [
    "ContentsView",
    "ExpiryView",
    "KeyRank",
    "PrefixRow",
    "Restart",
    "Savings",
    "SizeRow",
    "Stretch",
    "TypeRow",
]


_MUCH_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """One prefix.

    Attributes:
        writes, size_bytes: commands that name its keys, and its share of their bytes.
        keys: distinct keys; None when they were too many to count one by one.
        expiring: keys whose last word was an expire time; `deleted` those that were deleted last.
        dead_bytes: what a rewrite would drop; None when that was not looked into.
    """

    prefix: bytes
    writes: int
    size_bytes: int
    keys: int | None = None
    expiring: int | None = None
    deleted: int | None = None
    dead_bytes: int | None = None
    is_prefix: bool = True

    @property
    def without_expiry(self) -> int | None:
        """Return keys that stay until somebody deletes them."""
        if self.keys is None or self.expiring is None or self.deleted is None:
            return None
        return self.keys - self.expiring - self.deleted


@dataclass(frozen=True, slots=True)
class KeyRank:
    """One key of a top list; figures may be too large by the `_over` members, 0 when exact."""

    db: int
    key: bytes
    writes: int
    size_bytes: int
    writes_over: int = 0
    bytes_over: int = 0
    dead_bytes: int | None = None
    expire_at_ms: int | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class TypeRow:
    """Commands on one type of value, by the group of the command."""

    group: str
    commands: int
    size_bytes: int
    names: int


@dataclass(frozen=True, slots=True)
class SizeRow:
    """Sizes from `least` to `most`, and how many there are of commands, keys and arguments."""

    least: int
    most: int
    commands: int
    keys: int
    arguments: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A large command or transaction.

    Attributes:
        commands: inside a transaction, its MULTI and EXEC included; 1 for a single command.
        arguments: of a single command; 0 for a transaction.
        name: the command, for a transaction its first one with a key.
    """

    file: str
    offset: int
    size_bytes: int
    commands: int
    arguments: int
    name: bytes
    key: bytes
    db: int
    time_s: int


@dataclass(frozen=True, slots=True)
class ExpiryView:
    """Expire times as the commands left them.

    Attributes:
        keys, expiring, deleted: as in `PrefixRow`, all prefixes together.
        seconds: (second, keys) in which most keys expire, most first.
        horizon: (label, keys) from the end of the log on; empty when that moment is unknown.
        passed: keys whose time had passed at the end of the log; None when that moment is unknown.
        minutes, hours: keys that expire on a full minute, on a full hour.
    """

    keys: int
    expiring: int
    deleted: int
    seconds: list[tuple[int, int]] = field(default_factory=list)
    horizon: list[tuple[str, int]] = field(default_factory=list)
    passed: int | None = None
    minutes: int = 0
    hours: int = 0
    end_s: int | None = None


@dataclass(slots=True)
class Savings:
    """What a rewrite would do; `reason` says why that is not known.

    Attributes:
        live_bytes, dead_bytes: of the commands; the two add up to their bytes.
        base_bytes, base_dead_bytes: of the records of the RDB part.
        estimate_bytes: the size of the result as liveness sees it.
        upper_bound: the result may be far smaller.
        causes: dead bytes by cause, largest first.
    """

    live_bytes: int = 0
    dead_bytes: int = 0
    base_bytes: int = 0
    base_dead_bytes: int = 0
    estimate_bytes: int = 0
    upper_bound: bool = False
    causes: list[tuple[str, int]] = field(default_factory=list)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """What loading costs.

    Attributes:
        rdb_s, commands_s: seconds for the RDB part and for the commands.
        slowest: (name, seconds) of the command that costs most; None without commands.
        is_open: there are commands whose cost a count does not show.
        factors: the least and the most that it takes in truth, as parts of the total.
        walked_s: seconds of the commands that go over whole values: an upper estimate.
    """

    rdb_s: float
    commands_s: float
    slowest: tuple[bytes, float] | None
    is_open: bool
    factors: tuple[float, float]
    walked_s: float = 0.0

    @property
    def least_s(self) -> float:
        """Return the least it takes: what is an upper estimate may be nothing."""
        return (self.total_s - self.walked_s) * self.factors[0]

    @property
    def most_s(self) -> float:
        """Return the most it takes."""
        return self.total_s * self.factors[1]

    @property
    def total_s(self) -> float:
        """Return all of it, in seconds."""
        return self.rdb_s + self.commands_s


@dataclass(frozen=True, slots=True)
class NextRewrite:
    """When a server rewrites the log by itself.

    Attributes:
        size_bytes: of the log now.
        base_bytes: its size after the last rewrite, as far as its base tells; 0 without a base.
        due_bytes: at this size it is due.
        bytes_per_s: how fast it grew on the average; None when nobody knows.
        percentage, least_bytes: the settings that were assumed.
        has_scripts: the log runs scripts, and what they do is not replayed.
    """

    size_bytes: int
    base_bytes: int
    due_bytes: int
    bytes_per_s: float | None
    percentage: int
    least_bytes: int
    has_scripts: bool = False

    @property
    def left_bytes(self) -> int:
        """Return what is still to be written until then."""
        return max(self.due_bytes - self.size_bytes, 0)

    @property
    def matters(self) -> bool:
        """Tell whether one is near, within a tenth of the size, or will write much, as the last one did."""
        return self.left_bytes * 10 <= self.due_bytes or self.base_bytes >= _MUCH_BYTES


@dataclass(slots=True)
class ContentsView:
    """All of it.

    Attributes:
        commands, size_bytes: of the command streams, after filters.
        distinct_keys: the least and the most there can be.
        keys_exact: every key was counted by itself.
        key_limit: distinct keys up to which that is so.
        remarks: at most five plain sentences on what stands out.
    """

    commands: int
    size_bytes: int
    filtered: bool
    separator: bytes
    depth: int
    prefixes: list[PrefixRow] = field(default_factory=list)
    keys_by_bytes: list[KeyRank] = field(default_factory=list)
    keys_by_writes: list[KeyRank] = field(default_factory=list)
    distinct_keys: tuple[int, int] = (0, 0)
    keys_exact: bool = True
    key_limit: int = 0
    types: list[TypeRow] = field(default_factory=list)
    sizes: list[SizeRow] = field(default_factory=list)
    largest: list[Stretch] = field(default_factory=list)
    transactions: list[Stretch] = field(default_factory=list)
    expiry: ExpiryView | None = None
    savings: Savings | None = None
    restart: Restart | None = None
    next_rewrite: NextRewrite | None = None
    remarks: list[str] = field(default_factory=list)

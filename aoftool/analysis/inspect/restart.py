"""How long a server needs to load a log: counts and bytes of commands times what they cost.

The costs are those of one core that replays each command some hundred thousand times, page cache warm, on
Valkey 9.1.2 and Redis 7.0.15 (they differ by less than the machines do). Commands that walk long values
(LREM, SORT, *STORE) cost what they find there: see `aoftool.analysis.inspect.walking`. What scripts cost is
not known.
"""

from __future__ import annotations

from aoftool.analysis.inspect.contents_model import Restart
from aoftool.analysis.inspect.model import Overview, RowKind
from aoftool.analysis.inspect.walking import WALKING, Walks
from aoftool.commands.groups import SCRIPTS

__all__ = ["commands_load_s", "rdb_load_s", "restart_of"]

# A quick machine, and one that is busy: loads of 60 MiB of overwriting SETs, of a mixture and of small hashes
# took 2.2, 2.3 and 1.4 times as much processor time with other processes on the same cores.
_FACTORS = (0.6, 2.5)

# Microseconds for one command, and nanoseconds for each of its bytes; fitted to measured loads of commands
# with small and large arguments.
_COSTS: dict[str, tuple[float, float]] = {
    "SET": (0.50, 2.5),
    "SETEX": (0.90, 2.5),
    "PSETEX": (0.90, 2.5),
    "MSET": (0.40, 4.0),
    "APPEND": (0.40, 2.5),
    "INCR": (0.31, 0.0),
    "DECR": (0.31, 0.0),
    "INCRBY": (0.35, 0.0),
    "PEXPIREAT": (0.46, 0.0),
    "PERSIST": (0.40, 0.0),
    "DEL": (0.35, 1.0),
    "UNLINK": (0.40, 1.0),
    "HSET": (0.15, 14.0),
    "HMSET": (0.15, 14.0),
    "HDEL": (0.20, 8.0),
    "SADD": (0.20, 7.0),
    "SREM": (0.20, 7.0),
    "RPUSH": (0.25, 5.0),
    "LPUSH": (0.25, 5.0),
    "LPOP": (0.30, 0.0),
    "RPOP": (0.30, 0.0),
    "ZADD": (0.40, 14.0),
    "ZREM": (0.40, 8.0),
    "ZINCRBY": (0.60, 8.0),
    "XADD": (0.30, 7.0),
    "MULTI": (0.20, 0.0),
    "EXEC": (0.20, 0.0),
    "SELECT": (0.15, 0.0),
}
_OTHER = (0.60, 6.0)
# Of an RDB part: microseconds for a key and for an element, nanoseconds for a stored byte.
_KEY_US, _ELEMENT_US, _BYTE_NS = 0.50, 0.25, 4.0


def restart_of(overview: Overview, walks: Walks | None = None) -> Restart:
    """Estimate the load of what an overview counted.

    Args:
        walks: what the commands cost that walk values; None when they were not looked at.
    """
    costs: dict[bytes, float] = {}
    is_open = False
    for row in overview.commands:
        if row.kind not in (RowKind.COMMAND, RowKind.FRAMING):
            continue
        is_open = is_open or row.name in SCRIPTS or (row.name in WALKING and (not walks or not walks.known))
        costs[row.name] = commands_load_s(row.name, row.count, row.size_bytes)
        if walks is not None:
            costs[row.name] += walks.by_name.get(row.name, 0.0)
    rdb_s = 0.0
    for part in overview.rdb_parts:
        elements = sum(row.elements or 0 for row in part.rows if row.type_name != "string")
        rdb_s += rdb_load_s(part.keys, elements, part.size_bytes)
    slowest = max(costs.items(), key=lambda item: item[1], default=None)
    walked_s = 0.0 if walks is None else walks.seconds
    return Restart(rdb_s, sum(costs.values()), slowest, is_open, _FACTORS, walked_s)


def commands_load_s(name: bytes, count: int, size_bytes: int) -> float:
    """Return the seconds that commands of an upper-case name take, what they find in long values aside."""
    each_us, byte_ns = _COSTS.get(name.decode("ascii", "replace"), _OTHER)
    return (count * each_us + size_bytes * byte_ns / 1000) / 1e6


def rdb_load_s(keys: int, elements: int, size_bytes: int) -> float:
    """Return the seconds that an RDB part takes.

    Args:
        elements: of all values that are no strings.
    """
    return (keys * _KEY_US + elements * _ELEMENT_US + size_bytes * _BYTE_NS / 1000) / 1e6

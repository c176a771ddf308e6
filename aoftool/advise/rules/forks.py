"""Rules on what children cost: the fork itself, and the pages that are copied while one lives."""

from __future__ import annotations

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.advise.standstills import Standstill
from aoftool.captures.model import Kind
from aoftool.units import format_bytes, format_wait

__all__ = ["RULES"]

_GIB = 1 << 30


def fork_slow(case: Case) -> Answer:
    """Judge the last fork by its length, and by its length for each GiB of a large server."""
    situation = case.situation
    limits = situation.limits
    reading = situation.reading("latest_fork_usec")
    if reading is None:
        return Unknown("INFO stats has no latest_fork_usec")
    seconds = reading.value / 1e6
    rss = situation.number("used_memory_rss") or 0
    per_gib = seconds * _GIB / rss if rss > limits["fork-slow.per_gib_above"] else 0
    found = [Evidence(f"latest_fork_usec {reading.value:.0f}", reading.where)]
    if seconds < limits["fork-slow.high"] and per_gib < limits["fork-slow.per_gib"]:
        earlier = _earlier_fork(case)
        if earlier is None:
            return None
        seconds = earlier.seconds
        found.insert(
            0, Evidence(f"an earlier one: {format_wait(seconds)}", next(iter(earlier.seen.values())))
        )
    critical = reading.value / 1e6 >= limits["fork-slow.critical"]
    high = seconds >= limits["fork-slow.high"]
    table = situation.captured.status.get("VmPTE")
    if table is not None:
        found.append(
            Evidence(f"page table {table.value}, for {format_bytes(int(rss))} of memory", table.where)
        )
    return Finding(
        "fork-slow",
        Severity.CRITICAL if critical else Severity.HIGH if high else Severity.MEDIUM,
        f"a fork stops all clients for {format_wait(seconds)}, at each rewrite, save and full resync",
        tuple(found),
        why="the page table is copied, some 2 MiB for each GiB in use; on old hypervisors slowly",
        do=("fewer rewrites: aoftool simulate DIR", "smaller servers, several on one machine"),
        not_this=("LATENCY DOCTOR rates GB/s and calls a fork of 0.8 ms of a small server terrible",),
        values={"fork_s": seconds, "s_per_gib": per_gib},
    )


def _earlier_fork(case: Case) -> Standstill | None:
    """Return the longest fork that is no accident: of a second, or one of several slow ones on idle CPUs."""
    limits = case.situation.limits
    forks = [item for item in case.standstills if item.cause == "fork"]
    slow = [item for item in forks if item.seconds >= limits["fork-slow.high"]]
    if not slow:
        return None
    often = len(slow) >= limits["fork-slow.times"] and "cpu-short" not in case.found
    return slow[0] if often or slow[0].seconds >= limits["fork-slow.critical"] else None


def cow_large(case: Case) -> Answer:
    """Judge how much memory was copied while a child lived."""
    situation = case.situation
    limits = situation.limits
    rss = situation.number("used_memory_rss")
    sizes = [situation.reading(name) for name in ("aof_last_cow_size", "rdb_last_cow_size")]
    worst = max((size for size in sizes if size is not None), key=lambda size: size.value, default=None)
    if worst is None or not rss:
        return Unknown("INFO memory or persistence is missing")
    if worst.value < limits["cow-large.size"] or worst.value < limits["cow-large.share"] * rss:
        return None
    return Finding(
        "cow-large",
        Severity.MEDIUM,
        f"a child cost {format_bytes(int(worst.value))} more, {100 * worst.value / rss:.0f} % of the server",
        (Evidence(f"copied by the last child: {format_bytes(int(worst.value))}", worst.where),),
        why="pages written while a child lives are copied; up to the whole memory once more",
        do=("leave that much free, or maxmemory lower", "rewrites when little is written"),
        values={"cow_bytes": worst.value, "rss_bytes": rss},
    )


RULES = (
    Rule(
        "fork-slow",
        "fork",
        ((Kind.INFO,),),
        "latest_fork_usec of 100 ms, critical of 1 s; 50 ms for each GiB above 1 GiB; an earlier one of 1 s,"
        " or three of 100 ms",
        fork_slow,
        "GB a second says nothing of a small server",
    ),
    Rule(
        "cow-large",
        "memory",
        ((Kind.INFO,),),
        "the last child copied 30 % of the memory and 64 MiB",
        cow_large,
    ),
)

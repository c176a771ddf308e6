"""Rules on memory: huge pages, swap, what forks need, and fragments."""

from __future__ import annotations

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind
from aoftool.captures.numbers import integer
from aoftool.units import format_bytes

__all__ = ["RULES"]

_THP = "transparent_hugepage_enabled"
_OVERCOMMIT = "overcommit_memory"
_WARNING = "Memory overcommit must be enabled"


def huge_pages(case: Case) -> Answer:
    """Judge by the huge pages that the server has; what the kernel is set to says little."""
    situation = case.situation
    used = situation.captured.smaps.get("AnonHugePages")
    kernel = situation.captured.kernel.get(_THP)
    always = kernel is not None and "[always]" in kernel.value
    if used is not None and used.value > 0:
        found = [Evidence(f"AnonHugePages {format_bytes(int(used.value))}", used.where)]
        if kernel is not None:
            found.append(Evidence(f"{_THP} {kernel.value}", kernel.where))
        return _huge(Severity.HIGH, "the server uses huge pages: a write after a fork copies 2 MiB", found)
    entry = situation.setting("disable-thp")
    if always and situation.flag("disable-thp") is False and kernel is not None and entry is not None:
        seen = [Evidence(f"{_THP} {kernel.value}", kernel.where), Evidence("disable-thp no", entry.where)]
        return _huge(Severity.MEDIUM, "the server will be given huge pages: nothing opts out", seen)
    return None


def _huge(severity: Severity, title: str, found: list[Evidence]) -> Finding:
    return Finding(
        "huge-pages",
        severity,
        title,
        tuple(found),
        why="while a child lives each first write to a page copies it: 512 times as much as with 4 KiB",
        do=(
            "disable-thp yes in the file (the default), and a restart",
            "echo never > /sys/kernel/mm/transparent_hugepage/enabled, and a restart",
        ),
        undo="echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        not_this=("a kernel set to always alone is fine: the server opts out by itself since 6.2",),
    )


def swap(case: Case) -> Answer:
    """Judge by what of the server is swapped out, and whether the machine swaps now."""
    situation = case.situation
    smaps, limits = situation.captured.smaps, situation.limits
    swapped, rss = smaps.get("Swap"), smaps.get("Rss")
    if swapped is None or rss is None:
        return Unknown("smaps has no Swap")
    if swapped.value < limits["swap.size"] or swapped.value < limits["swap.share"] * (
        swapped.value + rss.value
    ):
        return None
    share = 100 * swapped.value / (swapped.value + rss.value)
    found = [
        Evidence(
            f"Swap {format_bytes(int(swapped.value))}, Rss {format_bytes(int(rss.value))}", swapped.where
        )
    ]
    moving = [row for row in situation.captured.vmstat if row.figures["si"] + row.figures["so"] > 0]
    if moving:
        text = f"si and so of vmstat are not 0 in {len(moving)} of {len(situation.captured.vmstat)} intervals"
        found.append(Evidence(text, moving[0].where))
    largest = situation.captured.smaps_largest
    if largest is not None and largest[0]:
        found.append(Evidence(f"the largest map has {format_bytes(largest[0])} of it", largest[1]))
    return Finding(
        "swap",
        Severity.HIGH if moving else Severity.MEDIUM,
        f"{share:.0f} % of the server is swapped out: each page of it is a read of the disk",
        tuple(found),
        do=(
            "more memory, or maxmemory lower: what the server holds must fit",
            "see who else needs memory: free -m",
        ),
        not_this=("4 KiB here and there in smaps are normal",),
        values={"swap_bytes": swapped.value, "share": share / 100},
    )


def overcommit(case: Case) -> Answer:
    """Judge `vm.overcommit_memory`, by the kernel or by the warning of the log."""
    kernel = case.situation.captured.kernel.get(_OVERCOMMIT)
    warning = next((line for line in case.situation.captured.log if _WARNING in line.message), None)
    if kernel is not None:
        seen = Evidence(f"vm.overcommit_memory {kernel.value}", kernel.where) if kernel.value == "0" else None
    else:
        seen = Evidence(f'"{_WARNING}"', warning.where) if warning else None
    if seen is None:
        return None
    return Finding(
        "overcommit",
        Severity.MEDIUM,
        "a fork may be refused though there is memory: vm.overcommit_memory is 0",
        (seen,),
        why="the kernel counts the child as if it copied all; rewrites and saves then fail",
        do=("sysctl vm.overcommit_memory=1, and in /etc/sysctl.conf",),
        undo="sysctl vm.overcommit_memory=0",
    )


def _memory_limit(situation: Situation) -> tuple[float, str, str] | None:
    """Return how much memory there is: of the group where that is less, else of the machine."""
    total = situation.captured.meminfo.get("MemTotal") or situation.reading("total_system_memory")
    group = situation.captured.kernel.get("memory.max")
    limit = integer(group.value) if group is not None else None
    if group is not None and limit and (total is None or limit < total.value):
        return limit, group.where, "the limit of its group"
    return (total.value, total.where, "memory") if total is not None and total.value > 0 else None


def memory_short(case: Case) -> Answer:
    """Judge what the server may need, with what a child copies, against what there is."""
    situation = case.situation
    limits = situation.limits
    limit = _memory_limit(situation)
    if limit is None:
        return Unknown("how much memory there is is not known")
    maxmemory = situation.size("maxmemory") or situation.number("maxmemory") or 0
    rss = situation.number("used_memory_rss") or 0
    cow = max(situation.number("aof_last_cow_size") or 0, situation.number("rdb_last_cow_size") or 0)
    share = max(maxmemory, rss + cow) / limit[0]
    if share <= limits["memory-short.share"]:
        return None
    found = [Evidence(f"{format_bytes(int(limit[0]))} are {limit[2]}", limit[1])]
    if maxmemory > limits["memory-short.share"] * limit[0]:
        entry = situation.setting("maxmemory") or situation.field("maxmemory")
        found.append(Evidence(f"maxmemory {format_bytes(int(maxmemory))}", entry.where if entry else ""))
    if rss + cow > limits["memory-short.share"] * limit[0]:
        entry = situation.field("used_memory_rss")
        text = f"in use {format_bytes(int(rss))}, copied by the last child {format_bytes(int(cow))}"
        found.append(Evidence(text, entry.where if entry else ""))
    critical = (rss + cow) / limit[0] > limits["memory-short.critical"]
    return Finding(
        "memory-short",
        Severity.CRITICAL if critical else Severity.MEDIUM,
        f"the server may need {100 * share:.0f} % of the memory there is: a rewrite can end it",
        tuple(found),
        why="a rewrite at a busy time copies pages; what is then missing swaps, or the kernel kills",
        do=("maxmemory lower, 25 % left free", "rewrites when little is written"),
        values={"share": share},
    )


def fragmented(case: Case) -> Answer:
    """Judge memory that is held and not used."""
    situation = case.situation
    limits = situation.limits
    ratio = situation.reading("mem_fragmentation_ratio")
    lost = situation.reading("mem_fragmentation_bytes")
    if ratio is None or lost is None:
        return Unknown("INFO memory has no mem_fragmentation_bytes")
    if ratio.value < limits["fragmented.ratio"] or lost.value < limits["fragmented.size"]:
        return None
    peak, used = situation.number("used_memory_peak") or 0, situation.number("used_memory") or 0
    after_peak = peak > 2 * used > 0
    found = [Evidence(f"ratio {ratio.value:g}, {format_bytes(int(lost.value))} lost", ratio.where)]
    if after_peak:
        found.append(
            Evidence(f"the peak was {format_bytes(int(peak))}, in use are {format_bytes(int(used))}")
        )
    return Finding(
        "fragmented",
        Severity.MEDIUM,
        f"{format_bytes(int(lost.value))} of memory are held and not used",
        tuple(found),
        why="after a peak the allocator keeps pages" if after_peak else "what is in use lies scattered",
        do=("MEMORY PURGE",) if after_peak else ("CONFIG SET activedefrag yes",),
        undo="" if after_peak else "CONFIG SET activedefrag no",
        not_this=("the ratio of a small server says nothing: 7 to 27 were seen on fine ones",),
        values={"ratio": ratio.value, "lost_bytes": lost.value},
        because="swap" if "swap" in case.found else "",
    )


RULES = (
    Rule(
        "huge-pages",
        "huge pages",
        ((Kind.SMAPS,), (_THP, Kind.CONFIG)),
        "AnonHugePages above 0; medium: the kernel set to always and disable-thp no",
        huge_pages,
        "the kernel set to always alone is fine",
    ),
    Rule(
        "swap",
        "swap",
        ((Kind.SMAPS,),),
        "1 MiB and 1 % of the server swapped out; high while the machine swaps",
        swap,
        "4 KiB here and there are normal",
    ),
    Rule("overcommit", "memory", ((_OVERCOMMIT,), (Kind.SERVER_LOG,)), "vm.overcommit_memory 0", overcommit),
    Rule(
        "memory-short",
        "memory",
        ((Kind.INFO, Kind.MEMINFO), (Kind.INFO,)),
        "maxmemory, or memory in use and the last copy, above 75 % of what there is; critical above 95 %",
        memory_short,
    ),
    Rule(
        "fragmented",
        "memory",
        ((Kind.INFO,),),
        "a ratio of 1.5 and 100 MiB lost",
        fragmented,
        "small servers have high ratios and are fine",
    ),
)

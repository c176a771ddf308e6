"""Rules on what a power cut may take: the policies of syncing."""

from __future__ import annotations

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule, Unknown
from aoftool.captures.model import Kind
from aoftool.units import format_wait

__all__ = ["RULES"]

_CACHES = ("allkeys-lru", "allkeys-lfu", "allkeys-random")


def fsync_always(case: Case) -> Answer:
    """Tell that the strongest policy is in use."""
    entry = case.situation.setting("appendfsync")
    if entry is None:
        return Unknown("appendfsync is not known")
    if case.situation.policy != "always" or case.situation.is_aof_on is False:
        return None
    return Finding(
        "fsync-always",
        Severity.INFO,
        "every write is on the disk before its reply; each loop waits for the disk",
        (Evidence("appendfsync always", entry.where),),
        not_this=("with no-appendfsync-on-rewrite yes that holds no more while a child runs",),
    )


def fsync_never(case: Case) -> Answer:
    """Judge `appendfsync no`, which a cache may have."""
    situation = case.situation
    entry = situation.setting("appendfsync")
    if entry is None:
        return Unknown("appendfsync is not known")
    if situation.policy != "no" or situation.is_aof_on is False:
        return None
    eviction = situation.setting("maxmemory-policy")
    is_cache = eviction is not None and eviction.value.strip() in _CACHES
    return Finding(
        "fsync-never",
        Severity.INFO if is_cache else Severity.HIGH,
        "a power cut may take the last 30 s or so: nothing is synced",
        (Evidence("appendfsync no", entry.where),),
        why="the kernel writes pages that are 30 s old, looking every 5 s (vm.dirty_expire_centisecs)",
        do=("CONFIG SET appendfsync everysec",),
        undo="CONFIG SET appendfsync no",
        not_this=("a crash of the server alone loses nothing that was written",),
    )


def fsync_off_in_rewrite(case: Case) -> Answer:
    """Judge `no-appendfsync-on-rewrite yes`."""
    situation = case.situation
    entry = situation.setting("no-appendfsync-on-rewrite")
    if entry is None:
        return Unknown("no-appendfsync-on-rewrite is not known")
    if situation.flag("no-appendfsync-on-rewrite") is not True or situation.is_aof_on is False:
        return None
    breaks = situation.policy == "always"
    lives = [child.life_s for child in situation.rewrites.children if child.life_s is not None]
    last = situation.number("aof_last_rewrite_time_sec")
    longest = max([*lives, last if last and last > 0 else 0], default=0)
    found = [Evidence("no-appendfsync-on-rewrite yes", entry.where)]
    if longest:
        found.append(Evidence(f"a child lived up to {format_wait(longest)} here"))
    return Finding(
        "fsync-off-in-rewrite",
        Severity.CRITICAL if breaks else Severity.MEDIUM,
        "while a rewrite or save runs nothing is synced"
        + (", though appendfsync is always" if breaks else f"{_up_to(longest)}"),
        tuple(found),
        why="the log that clients write is not synced while any child runs, of a save too",
        do=("CONFIG SET no-appendfsync-on-rewrite no",),
        undo="CONFIG SET no-appendfsync-on-rewrite yes: faster on a slow disk, and all that is written"
        " while a child runs may be lost with the power",
        not_this=("its default is no; it does not make the rewrite itself faster",),
        values={"longest_child_s": longest},
    )


def _up_to(seconds: float) -> str:
    return f": a power cut may take {format_wait(seconds)} and more" if seconds else ""


RULES = (
    Rule("fsync-always", "policy", ((Kind.CONFIG,), (Kind.CONF,)), "appendfsync always", fsync_always),
    Rule(
        "fsync-never",
        "policy",
        ((Kind.CONFIG,), (Kind.CONF,)),
        "appendfsync no",
        fsync_never,
        "for information with maxmemory-policy allkeys-*",
    ),
    Rule(
        "fsync-off-in-rewrite",
        "policy",
        ((Kind.CONFIG,), (Kind.CONF,)),
        "no-appendfsync-on-rewrite yes",
        fsync_off_in_rewrite,
        "critical with appendfsync always",
    ),
)

"""Every policy in one table: how much a power cut may take here, and what that costs here.

A crash of the server alone loses nothing that reached write(2); these are losses with the power.
Source: src/aof.c flushAppendOnlyFile; Linux Documentation/admin-guide/sysctl/vm.rst.
"""

from __future__ import annotations

from aoftool.advise.model import Window
from aoftool.advise.situation import Situation
from aoftool.advise.standstills import Standstill
from aoftool.advise.traced import sync_calls
from aoftool.captures.numbers import integer
from aoftool.commands.table import lookup
from aoftool.units import format_duration, format_wait

__all__ = ["make_windows"]

_POSTPONED_S = 2.0
_EVERY_S = 1.0
_EXPIRE_S = 30.0
_LOOKS_S = 5.0


def make_windows(situation: Situation, standstills: tuple[Standstill, ...]) -> tuple[Window, ...]:
    """Return the ladder, strongest first; empty where nothing is known of the server."""
    if situation.last is None and situation.log_facts is None and not situation.captured.config:
        return ()
    policy = situation.policy if situation.is_aof_on is not False else ""
    relaxed = bool(situation.flag("no-appendfsync-on-rewrite"))
    sync_s = _longest_sync(situation)
    child_s = _longest_child(situation)
    late = _EVERY_S + (_POSTPONED_S + sync_s if sync_s > 1 else sync_s)
    rate, size = _commands_a_second(situation), _bytes_a_second(situation)

    def row(name: str, is_current: bool, seconds: float | None, costs: str) -> Window:
        commands = None if rate is None or seconds is None else rate * seconds
        size_bytes = None if size is None or seconds is None else size * seconds
        return Window(name, is_current, seconds, commands, size_bytes, costs)

    return (
        row("always", policy == "always" and not relaxed, 0.0, _always_costs(situation, standstills)),
        row("everysec", policy == "everysec" and not relaxed, late, _everysec_costs(sync_s)),
        row(
            "none in rewrites",
            policy == "everysec" and relaxed,
            None if child_s is None else late + child_s,
            "no waits while a child runs",
        ),
        row("no", policy == "no", _kernel_s(situation), "a large write at once, when the kernel wants"),
        _saves(situation),
    )


def _saves(situation: Situation) -> Window:
    """Return what RDB files alone would leave open: the longest of the save points."""
    entry = situation.setting("save")
    words = entry.value.strip().strip('"').split() if entry else []
    spans = [seconds for word in words[::2] if (seconds := integer(word)) is not None]
    changes = situation.number("rdb_changes_since_last_save")
    is_current = situation.is_aof_on is False
    costs = "a fork and all data written at each save"
    if not spans:
        return Window("RDB files only", is_current, None, changes if is_current else None, None, costs)
    return Window("RDB files only", is_current, float(max(spans)), None, None, costs)


def _longest_sync(situation: Situation) -> float:
    """Return the longest sync of the log that was seen; a delay that was counted is one of 2 s at least."""
    traced = max((call.seconds for call in sync_calls(situation)), default=0.0)
    delayed = situation.number("aof_delayed_fsync") or 0
    return max(traced, _POSTPONED_S if delayed else 0.0)


def _longest_child(situation: Situation) -> float | None:
    lives = [child.life_s for child in situation.rewrites.children if child.life_s is not None]
    last = situation.number("aof_last_rewrite_time_sec")
    if last is not None and last >= 0:
        lives.append(last)
    return max(lives, default=None)


def _kernel_s(situation: Situation) -> float:
    entry = situation.captured.kernel.get("dirty_expire_centisecs")
    value = integer(entry.value) if entry else None
    return (value / 100 if value else _EXPIRE_S) + _LOOKS_S


def _commands_a_second(situation: Situation) -> float | None:
    """Return the writes a second: of the log where it says times, else of the counters of commands."""
    facts = situation.log_facts
    if facts is not None and facts.seconds:
        return facts.commands / facts.seconds
    if situation.last is None or situation.window_s is None:
        return None
    names = [name for name in situation.last.fields if name.startswith("cmdstat_")]
    rises = [situation.rise(name, part="calls") for name in names if _is_write(name)]
    if (
        not names
        or situation.first is None
        or not any(n.startswith("cmdstat_") for n in situation.first.fields)
    ):
        return None
    return sum(rise.by for rise in rises if rise is not None) / situation.window_s


def _is_write(field: str) -> bool:
    name, _, part = field.removeprefix("cmdstat_").partition("|")
    spec = lookup(name.encode("utf-8", "replace"), part.encode("utf-8", "replace") or None)
    return spec is not None and spec.is_write


def _bytes_a_second(situation: Situation) -> float | None:
    facts = situation.log_facts
    if facts is not None and facts.seconds:
        return (facts.size_bytes - facts.base_bytes) / facts.seconds
    rewritten, rise = situation.rise("aof_rewrites"), situation.rise("aof_current_size")
    # A rewrite meanwhile makes the file smaller, not the rate.
    return rise.rate if rise is not None and rewritten is not None and not rewritten.by else None


def _always_costs(situation: Situation, standstills: tuple[Standstill, ...]) -> str:
    syncs = [item.seconds for item in standstills if item.cause == "aof-sync"]
    if syncs:
        return f"each loop waits for a sync, here up to {format_wait(max(syncs))}"
    return "each loop waits for a sync: aoftool probe DIR says how long"


def _everysec_costs(sync_s: float) -> str:
    if sync_s >= 1:
        return f"writes wait behind syncs of up to {format_duration(sync_s)}"
    return "little, while a sync takes less than a second"

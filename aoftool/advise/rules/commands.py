"""Rules on commands that stop all clients: slow ones, KEYS, and the freeing of large values."""

from __future__ import annotations

from aoftool.advise.commands_known import BY_KEYS, DELETES, SENTENCES, grows, grows_with
from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import Answer, Case, Rule
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind, SlowCommand
from aoftool.units import counted, format_wait

__all__ = ["RULES"]

_MANY_KEYS = 100
_SHOWN = 4
# One command of 20 to 50 ms may be the CPU's doing; the same twice is its own.
_ALONE_S = 0.05
_EXEC = "EXEC"
_FREEING = ("expire-del", "eviction-del")
_LAZY = (
    "lazyfree-lazy-expire",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
)


def slow_commands(case: Case) -> Answer:
    """Judge commands whose time grows with the data; others in SLOWLOG are slow for another reason."""
    situation = case.situation
    limits = situation.limits
    slow = [entry for entry in situation.captured.slowlog if _grows(entry)]
    groups: dict[str, list[SlowCommand]] = {}
    for entry in slow:
        # What takes long only with many arguments takes a little with some: 20 ms may be that.
        least = limits["slow-commands.medium"] if entry.command not in BY_KEYS else _ALONE_S
        if entry.usec >= 1e6 * least:
            groups.setdefault(entry.command, []).append(entry)
    kept = [group for group in groups.values() if len(group) > 1 or group[0].usec >= 1e6 * _ALONE_S]
    told = [
        (max(entry.usec for entry in group) / 1e6, group[0].command, _group(situation, group))
        for group in kept
    ]
    told += _by_their_mean(situation, {name for _, name, _ in told})
    if not told:
        return None
    told.sort(key=lambda row: -row[0])
    worst, name, _ = told[0]
    return Finding(
        "slow-commands",
        Severity.HIGH if worst >= limits["slow-commands.high"] else Severity.MEDIUM,
        f"{name} stops all clients, for {format_wait(worst)} at {'worst' if name != _EXEC else 'the mean'}",
        tuple(evidence for _, _, evidence in told[:_SHOWN]),
        why=f"commands run one by one; the time of {name} grows with {_growth(name)[0]}",
        do=tuple(_instead(name) for _, name, _ in told[:_SHOWN]),
        not_this=_others(situation),
        values={"worst_s": worst, "commands": sum(map(len, kept))},
        because=next((code for code in ("swap",) if code in case.found), ""),
    )


def _by_their_mean(situation: Situation, known: set[str]) -> list[tuple[float, str, Evidence]]:
    """Return what SLOWLOG does not show by the counters of commands: EXEC never enters it.

    Source: src/commands/exec.json, SKIP_SLOWLOG since 7.0; the commands within enter one by one.
    """
    usec, calls = (situation.rise_or_total("cmdstat_exec", part=part) for part in ("usec", "calls"))
    if _EXEC in known or usec is None or calls is None or not calls.by:
        return []
    mean = usec.by / calls.by / 1e6
    if mean < situation.limits["slow-commands.medium"]:
        return []
    text = f"{_EXEC} {counted(round(calls.by), 'time')}, mean {format_wait(mean)}; never in SLOWLOG"
    return [(mean, _EXEC, Evidence(text, usec.last.where))]


def _grows(entry: SlowCommand) -> bool:
    if entry.command in BY_KEYS:
        return entry.argument_count >= _MANY_KEYS
    return grows(entry.command) and entry.command != "KEYS"


def _growth(command: str) -> tuple[str, str]:
    return grows_with(command) or ("", "")


def _group(situation: Situation, group: list[SlowCommand]) -> Evidence:
    worst = max(group, key=lambda entry: entry.usec)
    total = sum(entry.usec for entry in group) / 1e6
    times = counted(len(group), "time")
    text = f"{worst.command} {times}, worst {format_wait(worst.usec / 1e6)}, sum {format_wait(total)}"
    calls = _mean(situation, worst.command)
    text += f", mean {format_wait(calls)}" if calls else ""
    return Evidence(text + situation.ago(max(entry.at_s for entry in group)), worst.where)


def _mean(situation: Situation, command: str) -> float:
    entry = situation.field(f"cmdstat_{command.lower()}")
    if entry is None:
        return 0.0
    for part in entry.value.split(","):
        name, _, value = part.partition("=")
        if name == "usec_per_call":
            try:
                return float(value) / 1e6
            except ValueError:
                return 0.0
    return 0.0


def _instead(command: str) -> str:
    what, instead = _growth(command)
    if not instead:
        return f"call {command} less often, or for less: its time grows with {what}"
    return instead if command in SENTENCES else f"{command} grows with {what}: use {instead}"


def _others(situation: Situation) -> tuple[str, ...]:
    """Name what is in SLOWLOG and is slow for another reason."""
    names = sorted(
        {
            entry.command
            for entry in situation.captured.slowlog
            if entry.command in ("GET", "SET", "HGET", "HSET", "INCR", "SADD", "ZADD", "LPUSH", "RPUSH")
            and entry.usec >= 1e4
            and not _grows(entry)
        }
    )
    if not names:
        return ()
    return (
        f"{', '.join(names)} in SLOWLOG {'take' if len(names) > 1 else 'takes'} no longer with more data:"
        " something else was slow, see the table",
    )


def keys_command(case: Case) -> Answer:
    """Judge KEYS by its mean, or by one of 20 ms in SLOWLOG: less may be the CPU's doing."""
    situation = case.situation
    limits = situation.limits
    mean = _mean(situation, "keys")
    entries = [entry for entry in situation.captured.slowlog if entry.command == "KEYS"]
    worst = max((entry.usec / 1e6 for entry in entries), default=0.0)
    if mean < limits["keys-command.medium"] and worst < limits["keys-command.alone"]:
        return None
    found = []
    field = situation.field("cmdstat_keys")
    if mean and field is not None:
        found.append(Evidence(f"KEYS takes {format_wait(mean)} at the mean", field.where))
    if entries:
        longest = max(entries, key=lambda entry: entry.usec)
        text = f"KEYS {counted(len(entries), 'time')}, worst {format_wait(worst)}"
        text += situation.ago(max(entry.at_s for entry in entries))
        found.append(Evidence(text, longest.where))
    return Finding(
        "keys-command",
        Severity.HIGH if max(mean, worst) >= limits["keys-command.high"] else Severity.MEDIUM,
        f"KEYS looks at every key and stops all clients meanwhile, up to {format_wait(max(mean, worst))}",
        tuple(found),
        do=("SCAN, a part at a time", "so that nobody can: ACL SETUSER NAME -keys"),
        undo="ACL SETUSER NAME +keys",
        values={"mean_s": mean, "worst_s": worst},
    )


def big_delete(case: Case) -> Answer:
    """Judge what it costs to free a large value in the main thread."""
    situation = case.situation
    limits = situation.limits
    entries = [
        entry
        for entry in situation.captured.slowlog
        if entry.command in DELETES and entry.usec >= 1e6 * limits["big-delete.command"]
    ]
    events = [
        row
        for row in situation.captured.latest
        if row.event in _FREEING and row.max_ms >= 1000 * limits["big-delete.event"]
    ]
    if not entries and not events:
        return None
    found = [
        Evidence(f"{e.command} {format_wait(e.usec / 1e6)}{situation.ago(e.at_s)}", e.where)
        for e in entries[:_SHOWN]
    ]
    found += [Evidence(f"{row.event} {row.max_ms} ms{situation.ago(row.at_s)}", row.where) for row in events]
    worst = max([e.usec / 1e6 for e in entries] + [row.max_ms / 1000 for row in events])
    return Finding(
        "big-delete",
        Severity.HIGH,
        f"freeing a large value stops all clients, for {format_wait(worst)} at worst",
        tuple(found),
        why="without lazy freeing the main thread frees each element before it goes on",
        do=(
            "UNLINK instead of DEL",
            *(f"CONFIG SET {name} yes" for name in _LAZY if situation.flag(name) is not True),
            "which values are that large: aoftool keys DIR --by size",
        ),
        undo="CONFIG SET lazyfree-lazy-expire no, and the others likewise",
        values={"worst_s": worst},
    )


RULES = (
    Rule(
        "slow-commands",
        "commands",
        ((Kind.SLOWLOG,),),
        "20 ms by a command whose time grows with the data; high: 100 ms",
        slow_commands,
        "commands of constant time in SLOWLOG are slow for another reason",
    ),
    Rule(
        "keys-command",
        "commands",
        ((Kind.SLOWLOG,), (Kind.INFO,)),
        "KEYS takes 1 ms at the mean, or once 20 ms; high: 100 ms",
        keys_command,
    ),
    Rule(
        "big-delete",
        "commands",
        ((Kind.SLOWLOG,), (Kind.LATENCY_LATEST,)),
        "a delete of 50 ms, or 100 ms in expire-del or eviction-del",
        big_delete,
    ),
)

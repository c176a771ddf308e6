"""Rules on commands, deletes, expiry and eviction."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.advise.commands_known import BY_KEYS, DELETES, SENTENCES, grows, grows_with
from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import TWICE, Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind, LatencyEvent, SlowCommand
from aoftool.regex import regex
from aoftool.units import counted, format_time_ms, format_wait

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
_DATABASE = regex(r"db\d{1,9}")
_EXPIRES = regex(r"(?:^|,)expires=(\d{1,12})")
# A storm of the first hour may be the one that is still felt.
_LONG_S = 3600


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


def _event(events: Iterable[LatencyEvent], name: str) -> LatencyEvent | None:
    return next((row for row in events if row.event == name), None)


def expiry_storm(case: Case) -> Answer:
    """Judge expire cycles that ran out of their share of time."""
    situation = case.situation
    limits = situation.limits
    cap = situation.rise("expired_time_cap_reached_count")
    if cap is None:
        return Unknown("INFO stats has no expired_time_cap_reached_count")
    event = _event(situation.captured.latest, "expire-cycle")
    long = event is not None and event.max_ms >= 1000 * limits["expiry-storm.event"]
    least = limits["expiry-storm.cap_with_event"] if long else limits["expiry-storm.cap"]
    if cap.by < least:
        return None
    found = [Evidence(f"expired_time_cap_reached_count {cap.in_words}", cap.last.where)]
    expired = situation.rise("expired_keys")
    if expired is not None:
        found.append(Evidence(f"expired_keys {expired.in_words}", expired.last.where))
    if event is not None:
        found.append(Evidence(f"expire-cycle at worst {event.max_ms} ms", event.where))
    found += _next_storm(situation)
    return Finding(
        "expiry-storm",
        Severity.HIGH,
        f"many keys expire at once: {cap.by:.0f} expire cycles ran out of time",
        tuple(found),
        why="a cycle takes up to a quarter of a tick, 25 ms at hz 10, over and over until the keys are gone",
        do=(
            "spread the times: EXPIRE with 10 to 20 % more or less",
            "which keys they were: aoftool audit DIR",
            "when the next are due: aoftool keys DIR --by ttl",
        ),
        not_this=(
            "the cycle goes on while 10 % of what it looks at is stale; 25 % was before 6.0",
            "a higher hz, as LATENCY DOCTOR says, makes cycles shorter and more: the sum stays",
        ),
        values={"cap_reached": cap.by},
    )


def _next_storm(situation: Situation) -> list[Evidence]:
    """Return when keys of the log expire next that are too many in one second to be passed over."""
    facts, now = situation.log_facts, situation.number("server_time_usec")
    if facts is None or now is None:
        return []
    least = situation.limits["expiry-lingering.keys"]
    ahead = [(second, keys) for second, keys in facts.due if 1e6 * second > now and keys >= least]
    if not ahead:
        return []
    second, keys = ahead[0]
    return [
        Evidence(f"the next: {counted(keys, 'key')} expire at {format_time_ms(1000 * second)}", facts.path)
    ]


def expiry_lingering(case: Case) -> Answer:
    """Judge expired keys that stay, where no storm explains it."""
    situation = case.situation
    stale = situation.reading("expired_stale_perc")
    if stale is None:
        return Unknown("INFO stats has no expired_stale_perc")
    limits = situation.limits
    # Cycles that run out of time are a storm, which leaves stale keys for a while; an old one does not.
    rise, name = None, "expired_time_cap_reached_count"
    if (situation.uptime_s or 0) >= _LONG_S:
        rise = situation.rise(name)
    cap = (situation.number(name) or 0) if rise is None else rise.by
    if stale.value < limits["expiry-lingering.stale"] or cap >= limits["expiry-storm.cap_with_event"]:
        return None
    # A share of a few keys says nothing: each cycle looks at all of them.
    held = _expiring_keys(situation)
    if held is not None and held * stale.value / 100 < limits["expiry-lingering.keys"]:
        return None
    return Finding(
        "expiry-lingering",
        Severity.MEDIUM,
        f"of the keys with an expire time {stale.value:.0f} % are over it and still here",
        (Evidence(f"expired_stale_perc {stale.value:g}", stale.where),),
        why="each cycle looks at 20 keys of a database and goes on only above 10 %: about that share stays",
        do=("CONFIG SET active-expire-effort 2, up to 10: more CPU, fewer stale keys",),
        undo="CONFIG SET active-expire-effort 1",
        values={"stale_percent": stale.value},
    )


def _expiring_keys(situation: Situation) -> int | None:
    """Return how many keys have an expire time, in all databases; None where INFO has no keyspace."""
    fields = {} if situation.last is None else situation.last.fields
    counts = [_EXPIRES.search(entry.value) for name, entry in fields.items() if _DATABASE.fullmatch(name)]
    found = [int(match[1]) for match in counts if match is not None]
    return sum(found) if found else None


def evicting(case: Case) -> Answer:
    """Judge how many keys are evicted for each command."""
    situation = case.situation
    evicted = situation.rise_or_total("evicted_keys")
    commands = situation.rise_or_total("total_commands_processed")
    if evicted is None or commands is None or not commands.by:
        return Unknown("INFO twice is missing, or an hour of uptime")
    if evicted.by <= situation.limits["evicting.share"] * commands.by:
        return None
    share = 100 * evicted.by / commands.by
    return Finding(
        "evicting",
        Severity.MEDIUM,
        f"maxmemory is reached: {share:.0f} evictions for 100 commands, {evicted.rate:,.0f} a second",
        (Evidence(f"evicted_keys {evicted.in_words}", evicted.last.where),),
        why="each eviction is a delete in the log, and costs time before the write that needs the room",
        do=("more maxmemory, or shorter expire times", "what takes the room: aoftool keys DIR"),
        not_this=("for a cache this may be what is wanted",),
        values={"share": share / 100, "a_second": evicted.rate},
    )


def reconnecting(case: Case) -> Answer:
    """Judge clients that connect for a few commands."""
    situation = case.situation
    limits = situation.limits
    connections = situation.rise_or_total("total_connections_received")
    commands = situation.rise_or_total("total_commands_processed")
    if connections is None or commands is None:
        return Unknown("INFO twice is missing, or an hour of uptime")
    if connections.rate < limits["reconnecting.a_second"]:
        return None
    if connections.by <= limits["reconnecting.share"] * commands.by:
        return None
    return Finding(
        "reconnecting",
        Severity.MEDIUM,
        f"{connections.rate:,.0f} connections a second, commands on each: {commands.by / connections.by:.1f}",
        (Evidence(f"total_connections_received {connections.in_words}", connections.last.where),),
        why="each connection costs round trips and the main thread more than most commands",
        do=("connections that stay, or a pool",),
        values={"a_second": connections.rate, "commands_each": commands.by / connections.by},
    )


def one_by_one(case: Case) -> Answer:
    """Tell that commands come one a read."""
    situation = case.situation
    limits = situation.limits
    commands = situation.rise_or_total("total_commands_processed")
    reads = situation.rise_or_total("total_reads_processed")
    if commands is None or reads is None or not reads.by:
        return Unknown("INFO twice is missing, or an hour of uptime")
    each = commands.by / reads.by
    if commands.rate < limits["one-by-one.a_second"] or each >= limits["one-by-one.a_read"]:
        return None
    return Finding(
        "one-by-one",
        Severity.INFO,
        f"commands come one by one: {each:.1f} a read",
        (Evidence(f"total_reads_processed {reads.in_words}", reads.last.where),),
        why="each costs a round trip and two system calls",
        do=("pipelines, MSET and the like; a Unix socket where clients are on this machine",),
        not_this=("whether these clients could send several at once is not known here",),
        values={"a_read": each, "a_second": commands.rate},
    )


_RATES = ((TWICE,), (Kind.INFO,))
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
    Rule(
        "expiry-storm",
        "expiry",
        ((TWICE,),),
        "20 expire cycles ran out of time, or 5 with one of 15 ms",
        expiry_storm,
        "by what rises between two replies of INFO",
    ),
    Rule(
        "expiry-lingering",
        "expiry",
        ((Kind.INFO,),),
        "expired_stale_perc of 10 or more",
        expiry_lingering,
        "not during a storm",
    ),
    Rule("evicting", "expiry", _RATES, "evictions of more than 1 % of commands", evicting),
    Rule(
        "reconnecting",
        "clients",
        _RATES,
        "50 connections a second and more than 10 % of commands",
        reconnecting,
    ),
    Rule("one-by-one", "clients", _RATES, "1,000 commands a second and fewer than 1.2 a read", one_by_one),
)

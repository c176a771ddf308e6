"""Rules on keys that expire or are evicted: many at once, and those that stay."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import TWICE, Answer, Case, Rule, Unknown
from aoftool.advise.situation import Situation
from aoftool.captures.model import Kind, LatencyEvent
from aoftool.regex import regex
from aoftool.units import counted, format_time_ms

__all__ = ["RULES"]

_DATABASE = regex(r"db\d{1,9}")
_EXPIRES = regex(r"(?:^|,)expires=(\d{1,12})")
# A storm of the first hour may be the one that is still felt.
_LONG_S = 3600


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


_RATES = ((TWICE,), (Kind.INFO,))
RULES = (
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
)

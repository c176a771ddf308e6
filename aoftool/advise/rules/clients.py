"""Rules on clients: how often they connect, and how many commands they send at once."""

from __future__ import annotations

from aoftool.advise.model import Evidence, Finding, Severity
from aoftool.advise.rule import TWICE, Answer, Case, Rule, Unknown
from aoftool.captures.model import Kind

__all__ = ["RULES"]


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
        "reconnecting",
        "clients",
        _RATES,
        "50 connections a second and more than 10 % of commands",
        reconnecting,
    ),
    Rule("one-by-one", "clients", _RATES, "1,000 commands a second and fewer than 1.2 a read", one_by_one),
)

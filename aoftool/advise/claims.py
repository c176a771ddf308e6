"""Claims that are often met and wrong, told where one would mislead the reader of these captures."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.advise.ledger import worst_event_s
from aoftool.advise.model import Claim, LedgerRow
from aoftool.advise.situation import Situation
from aoftool.regex import regex
from aoftool.units import format_wait

__all__ = ["make_claims"]

# What `grep -v '0.0'` drops: the dot stands for any character.
_DROPPED = regex("0.0")
_SLOW_S = 0.1
_LONG_S = 0.2


def make_claims(situation: Situation, ledger: tuple[LedgerRow, ...]) -> tuple[Claim, ...]:
    """Return the claims that matter here."""
    return (*_doctor(situation, ledger), *_grep(situation), *_policy(situation))


def _doctor(situation: Situation, ledger: tuple[LedgerRow, ...]) -> Iterator[Claim]:
    text = "\n".join(situation.captured.doctor.lines) if situation.captured.doctor else ""
    worst = ledger[0].worst_s if ledger else 0.0
    if "not in the slightest bit" in text and worst >= _LONG_S:
        yield Claim(
            'LATENCY DOCTOR: "not in the slightest bit"',
            f"the main thread stood still for {format_wait(worst)}: it times some places only",
        )
    elif "spikes" in text and worst > 2 * (worst_event_s(situation) or worst):
        yield Claim(
            "LATENCY DOCTOR names the worst there is",
            f"the worst it has is {format_wait(worst_event_s(situation) or 0)}, of {format_wait(worst)}",
        )
    if "onesec" in text:
        yield Claim(
            "LATENCY DOCTOR: relax the fsync policy to 'onesec'",
            "no server takes that word, and with it in the file none starts: it is everysec",
        )
    if "no-appendfsync-on-rewrite" in text:
        yield Claim(
            "LATENCY DOCTOR: enable no-appendfsync-on-rewrite",
            "all that is written while a child runs may then be lost with the power",
        )
    if "data=writeback" in text:
        yield Claim(
            "LATENCY DOCTOR: mount with data=writeback",
            "a file may then hold old data of others after a power cut; it helps syncs little",
        )
    if "terrible" in text and 0 < (situation.number("latest_fork_usec") or 0) < 50_000:
        yield Claim(
            "LATENCY DOCTOR: the fork rate is terrible",
            f"it took {format_wait((situation.number('latest_fork_usec') or 0) / 1e6)}; GB a second says"
            " nothing of a small server",
        )


def _grep(situation: Situation) -> Iterator[Claim]:
    calls = situation.captured.trace.calls if situation.captured.trace else ()
    slow = [call for call in calls if call.seconds >= _SLOW_S and call.ended]
    dropped = [call for call in slow if _DROPPED.search(f"{call.seconds:.6f}")]
    if dropped:
        worst = max(call.seconds for call in dropped)
        yield Claim(
            "grep -v '0.0' leaves the calls of strace that took 0.1 s or more",
            f"it drops {len(dropped)} of {len(slow)} here, one of {worst:.6f} s: the dot is any character",
        )


def _policy(situation: Situation) -> Iterator[Claim]:
    if situation.is_aof_on and situation.policy in ("everysec", "no"):
        yield Claim(
            "with an append-only file no write is ever lost",
            "that is so with appendfsync always alone; see the table",
        )

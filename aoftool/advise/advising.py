"""Puts the answer together: standstills, ledger, findings with causes before what they explain."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from aoftool.advise.claims import make_claims
from aoftool.advise.in_use import make_settings
from aoftool.advise.ledger import LOOP, make_ledger, worst_event_s
from aoftool.advise.load import measure_load
from aoftool.advise.model import Advice, Finding, LedgerRow, LogFacts, NotLooked
from aoftool.advise.rule import Case, Rule, Unknown, missing_inputs
from aoftool.advise.rules.all import RULES
from aoftool.advise.situation import Situation
from aoftool.advise.standstills import standstills
from aoftool.advise.thresholds import Thresholds
from aoftool.advise.traced import MANIFEST_END, MANIFEST_START
from aoftool.advise.windows import make_windows
from aoftool.captures.captured import Captured
from aoftool.captures.model import Kind
from aoftool.dataclass import replace
from aoftool.next_step import quoted
from aoftool.regex import regex
from aoftool.units import format_duration

__all__ = ["advise"]

# Which findings explain a row of the ledger, the first that was found.
_EXPLAINS = {
    MANIFEST_START: ("main-thread-fsync",),
    MANIFEST_END: ("main-thread-fsync",),
    "manifest-sync": ("main-thread-fsync",),
    "main-sync": ("main-thread-fsync",),
    "aof-sync": ("fsync-always-slow", "main-thread-fsync"),
    "aof-write": ("write-blocked",),
    "fork": ("fork-slow",),
    "expire-cycle": ("expiry-storm", "big-delete"),
    "eviction": ("big-delete", "evicting"),
    LOOP: ("unseen-stall",),
}
_DIR = regex(r"(aoftool [a-z]+ )DIR\b")
_BY_COMMAND = {"KEYS": "keys-command", "DEL": "big-delete", "UNLINK": "big-delete"}
# Which subject a standstill is of: with a long one that nothing explains it is not fine.
_SUBJECT_OF = {
    MANIFEST_START: "syncs",
    MANIFEST_END: "syncs",
    "manifest-sync": "syncs",
    "main-sync": "syncs",
    "aof-sync": "syncs",
    "aof-write": "syncs",
    "fork": "fork",
    "expire-cycle": "expiry",
    "eviction": "expiry",
    "command": "commands",
}
_LONG_S = 0.1
# What takes longer than this is not the CPU's doing alone.
_BY_CPU_S = 0.05


def advise(
    captured: Captured,
    *,
    thresholds: Thresholds | None = None,
    log: LogFacts | None = None,
    only: Collection[str] = (),
    left_out: Iterable[str] = (),
) -> Advice:
    """Return the answer to what was captured.

    Args:
        log: what the append-only file tells, where it was given.
        only: codes of rules to judge; all where there is none. What they build on is judged too.
        left_out: what was not read, in words.
    """
    situation = Situation(captured, thresholds, log)
    waits = tuple(standstills(situation))
    found: dict[str, Finding] = {}
    unknown: dict[str, list[str]] = {}
    for rule in RULES:
        _judge(rule, Case(situation, waits, found), found, unknown)
    shown = {
        code: _with_place(finding, situation.data_dir)
        for code, finding in found.items()
        if not only or code in only
    }
    ledger = tuple(_explained(row, found) for row in make_ledger(situation, waits))
    findings, windows = _in_order(shown), make_windows(situation, waits)
    return Advice(
        situation.facts(),
        _inputs(situation),
        ledger,
        worst_event_s(situation),
        findings,
        windows,
        make_claims(situation, ledger),
        _fine(found, unknown, ledger),
        tuple(NotLooked(reason, tuple(codes)) for reason, codes in _without(unknown, only)),
        tuple(left_out),
        log,
        measure_load(situation),
        make_settings(situation, findings, windows),
    )


def _with_place(finding: Finding, place: str) -> Finding:
    """Put the data directory into the lines to type."""
    if not place:
        return finding
    return replace(finding, do=tuple(_DIR.sub(lambda m: m[1] + quoted(place), line) for line in finding.do))


def _judge(rule: Rule, case: Case, found: dict[str, Finding], unknown: dict[str, list[str]]) -> None:
    missing = missing_inputs(case.situation, rule)
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        unknown.setdefault(f"{' and '.join(missing)} {verb} missing", []).append(rule.code)
        return
    answer = rule.judge(case)
    if isinstance(answer, Unknown):
        unknown.setdefault(answer.reason, []).append(rule.code)
    elif answer is not None:
        found[rule.code] = answer


def _without(unknown: dict[str, list[str]], only: Collection[str]) -> list[tuple[str, list[str]]]:
    kept = [(reason, [c for c in codes if not only or c in only]) for reason, codes in unknown.items()]
    return [(reason, codes) for reason, codes in kept if codes]


def _in_order(found: dict[str, Finding]) -> tuple[Finding, ...]:
    """Return causes by severity, each followed by what it explains."""
    known = dict(found)
    tops = [f for f in known.values() if f.because not in known]
    tops.sort(key=lambda finding: (_worst_under(finding, known), _order(finding.code)))
    out: list[Finding] = []
    for top in tops:
        _with_explained(replace(top, because=""), known, out)
    return tuple(out)


def _with_explained(finding: Finding, known: dict[str, Finding], out: list[Finding]) -> None:
    out.append(finding)
    under = [other for other in known.values() if other.because == finding.code]
    for other in sorted(under, key=lambda f: (f.severity.rank, _order(f.code))):
        _with_explained(other, known, out)


def _worst_under(finding: Finding, known: dict[str, Finding]) -> int:
    under = [_worst_under(f, known) for f in known.values() if f.because == finding.code]
    return min([finding.severity.rank, *under])


def _order(code: str) -> int:
    return next(index for index, rule in enumerate(RULES) if rule.code == code)


def _explained(row: LedgerRow, found: dict[str, Finding]) -> LedgerRow:
    codes: tuple[str, ...] = _EXPLAINS.get(row.cause, ())
    if row.cause == "command":
        codes = _of_command(row, found)
    code = next((code for code in codes if code in found), "")
    return replace(row, finding=code) if code else row


def _of_command(row: LedgerRow, found: dict[str, Finding]) -> tuple[str, ...]:
    """Return what may explain a slow command: its own time, or what made one of constant time slow."""
    from aoftool.advise.commands_known import grows

    slow = found.get("slow-commands")
    if row.label in _BY_COMMAND:
        return (_BY_COMMAND[row.label],)
    if grows(row.label) or (slow and any(item.text.startswith(f"{row.label} ") for item in slow.found)):
        return ("slow-commands",)
    return ("swap", *(("cpu-short",) if row.worst_s < _BY_CPU_S else ()))


def _fine(
    found: dict[str, Finding], unknown: dict[str, list[str]], ledger: tuple[LedgerRow, ...]
) -> tuple[str, ...]:
    """Return subjects of which all rules were looked at, with nothing bad and no long standstill left."""
    not_looked = {code for codes in unknown.values() for code in codes}
    stood = {_SUBJECT_OF.get(row.cause) for row in ledger if row.worst_s >= _LONG_S and not row.finding}
    subjects: dict[str, bool] = {}
    for rule in RULES:
        bad = rule.code in found and found[rule.code].severity.is_bad
        good = not bad and rule.code not in not_looked
        subjects[rule.subject] = subjects.get(rule.subject, True) and good
    return tuple(subject for subject, good in subjects.items() if good and subject not in stood)


_ORDER = tuple(Kind)


def _inputs(situation: Situation) -> tuple[str, ...]:
    """Return what was captured, in words."""
    words = []
    for kind in sorted(situation.captured.kinds, key=_ORDER.index):
        if kind is Kind.INFO and situation.window_s:
            words.append(f"INFO twice {format_duration(situation.window_s)} apart")
        elif kind is not Kind.UNKNOWN:
            words.append(kind.value)
    if situation.log_facts is not None:
        words.append("the log itself")
    return tuple(words)

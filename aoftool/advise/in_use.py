"""The settings that an append-only file and the main thread's time depend on, and what findings would change.

A setting is in the table where it is one of these, where a finding would set it, or where the server uses
another value than its default or its file has. Places, addresses and secrets never are.
"""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.advise.catalogue import defaults_of
from aoftool.advise.model import Finding, Proposal, SettingRow, Window
from aoftool.advise.rules.settings import PLACES, values_differ, whole_lines
from aoftool.advise.situation import Situation
from aoftool.regex import regex
from aoftool.units import format_wait

__all__ = ["make_settings", "proposals_of"]

_SUBJECT = (
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "auto-aof-rewrite-min-size",
    "auto-aof-rewrite-percentage",
    "aof-use-rdb-preamble",
    "aof-rewrite-incremental-fsync",
    "aof-timestamp-enabled",
    "save",
    "maxmemory",
    "maxmemory-policy",
    "latency-monitor-threshold",
    "slowlog-log-slower-than",
    "disable-thp",
    "hz",
)
_SET = regex(r"CONFIG SET ([a-z][a-z0-9-]{1,60}) ([^\s,:;]{1,60})(?:[,:;] {0,1}([^\r\n]{1,200}))?")
_SECRET = regex(r"[a-z0-9-]*(?:pass|auth|user|secret|key-file|cert|announce)[a-z0-9-]*")
_POLICIES = ("always", "everysec", "no")
# Of settings that differ from their defaults so many are told beside the others.
_MOST = 40


def make_settings(
    situation: Situation, findings: Iterable[Finding], windows: tuple[Window, ...]
) -> tuple[SettingRow, ...]:
    """Return the table; empty where neither CONFIG nor a file was captured."""
    if not situation.captured.config and not situation.captured.conf:
        return ()
    proposed = proposals_of(findings, windows)
    defaults = defaults_of(situation.release)
    told = {line.name: " ".join(line.arguments) for line in whole_lines(situation)}
    names = [*_SUBJECT, *(name for name in proposed if name not in _SUBJECT)]
    others = sorted((situation.captured.config.keys() | told.keys()) - set(names) - PLACES)
    rows = [
        _row(situation, name, defaults.get(name), told.get(name), proposed.get(name, ())) for name in names
    ]
    rows = [row for row in rows if row.value is not None or row.proposals]
    more = [
        _row(situation, name, defaults.get(name), told.get(name), ())
        for name in others
        if not _is_private(name)
    ]
    return (*rows, *[row for row in more if row.is_changed or row.is_unsaved][:_MOST])


def _is_private(name: str) -> bool:
    return _SECRET.fullmatch(name) is not None


def _row(
    situation: Situation, name: str, default: str | None, told: str | None, proposals: tuple[Proposal, ...]
) -> SettingRow:
    used = situation.setting(name)
    # Lines of save points add up, so that the last of them alone says nothing.
    saved = None if name == "save" else told
    value = None if used is None else used.value
    return SettingRow(
        name,
        value,
        default,
        saved,
        "" if used is None else used.where,
        value is not None and default is not None and values_differ(default, value),
        value is not None and saved is not None and values_differ(saved, value),
        proposals,
    )


def proposals_of(
    findings: Iterable[Finding], windows: tuple[Window, ...] = ()
) -> dict[str, tuple[Proposal, ...]]:
    """Return by setting what findings would set it to, and what that changes."""
    found: dict[str, tuple[Proposal, ...]] = {}
    for finding in findings:
        for line in finding.do:
            for name, value, remark in _SET.findall(line):
                effect = _effect(name, value, remark, windows)
                found[name] = (*found.get(name, ()), Proposal(value, finding.code, finding.title, effect))
    return found


def _effect(name: str, value: str, remark: str, windows: tuple[Window, ...]) -> str:
    """Return what is known of the value here: what a power cut may take, else the finding's own remark."""
    if name != "appendfsync" or value not in _POLICIES:
        return remark
    now = next((row for row in windows if row.is_current), None)
    then = next((row for row in windows if row.policy == value), None)
    if now is None or then is None or now.seconds is None or then.seconds is None:
        return remark
    change = f"a power cut may take {_span(then.seconds)} of writes in place of {_span(now.seconds)}"
    return f"{change}; {then.costs}" if then.costs else change


def _span(seconds: float) -> str:
    return format_wait(seconds) if seconds else "none"

"""The end of the page: advice from captures, what was not looked at, and how it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aoftool.advise.model import Advice, Finding, NotLooked, Proposal, SettingRow, Severity, Window
from aoftool.api.postmortem.model import Digest, Postmortem
from aoftool.escape import shown_text
from aoftool.report.page.axis import axis_words
from aoftool.report.page.cells import Field, code, made_table, number, size, text
from aoftool.report.page.model import Block, Cell, Entry, Section, Sentences, Table, Tone, Words
from aoftool.report.running.advise import (
    advice_server,
    advice_verdict,
    ledger_cells,
    ledger_rows,
    window_cells,
)
from aoftool.report.writer import writer_words

__all__ = [
    "advice",
    "advice_findings",
    "advice_ledger",
    "advice_rest",
    "advice_settings",
    "advice_tone",
    "advice_windows",
    "digest_table",
    "made_rows",
    "measured",
]

_TONES = {
    Severity.CRITICAL: Tone.BAD,
    Severity.HIGH: Tone.BAD,
    Severity.MEDIUM: Tone.WARN,
    Severity.INFO: Tone.PLAIN,
}
_MOST = 40


def advice(found: Postmortem) -> Section:
    """Return what captures say, and what nobody looked at."""
    blocks: list[Block] = []
    if found.advice is not None:
        blocks += _advised(found.advice)
    if found.not_looked:
        fields = (
            ("subject", "not looked at", lambda row: text(row.subject)),
            ("reason", "because", lambda row: text(row.reason)),
            ("how", "what would", lambda row: code(row.how)),
        )
        blocks.append(made_table("not-looked", "Not looked at", fields, found.not_looked))
    return Section("advice", "Advice, and what was not looked at", blocks)


def _advised(found: Advice) -> Iterator[Block]:
    yield Words(
        f"{shown_text(advice_server(found.server))}: {shown_text(advice_verdict(found))}.", advice_tone(found)
    )
    ledger = advice_ledger(found)
    if ledger is not None:
        yield ledger
    yield from advice_findings(found)
    yield from advice_settings(found)
    yield from advice_windows(found)
    yield from advice_rest(found)


def advice_tone(found: Advice) -> Tone:
    """Return how the verdict is to be taken."""
    worst = found.worst
    if found.is_log_damaged:
        return Tone.BAD
    return Tone.GOOD if worst is None or not worst.is_bad else _TONES[worst]


def advice_ledger(found: Advice) -> Table | None:
    """Return the table of standstills; None without any."""
    if not found.ledger:
        return None
    fields = (
        ("label", "the main thread stood still", lambda row: text(ledger_cells(row)[0])),
        ("worst_s", "worst", lambda row: number(round(row.worst_s, 6), ledger_cells(row)[1])),
        ("sum_s", "sum", lambda row: number(_rounded(row.sum_s), ledger_cells(row)[2])),
        ("times", "times", lambda row: number(row.times, ledger_cells(row)[3])),
        ("seen_in", "seen in", lambda row: text(ledger_cells(row)[4])),
    )
    rows = ledger_rows(found.ledger)
    return made_table("ledger", "Standstills", fields, rows, left_out=len(found.ledger) - len(rows))


def advice_findings(found: Advice) -> Iterator[Block]:
    """Give the findings as sentences; nothing without any."""
    if found.findings:
        entries = [_entry(finding) for finding in found.findings[:_MOST]]
        more = len(found.findings) - len(entries)
        yield Sentences("advice-list", "Advice", entries, f"and {more} more: aoftool advise" if more else "")


def advice_windows(found: Advice) -> Iterator[Block]:
    """Give the table of what every policy may lose; nothing where nothing tells."""
    if found.windows:
        policies: tuple[Field[Window], ...] = (
            ("policy", "policy", lambda row: text(window_cells(row)[0].strip("> "))),
            ("current", "", lambda row: text("in use" if row.is_current else "")),
            ("seconds", "seconds", lambda row: number(_rounded(row.seconds), window_cells(row)[1])),
            ("commands", "writes", lambda row: number(_rounded(row.commands), window_cells(row)[2])),
            ("size_bytes", "bytes", lambda row: number(_rounded(row.size_bytes), window_cells(row)[3])),
            ("costs", "it costs", lambda row: text(row.costs)),
        )
        yield made_table("windows", "What a power cut may take", policies, found.windows)


def advice_settings(found: Advice) -> Iterator[Block]:
    """Give the settings in use, and what each that a finding proposes would change."""
    if not found.settings:
        yield Words("Neither CONFIG GET nor the server's file was captured.")
        return
    fields: tuple[Field[SettingRow], ...] = (
        ("name", "setting", lambda row: code(shown_text(row.name))),
        ("value", "in use", lambda row: _value(row.value)),
        ("default", "default", lambda row: _value(row.default)),
        ("in_file", "in the file", lambda row: _value(row.in_file)),
        ("differs", "differs from", lambda row: text(_differs(row))),
        ("proposed", "proposed", lambda row: code(shown_text(", ".join(p.value for p in row.proposals)))),
        (
            "changes",
            "what that would change",
            lambda row: text(shown_text("; ".join(map(_changes, row.proposals)))),
        ),
    )
    rows = sorted(found.settings, key=lambda row: not row.proposals)
    yield made_table(
        "settings-table", "Settings in use, and those that findings propose", fields, rows, most=80
    )


def _value(value: str | None) -> Cell:
    return text("" if value is None else shown_text(value) or '""')


def _differs(row: SettingRow) -> str:
    words = ("the default", row.is_changed), ("the file: a restart changes it", row.is_unsaved)
    return " and ".join(word for word, is_so in words if is_so)


def _changes(proposal: Proposal) -> str:
    also = f"; {proposal.changes}" if proposal.changes else ""
    return f"ends {proposal.code}: {proposal.title}{also}"


def advice_rest(found: Advice) -> Iterator[Block]:
    """Give what is fine, claims that would mislead, and what could not be judged."""
    if found.fine:
        yield Words(f"Fine: {', '.join(found.fine)}.", Tone.GOOD)
    for claim in found.claims:
        yield Words(f"Not so: {claim.claim}: {claim.fact}")
    if found.not_looked:
        reasons: tuple[Field[NotLooked], ...] = (
            ("reason", "because", lambda row: text(row.reason)),
            ("codes", "not judged", lambda row: text(", ".join(row.codes))),
        )
        yield made_table("advice-not-looked", "Rules that could not be judged", reasons, found.not_looked)
    for words in found.left_out:
        yield Words(f"Left out: {shown_text(words)}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _entry(finding: Finding) -> Entry:
    facts: list[tuple[str, str, bool]] = []
    for item in finding.found:
        where = f" ({shown_text(item.where)})" if item.where else ""
        facts.append(("found", shown_text(item.text) + where, False))
    facts += [("why", shown_text(finding.why), False)] if finding.why else []
    facts += [("do", shown_text(line), False) for line in finding.do]
    facts += [("undo", shown_text(finding.undo), False)] if finding.undo else []
    facts += [("not", shown_text(line), False) for line in finding.not_this]
    because = f"because of {finding.because}" if finding.because else ""
    title = f"{shown_text(finding.title)} [{finding.code}]"
    return Entry(_TONES[finding.severity], finding.severity.value, because, title, tuple(facts))


def made_rows(pairs: Sequence[tuple[str, str]]) -> Table:
    """Return versions and what was asked."""
    fields = (
        ("what", "what", lambda pair: text(pair[0])),
        ("says", "says", lambda pair: code(shown_text(pair[1]))),
    )
    return made_table("made", "How it was measured", fields, pairs)


def digest_table(digests: Sequence[Digest]) -> Table:
    """Return the digests of the files."""
    fields = (
        ("name", "file", lambda row: code(row.name)),
        ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
        ("sha256", "SHA-256", lambda row: code(row.sha256)),
    )
    return made_table("digests", "The files as they were read", fields, digests, most=60)


def measured(found: Postmortem) -> Section:
    """Return how it was measured."""
    pairs = list(found.made)
    if found.overview.reading is not None:
        pairs.append(("read as", writer_words(found.overview.reading)))
    if found.by_prefix is not None and found.by_prefix.buckets:
        pairs.append(("axis", axis_words(found.by_prefix)))
    pairs += [("note", note) for note in dict.fromkeys(found.notes)]
    return Section("measured", "How it was measured", [made_rows(pairs), digest_table(found.digests)])

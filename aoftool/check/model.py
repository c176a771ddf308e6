"""What a check says: findings, a verdict for each file, and what each server would do.

Plain records without behaviour beyond counting and a dict form. Knows nothing of how damage is found
and nothing of how it is shown. Messages and evidence are printable already: bytes taken from a file
go through `aoftool.escape` before they come here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

from aoftool.check.codes import CODES, Severity, Verdict, severity_of_code, verdict_of
from aoftool.dataclass import dataclass, field
from aoftool.escape import shown_path
from aoftool.next_step import next_step, parted
from aoftool.releases import NAMES

__all__ = [
    "NO_MODULE",
    "FileReport",
    "Finding",
    "Level",
    "Outcome",
    "Remedy",
    "Report",
    "ServerOutcome",
    "Severity",
    "Verdict",
    "verdict_of",
]


class Level(str, Enum):
    """How far a check goes.

    Attributes:
        QUICK: to the first damage of each file, structure only.
        FULL: past every damage, with commands held against the command table.
        DEEP: also decodes every value of an RDB part.
    """

    QUICK = "quick"
    FULL = "full"
    DEEP = "deep"


class Outcome(str, Enum):
    """What a server does when it starts on a log."""

    LOAD = "load"
    CUT = "cut"
    REFUSE = "refuse"
    CRASH = "crash"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Remedy:
    """One thing that can be done about a finding, and its price.

    Attributes:
        action: what to do, in a few words that also appear in a plan.
        option: the option of `fix` that does it; empty when plain `fix` does.
        loses_bytes: bytes of the log that go to the lost-and-found file.
        loses_commands: whole commands that go with them; None when it cannot be counted.
        text: one sentence for people.
        by_hand: no option of `fix` does it; `option` and the losses say nothing then.
    """

    action: str
    option: str = ""
    loses_bytes: int = 0
    loses_commands: int | None = 0
    text: str = ""
    by_hand: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the remedy as JSON members."""
        return {
            "action": self.action,
            "option": self.option,
            "loses_bytes": self.loses_bytes,
            "loses_commands": self.loses_commands,
            "text": self.text,
            "by_hand": self.by_hand,
        }


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing.

    Attributes:
        code: stable name, documented in docs/findings.md.
        severity: DAMAGE decides that a log is not intact.
        path: the file it is about.
        start, end: half-open byte span in that file; None where a finding has no place.
        command_index: number of the first command concerned, counted from 0 in that file; None when
            unknown or when there is none.
        line: line of a manifest, counted from 1.
        message: one sentence: what is wrong.
        evidence: what stands there, printable and short.
        remedies: what can be done, the recommended one first.
    """

    code: str
    severity: Severity
    path: str
    message: str
    start: int | None = None
    end: int | None = None
    command_index: int | None = None
    line: int | None = None
    evidence: str = ""
    remedies: tuple[Remedy, ...] = ()

    def __post_init__(self) -> None:
        known = CODES[self.code].severities
        assert self.severity in known, f"{self.code} is never {self.severity.value}"

    @classmethod
    def of(
        cls,
        code: str,
        path: str,
        message: str,
        start: int | None = None,
        end: int | None = None,
        command_index: int | None = None,
        *,
        line: int | None = None,
        evidence: str = "",
        remedies: tuple[Remedy, ...] = (),
    ) -> Finding:
        """Return a finding that is as grave as its code usually is."""
        severity = severity_of_code(code)
        return cls(code, severity, path, message, start, end, command_index, line, evidence, remedies)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON members."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "path": self.path,
            "start": self.start,
            "end": self.end,
            "command_index": self.command_index,
            "line": self.line,
            "message": self.message,
            "evidence": self.evidence,
            "remedies": [remedy.to_dict() for remedy in self.remedies],
        }


# What servers say when they end themselves for a reason.
_ABORTS = "Guru Meditation"
NO_MODULE = "no matching module"
"""What servers say of module data in an RDB part, where a server with the module goes on."""

_ADVICE = ": make a backup of your AOF file"


@dataclass(frozen=True)
class ServerOutcome:
    """What one server would do with the log.

    Attributes:
        target: name of the release, such as `valkey-9.1`.
        outcome: load, cut, refuse, crash, or unsupported (it knows no such layout).
        path: the file that decides it, empty when it loads whole.
        cut_to: size in bytes the server leaves of `path`; only for CUT, and for REFUSE where the
            server cuts the file and then refuses.
        message: the message the server logs, as exactly as it can be foretold; or in our words why it ends,
            see `is_quoted`.
        notes: what it does in silence, such as skipping a command, starting empty, or overwriting files.
    """

    target: str
    outcome: Outcome
    path: str = ""
    cut_to: int | None = None
    message: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Tell whether the rules of the release were measured on a server, and not read in its sources."""
        return NAMES[self.target].is_measured

    @property
    def is_quoted(self) -> bool:
        """Tell whether these are the server's words; ours begin with a small letter, or tell of a crash."""
        if self.outcome is Outcome.CRASH:
            return self.message.startswith(_ABORTS)
        return bool(self.message) and not self.message[0].islower()

    @property
    def told(self) -> str:
        """Return the message without the server's advice: the tool it names cuts away all behind damage."""
        return self.message.partition(_ADVICE)[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON members."""
        return {
            "target": self.target,
            "measured": self.is_measured,
            "outcome": self.outcome.value,
            "path": self.path,
            "cut_to": self.cut_to,
            "message": self.told,
            "quoted": self.is_quoted and self.is_measured,
            "notes": list(self.notes),
        }


@dataclass
class FileReport:
    """One file of a log: what was read and the one word for it.

    Attributes:
        path: the file.
        role: base, incr, history, single, rdb or manifest.
        size_bytes: its size when it was opened.
        format: `RESP`, an RDB magic such as `VALKEY080`, both joined with ` + RESP`, or `empty`.
        commands: whole commands found outside damaged ranges.
        good_end: offset up to which everything is in order.
        verdict: the one word.
    """

    path: str
    role: str
    size_bytes: int
    format: str = ""
    commands: int = 0
    good_end: int = 0
    verdict: Verdict = Verdict.OK

    def to_dict(self) -> dict[str, Any]:
        """Return the file's row as JSON members."""
        return {
            "path": self.path,
            "role": self.role,
            "size_bytes": self.size_bytes,
            "format": self.format,
            "commands": self.commands,
            "good_end": self.good_end,
            "verdict": self.verdict.value,
        }


@dataclass
class Report:
    """Everything a check found out about one log.

    Attributes:
        path: what was checked.
        kind: layout of the log.
        level: how far the check went.
        files: one row a file, in load order.
        findings: in file order, then by offset. Bounded: see `omitted`.
        outcomes: one row a target server.
        omitted: findings of each code that were counted but not kept.
        asked: the servers of `outcomes` were asked for by name.
    """

    path: str
    kind: str
    level: Level
    files: list[FileReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    outcomes: list[ServerOutcome] = field(default_factory=list)
    omitted: dict[str, int] = field(default_factory=dict)
    asked: bool = False

    @property
    def refused(self) -> ServerOutcome | None:
        """The first server asked for that does not load the log, though nothing is damaged; None for none."""
        if not self.asked or not self.intact or not self.judged:
            return None
        return next((row for row in self.outcomes if row.outcome is not Outcome.LOAD), None)

    @property
    def intact(self) -> bool:
        """Tell whether nothing in the log is damaged."""
        return not any(finding.severity is Severity.DAMAGE for finding in self.findings)

    @property
    def judged(self) -> bool:
        """Tell whether there is nothing in the log that is not known here."""
        return not any(finding.severity is Severity.NOT_JUDGED for finding in self.findings)

    @property
    def verdict(self) -> Verdict:
        """The first word that is not OK, in the order of the findings; damage goes first."""
        for finding in self.findings:
            if finding.severity is Severity.DAMAGE:
                return verdict_of(finding.code)
        if not self.judged:
            return Verdict.NOT_JUDGED
        return next((row.verdict for row in self.files if row.verdict is not Verdict.OK), Verdict.OK)

    @property
    def next_step(self) -> str | None:
        """What to type next about damage, or that there is nothing; None for a log that has none.

        A plan, with the option that most of what is wrong takes; for a server that was asked for and does
        not load a log in good order, what makes a log of it that the server loads.
        """
        refused = self.refused
        if refused is not None:
            single = "--layout single" if refused.outcome is Outcome.UNSUPPORTED else ""
            # An RDB part for a release that may have the module would keep what this server refuses.
            without = "--format resp --drop-unsupported" if NO_MODULE in refused.message else ""
            return next_step("rewrite", self.path, f"--target {refused.target}", single, without, "-o OUT")
        damage = [finding for finding in self.findings if finding.severity is Severity.DAMAGE]
        if not damage:
            return None
        firsts = [[remedy for remedy in finding.remedies if not remedy.by_hand][:1] for finding in damage]
        options = {remedy.option for first in firsts for remedy in first}
        elsewhere = next((row.target for row in self.outcomes if row.outcome is Outcome.LOAD), None)
        if not options and damage[0].code == "not-for-its-writer" and elsewhere is not None:
            return f"load it on {elsewhere}, and rewrite it there: nothing here can be repaired"
        if not options:
            return "nothing here can be repaired; put the files back from a backup"
        chosen = [option for option in ("--salvage", "-o OUT") if option in options]
        return next_step("fix", self.path, "--dry-run", *chosen)

    def outcome(self, target: str) -> ServerOutcome:
        """Return the row of one target; KeyError when it was not asked for."""
        for row in self.outcomes:
            if row.target == target:
                return row
        raise KeyError(target)

    def _repr_html_(self) -> str:
        """Return the findings as a table for notebooks."""
        from aoftool.tables.page import rows_html

        rows = [
            (row.severity.value, row.code, shown_path(row.path), row.start, row.message)
            for row in self.findings
        ]
        caption = f"{shown_path(self.path)}: {self.verdict.value}"
        return rows_html(caption, ("severity", "code", "path", "start", "message"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON members."""
        return {
            "path": self.path,
            "kind": self.kind,
            "level": self.level.value,
            "intact": self.intact,
            "judged": self.judged,
            "verdict": self.verdict.value,
            **parted(self.next_step),
            "files": [row.to_dict() for row in self.files],
            "findings": [finding.to_dict() for finding in self.findings],
            "findings_omitted": dict(sorted(self.omitted.items())),
            "servers": [row.to_dict() for row in self.outcomes],
        }


def first_damage(findings: Iterable[Finding], path: str) -> Finding | None:
    """Return the first damage of one file, None when it has none."""
    return next((f for f in findings if f.path == path and f.severity is Severity.DAMAGE), None)

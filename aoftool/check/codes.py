"""The table of codes of findings: how grave each is, which verdict it leads to, what servers do, what helps.

The rows stand in codes.json, from which `python tools/write_findings_docs.py` also makes the tables of
docs/findings.md. What servers do about a fault inside an RDB part stands in
`aoftool.check.loaders.rdb_faults`, release by release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache

from aoftool.aof.layout import LayoutCode, LayoutProblem
from aoftool.aof.model import Log
from aoftool.namedtuple import NamedTuple
from aoftool.packaged import packaged_json
from aoftool.rdb.damage import MESSAGES
from aoftool.resp.model import Reason

__all__ = ["CODES", "Code", "Section", "Severity", "Verdict", "severity_of", "severity_of_code", "verdict_of"]


class Severity(str, Enum):
    """How bad a finding is: only DAMAGE says that a log is not intact.

    Attributes:
        NOT_JUDGED: in good order, and nothing here knows it; neither damage nor health.
    """

    NOTE = "note"
    WARNING = "warning"
    NOT_JUDGED = "not-judged"
    DAMAGE = "damage"


class Verdict(str, Enum):
    """The one word for a file or a log; values are stable.

    Source: aof-format reference, section 8.
    """

    OK = "ok"
    OK_LENIENT = "ok-lenient"
    TORN_TAIL = "torn-tail"
    ZERO_TAIL = "zero-tail"
    OPEN_MULTI = "open-multi"
    LOST_EXEC = "lost-exec"
    CORRUPT_MIDDLE = "corrupt-middle"
    UNKNOWN_COMMAND = "unknown-command"
    ARITY = "arity"
    RDB_DAMAGED = "rdb-damaged"
    RDB_NO_CHECKSUM = "rdb-no-checksum"
    MANIFEST_ERROR = "manifest-error"
    MISSING_FILE = "missing-file"
    ORPHAN_FILE = "orphan-file"
    STALE_TEMP = "stale-temp"
    SEQ_GAP = "seq-gap"
    DUPLICATE_REGION = "duplicate-region"
    EMPTY_BASE = "empty-base"
    READ_ERROR = "read-error"
    UNLOADABLE = "unloadable"
    NOT_JUDGED = "not-judged"


class Section(Enum):
    """What a code is about: the tables of docs/findings.md, with their headings."""

    END = "The end of a file"
    STREAM = "Inside a command stream"
    TEXT = "Whole files that were treated as text"
    COMMANDS = "What the commands say"
    RDB = "RDB parts"
    VALUE = "Inside the values of an RDB part"
    SET = "The files of a set"
    READING = "Reading"
    WALK = "What a walk of an RDB part breaks off at"
    UNREAD = "What a quick look breaks off at"


class Code(NamedTuple):
    """One code of findings.

    Attributes:
        name: stable.
        severities: those it may have, the usual one first.
        verdict: of a file or a log whose first damage it is, or that it is a warning of.
        meaning: in words, for docs/findings.md; as is what follows.
        servers: what each kind of server does; empty where `aoftool.check.loaders.rdb_faults` knows it.
        repair: what `fix` does; `-` for nothing.
    """

    name: str
    section: Section
    severities: tuple[Severity, ...]
    verdict: Verdict
    meaning: str
    servers: str = ""
    repair: str = "-"

    @property
    def options(self) -> frozenset[str]:
        """Return the options of `fix` that repair it; empty words stand for plain `fix`."""
        plain = {""} if self.repair.startswith("fix") or "; fix" in self.repair else set()
        return frozenset(plain | ({"--salvage"} if "--salvage" in self.repair else set()))


@cache
def _table() -> dict[str, Code]:
    found = {}
    for name, section, severities, verdict, *words in packaged_json(__file__, "codes.json")["codes"]:
        graves = tuple(Severity(severity) for severity in severities.split())
        found[name] = Code(name, Section[section.upper()], graves, Verdict(verdict), *words)
    damage = (Severity.DAMAGE,)
    for code, message in MESSAGES.items():
        if code.startswith("rdb-") and code not in found:
            found[code] = Code(code, Section.WALK, damage, Verdict.RDB_DAMAGED, message, "all refuse it")
    for reason in Reason:
        code = f"unread-{reason.value}"
        words = f"the first damage of a file: {reason.value.replace('-', ' ')}"
        found[code] = Code(code, Section.UNREAD, damage, Verdict.CORRUPT_MIDDLE, words)
    return found


class _Codes(Mapping[str, Code]):
    """The table, read when somebody looks: a healthy log has no finding."""

    def __getitem__(self, name: str) -> Code:
        return _table()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_table())

    def __len__(self) -> int:
        return len(_table())


CODES: Mapping[str, Code] = _Codes()
"""Every code that a finding may have, by name."""


def verdict_of(code: str) -> Verdict:
    """Return the verdict a finding of this code leads to.

    Raises:
        KeyError: there is no such code.
    """
    return CODES[code].verdict


def severity_of_code(code: str) -> Severity:
    """Return how grave a finding of this code is, unless what it is about says otherwise.

    Raises:
        KeyError: there is no such code.
    """
    return CODES[code].severities[0]


def severity_of(problem: LayoutProblem, log: Log) -> Severity | None:
    """Return how grave a problem of a log's layout is; None for what is not worth a word."""
    if problem.code is LayoutCode.EMPTY_INCR:
        # The file a server appends to is empty after every rewrite and every fresh start.
        last = log.last_file
        if last is not None and problem.path == last.path:
            return None
    return severity_of_code(problem.code.value)

"""What a rewrite is asked to do, what it found beforehand, and what it wrote. Plain records.

Computed by `aoftool.rewrite`; shown by reporters. Sizes are bytes, keys and command names are bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

from aoftool.databases import INFERRED
from aoftool.dataclass import dataclass, field
from aoftool.replay.writer_model import Writer

__all__ = [
    "BaseCounts",
    "Cut",
    "DeadRow",
    "FileSize",
    "Layout",
    "OutputFile",
    "OutputFormat",
    "OutputSize",
    "RewriteOptions",
    "RewriteResult",
    "RewriteSummary",
    "Selection",
    "TailCounts",
]


class OutputFormat(str, Enum):
    """How the data set is written: as an RDB, or as commands."""

    RDB = "rdb"
    RESP = "resp"


class Layout(str, Enum):
    """What is written: a manifest with a base and an incr file, or one file."""

    MULTI_PART = "multi-part"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the log ends for this rewrite; at most one of these is given.

    Attributes:
        to_offset: (file, offset) behind the last command taken; the file counted in load order from 0.
        to_time_s: commands under a later `#TS` annotation are left out, and all that follow.
        before: a command of this name, and all that follow, are left out.
        nth: which of them, from 1; None for the last.
    """

    to_offset: tuple[int, int] | None = None
    to_time_s: int | None = None
    before: bytes | None = None
    nth: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which keys are written, and under which database number.

    Attributes:
        databases: only these; None for all.
        match: glob pattern that names must match, as KEYS does it; None for all.
        rename_db: old number to new.
        expired_before_ms: keys whose expire time is at or before this are left out; None keeps them.
    """

    databases: frozenset[int] | None = None
    match: bytes | None = None
    rename_db: dict[int, int] = field(default_factory=dict)
    expired_before_ms: int | None = None

    @property
    def everything(self) -> bool:
        """Tell whether nothing is selected away or renamed."""
        return self == Selection()


@dataclass(frozen=True, slots=True)
class RewriteOptions:
    """How to rewrite.

    Attributes:
        target: server the result is for; None for the one that wrote the log.
        written_by: release that wrote the log; None to find out.
        databases: its number of databases; `INFERRED` for as many as the log uses.
        chunk_items: elements in one command of the RESP form.
        now_ms: clock for relative times; None for the present.
        memory_limit_bytes: bound on the memory of the process; None for no bound.
        jobs: processes that work at once.
        threads: how many of a process replay and encode at once, on a log that is worth it: 1 or 2.
        compress: pack long strings of the RDB form, as servers do.
        drop_unsupported: leave out what the target cannot hold, and say so.
        base_fields: AUX fields of the base that a log was salvaged from, which may have lost them.
    """

    target: str | None = None
    written_by: str | None = None
    format: OutputFormat = OutputFormat.RDB
    layout: Layout = Layout.MULTI_PART
    databases: int = INFERRED
    chunk_items: int = 64
    cut: Cut = field(default_factory=Cut)
    selection: Selection = field(default_factory=Selection)
    now_ms: int | None = None
    memory_limit_bytes: int | None = None
    jobs: int = 1
    threads: int = 2
    compress: bool = True
    drop_unsupported: bool = False
    base_fields: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class DeadRow:
    """Commands of one name that are dead for one cause; for trimmed ones the bytes cut out of them."""

    name: bytes
    cause: str
    commands: int
    size_bytes: int


@dataclass(slots=True)
class TailCounts:
    """The commands behind the RDB part.

    Attributes:
        trimmed: live commands that lose some of their keys.
        unfinished: commands of a transaction without its EXEC; they never happen.
        opaque: scripts, functions and commands nobody here knows; carried as they are.
        modules: commands of known modules whose keys are known; carried, less what is dead of them.
        unexecuted: commands of servers that are not run here, by name; carried in the same way.
    """

    commands: int = 0
    size_bytes: int = 0
    live: int = 0
    live_bytes: int = 0
    trimmed: int = 0
    unfinished: int = 0
    opaque: int = 0
    modules: int = 0
    unexecuted: dict[bytes, int] = field(default_factory=dict)
    torn_bytes: int = 0
    dead: list[DeadRow] = field(default_factory=list)

    @property
    def dead_bytes(self) -> int:
        """Bytes of commands, or parts of them, that the result does not need."""
        return sum(row.size_bytes for row in self.dead)


@dataclass(slots=True)
class BaseCounts:
    """The records of the RDB part.

    Attributes:
        touched: live records that live commands read or change.
        dead: records whose key is replaced, deleted or flushed later.
        empty: records of collections without elements, which servers do not load; none of the others.
    """

    keys: int = 0
    size_bytes: int = 0
    touched: int = 0
    touched_bytes: int = 0
    dead: int = 0
    dead_bytes: int = 0
    empty: int = 0


@dataclass(slots=True)
class FileSize:
    """One file of the log as it is."""

    path: str
    role: str
    size_bytes: int


@dataclass(slots=True)
class RewriteSummary:
    """What is known before anything is replayed.

    Attributes:
        target: name of the target, and why it was chosen in `target_reason`.
        writer: who wrote the log, as which it was replayed; None where a server did that.
        estimate_bytes: size of the result in the format asked for, of a quick look; None when not asked for.
        sampled: the estimate was reckoned from a sample of the keys.
        upper_bound: the estimate may be far too high: commands that build on each other were not replayed.
        notes: things the user should know, in words.
    """

    path: str
    target: str
    target_reason: str
    files: list[FileSize] = field(default_factory=list)
    history_bytes: int = 0
    tail: TailCounts = field(default_factory=TailCounts)
    base: BaseCounts = field(default_factory=BaseCounts)
    key_count: int = 0
    estimate_bytes: int | None = None
    sampled: bool = False
    upper_bound: bool = False
    notes: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0
    writer: Writer | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the live files as they are."""
        return sum(item.size_bytes for item in self.files)


@dataclass(slots=True)
class OutputSize:
    """Size of the result in one format.

    Attributes:
        base_bytes: the base file.
        tail_bytes: commands carried behind it.
        keys: keys written by database.
        expired_keys: keys left out because their time had passed.
        seen_now: streams with a consumer that counts as seen at the load clock.
        refused: commands that the writer of the log refuses too, by (name, what it answers).
    """

    format: OutputFormat
    base_bytes: int = 0
    tail_bytes: int = 0
    keys: dict[int, int] = field(default_factory=dict)
    expiring_keys: int = 0
    expired_keys: int = 0
    seen_now: int = 0
    copied_records: int = 0
    copied_sets: int = 0
    replayed_commands: int = 0
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def refused_commands(self) -> int:
        """Commands that were refused while they were replayed."""
        return sum(self.refused.values())

    @property
    def size_bytes(self) -> int:
        """Bytes of everything written but the manifest."""
        return self.base_bytes + self.tail_bytes

    @property
    def key_count(self) -> int:
        """Keys written."""
        return sum(self.keys.values())


@dataclass(slots=True)
class OutputFile:
    """A file that was written."""

    path: str
    size_bytes: int


@dataclass(slots=True)
class Verification:
    """What a server found that loaded a log and its rewrite, and found the same in both.

    Attributes:
        text: one line for people.
        server: its project and version.
        release: the release it belongs to.
        compared: what it was asked for.
        not_seen: what it does not tell, in which the two may differ.
    """

    text: str
    server: str
    release: str
    compared: list[str] = field(default_factory=list)
    not_seen: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RewriteResult:
    """What was done.

    Attributes:
        sizes: of each format that was written or counted.
        files: written; empty for a dry run.
        verified: of a server that loaded both and found the same data; None when not asked.
        judged: the result holds nothing that is not known here, as far as it was written.
    """

    summary: RewriteSummary
    sizes: list[OutputSize] = field(default_factory=list)
    files: list[OutputFile] = field(default_factory=list)
    verified: Verification | None = None
    elapsed_s: float = 0.0
    peak_bytes: int = 0
    judged: bool = True

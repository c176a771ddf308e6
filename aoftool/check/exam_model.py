"""A log taken apart, as data: what `aoftool.check.exam` gathers and all judging rests on.

Knows how the parts add up and nothing of how they were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aoftool.aof.model import FileRole, Log, LogFile
from aoftool.check.model import Level
from aoftool.check.stream.wounds import Dissection
from aoftool.databases import DEFAULT_DATABASES
from aoftool.dataclass import dataclass, field
from aoftool.files.changes import SourceChange
from aoftool.namedtuple import NamedTuple

if TYPE_CHECKING:
    from aoftool.check.payloads.restore_model import RestoreSpot
    from aoftool.check.rdb.salvage_model import RdbSalvage
    from aoftool.check.stream.heal import Patch
    from aoftool.check.stream.textual import TextDamage
    from aoftool.rdb.unknown import UnknownItem
    from aoftool.rdb.walk.summary import RdbWalk

__all__ = [
    "SMALL_PART_BYTES",
    "Census",
    "FileExam",
    "FormSpot",
    "LogExam",
    "RdbExam",
    "RdbFault",
    "Spot",
    "SpotKind",
    "is_lost_base",
]

SMALL_PART_BYTES = 16 << 20
"""RDB parts up to this size are looked into at the level FULL too."""


class SpotKind:
    """Kinds of questionable commands, as short strings."""

    UNKNOWN = "unknown-command"
    SUBCOMMAND = "unknown-subcommand"
    ARITY = "wrong-arity"
    HURTFUL = "hurtful"


@dataclass(frozen=True)
class Spot:
    """One questionable command.

    Attributes:
        kind: see `SpotKind`.
        start, end: its span.
        index: its number among the commands of its stretch.
        name, subcommand: as the scanner counts it, in upper case.
        argc: number of its arguments, its name included.
        txn: it stands in a transaction.
        targets: names of the servers concerned.
    """

    kind: str
    start: int
    end: int
    index: int
    name: bytes
    subcommand: bytes | None
    argc: int
    txn: bool
    targets: frozenset[str]


@dataclass(frozen=True)
class FormSpot:
    """One command in a form that no release has.

    Attributes:
        start, end: its span.
        what: what no release has in it, and the name of the command, in words.
    """

    start: int
    end: int
    what: str


@dataclass
class Census:
    """All spots of one file, by offset; `omitted` counts those beyond the limit."""

    spots: list[Spot] = field(default_factory=list)
    omitted: int = 0

    def of(self, kind: str) -> list[Spot]:
        """Return the spots of one kind."""
        return [spot for spot in self.spots if spot.kind == kind]


class RdbFault(NamedTuple):
    """One thing wrong in an RDB part that its structure can be walked over.

    Attributes:
        offset: of the byte that shows it.
        code: one of `aoftool.rdb.damage`, or `module`, `module-aux`, `functions` and the like.
        message: one printable sentence.
        type_id: type number of the value it is in, None between keys.
        act: its name in `aoftool.check.loaders.rdb_faults` where loaders tell cases of one code apart.
    """

    offset: int
    code: str
    message: str
    type_id: int | None = None
    act: str = ""


@dataclass
class RdbExam:
    """What is known of the RDB part at the start of a file.

    Attributes:
        walk: of the part as it stands.
        end: where the part ends and a command stream may begin; the size where nothing follows.
        code: code of the finding, empty for a sound part.
        text: what is wrong, for people.
        patches: bytes that put it right, proved by the checksum.
        salvage: what can be kept of a part that cannot be put right, or that some server refuses for a value
            or a key in it.
        checked: the whole part, patched or not, agrees with its checksum.
        faults: what is wrong although the structure holds, by offset; bounded.
        faults_omitted: how many more there are of each code.
        dump: it is a snapshot: servers read nothing behind its end.
        faults_seen: faults met of each code and type, those beyond the bound too.
        as_read: the walk of a part whose version is a number for C only, as if it were written well;
            its checksum is that of the part as it stands.
        behind_header: the walk of a part whose magic is destroyed, behind the header it most likely had.
        header_evidence: what speaks for that header, in words.
        values_read: the values were looked into, and whether keys come twice.
        first_of_type: where the first record of each type starts, when the records were looked at.
    """

    walk: RdbWalk
    end: int
    code: str = ""
    text: str = ""
    patches: tuple[Patch, ...] = ()
    salvage: RdbSalvage | None = None
    checked: bool = False
    faults: list[RdbFault] = field(default_factory=list)
    faults_omitted: dict[str, int] = field(default_factory=dict)
    dump: bool = False
    faults_seen: dict[tuple[str, int | None], int] = field(default_factory=dict)
    first_of_type: dict[int, int] = field(default_factory=dict)
    as_read: RdbWalk | None = None
    values_read: bool = False
    behind_header: RdbWalk | None = None
    header_evidence: str = ""

    @property
    def readable(self) -> RdbWalk:
        """Return the walk that tells most: of the part as it stands, or behind a header it must have had."""
        return self.behind_header or self.walk

    @property
    def unknown(self) -> UnknownItem | None:
        """Return what nobody here can read in a part that nothing says is damaged; None for nothing."""
        return self.walk.unknown if self.walk.damage is None else None

    @property
    def sound(self) -> bool:
        """Tell whether nothing is wrong with it, as far as it can be read."""
        return not self.code

    @property
    def keys(self) -> int:
        """Return the keys that a walk of the part as it stands meets."""
        return sum(row.keys for row in self.walk.counts)


@dataclass
class FileExam:
    """One file of the log, taken apart.

    Attributes:
        file: as the layout names it.
        size_bytes: bytes that were there to read.
        compression: gzip or zstd, None for a plain file.
        plain_path: where its bytes can be read at an offset, if not at `path`.
        head: its first bytes.
        rdb: its RDB part, None when it has none.
        taken_for: what a loader takes its start for, an RDB part, though it is a magic over commands.
        tail: its command stream, None when there is none to look at.
        census: questionable commands.
        restores: commands whose DUMP payload some server refuses.
        forms: commands in a form that no release has.
        loader_spots: those a loader meets before its first stop.
        short_lines_stop: where a loader stops that reads shorter header lines and no annotations; None
            when it does not stop before the others, or where nothing else hangs on it.
        text: what a program did to the file as a whole, None for nothing.
        changes: what happened to the file while it was read.
        error: why it could not be opened.
        foreign: what it is instead of a part of a log, in words; it was not taken apart.
    """

    file: LogFile
    size_bytes: int = 0
    compression: str | None = None
    plain_path: str = ""
    head: bytes = b""
    rdb: RdbExam | None = None
    taken_for: RdbExam | None = None
    tail: Dissection | None = None
    census: Census = field(default_factory=Census)
    restores: list[RestoreSpot] = field(default_factory=list)
    forms: list[FormSpot] = field(default_factory=list)
    loader_spots: list[Spot] = field(default_factory=list)
    short_lines_stop: int | None = None
    text: TextDamage | None = None
    changes: list[SourceChange] = field(default_factory=list)
    error: str = ""
    foreign: str = ""

    @property
    def path(self) -> str:
        """Return where the file is."""
        return self.file.path

    @property
    def tail_start(self) -> int:
        """Return where the command stream begins."""
        return 0 if self.rdb is None else self.rdb.end

    @property
    def commands(self) -> int:
        """Return the whole commands in order."""
        return 0 if self.tail is None else self.tail.commands

    @property
    def good_end(self) -> int:
        """Return the offset up to which everything is in order."""
        if self.foreign:
            return 0
        if self.rdb is not None and not self.rdb.sound:
            return min(self.rdb.walk.good_end, self.size_bytes)
        wounds = [] if self.tail is None else self.tail.wounds
        return wounds[0].start if wounds else self.size_bytes


@dataclass
class LogExam:
    """A log, taken apart: its layout and one row a file that exists, in load order.

    Attributes:
        databases: the `databases` setting of the servers to foretell.
    """

    log: Log
    level: Level
    files: list[FileExam] = field(default_factory=list)
    databases: int = DEFAULT_DATABASES

    @property
    def last(self) -> FileExam | None:
        """Return the file a server appends to."""
        return self.files[-1] if self.files else None


def is_lost_base(exam: FileExam, files: Sequence[FileExam]) -> bool:
    """Tell whether a file is a base of which nothing can be kept, and others of its set hold commands."""
    rdb = exam.rdb
    if exam.file.role is not FileRole.BASE or rdb is None or rdb.sound or rdb.patches or rdb.unknown:
        return False
    return rdb.salvage is None and any(file.commands for file in files if file is not exam)

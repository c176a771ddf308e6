"""What a walk over an RDB part found: plain records, no computing, no showing.

Bytes from the input (keys, AUX values, function names) are `bytes` here; whoever shows them escapes
them. Everything is bounded: long values are cut, lists end at a limit and the counts go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.dataclass import dataclass, field
from aoftool.rdb.damage import RdbIssue
from aoftool.rdb.library import ServerObject
from aoftool.rdb.opcodes import Family
from aoftool.rdb.walk.checksum import Checksum, ChecksumState

if TYPE_CHECKING:
    from aoftool.rdb.unknown import UnknownItem

__all__ = [
    "OTHER_DATABASES",
    "ExpireCount",
    "Extra",
    "LargeKey",
    "ModuleUse",
    "RdbCount",
    "RdbFunction",
    "RdbWalk",
    "ResizeHint",
    "SlotSummary",
]

# Rows of databases beyond the limit are added up under this number.
OTHER_DATABASES = -1


@dataclass(slots=True)
class RdbCount:
    """Keys of one type and encoding in one database.

    Attributes:
        elements: entries, members, fields or pairs that the headers state; a string counts one.
        size_bytes: whole records, expire time and key included, as stored.
        unknown_elements: keys of these whose headers do not tell the number of elements.
    """

    db: int
    type_id: int
    type_name: str
    encoding: str
    keys: int
    elements: int
    size_bytes: int
    unknown_elements: int


@dataclass(slots=True)
class ExpireCount:
    """Keys of a database with an expire time; the earliest and latest in Unix ms."""

    keys: int
    first_ms: int
    last_ms: int


@dataclass(slots=True)
class LargeKey:
    """One of the largest keys by stored bytes; the key is cut at 64 KiB and `key_cut` says so."""

    db: int
    key: bytes
    key_cut: bool
    type_name: str
    encoding: str
    offset: int
    size_bytes: int
    elements: int | None
    expire_at_ms: int | None


@dataclass(slots=True)
class RdbFunction:
    """A function library: its name, empty when the first line does not give one.

    Attributes:
        server_object: whether it uses `server`, as far as its first 64 KiB tell.
    """

    name: bytes
    offset: int
    size_bytes: int
    server_object: ServerObject = ServerObject.UNUSED


@dataclass(slots=True)
class ModuleUse:
    """A module whose data the part holds.

    Attributes:
        version: encoding version.
        values: True when keys hold its values.
        aux: True when it has data outside keys.
    """

    name: str
    version: int
    values: bool = False
    aux: bool = False


@dataclass(slots=True)
class Extra:
    """An opcode that holds neither a key nor a function: module data, or a script in a `lua` field.

    Attributes:
        name: the module; empty for a script.
        behind: it stands behind the keys, by what it says itself.
    """

    name: str
    behind: bool
    offset: int
    size_bytes: int


@dataclass(slots=True)
class ResizeHint:
    """What a RESIZEDB opcode announces for a database."""

    db: int
    keys: int
    expires: int
    offset: int


@dataclass(slots=True)
class SlotSummary:
    """What a cluster node noted about slots: how many notes, and the keys they announce."""

    notes: int = 0
    keys: int = 0
    imports: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class RdbWalk:
    """The structure of one RDB part.

    Attributes:
        start: offset of the magic.
        end_offset: offset after the checksum (after the EOF opcode below version 5); None when the
            end was not reached, nor found by its checksum. What follows there is not looked at.
        good_end: offset after the last whole key or opcode, or `end_offset`.
        damage: the first thing that stopped the walk, or a wrong checksum; None for a sound part.
        unknown: what stopped the walk though nothing says that it is damaged: the records from there on
            were not read. Whoever needs them asks `stop`.
        issues: what is wrong between the keys but does not stop the walk, at most 100.
        module_aux: data that modules keep outside of keys, in order, at most 1,000.
        scripts: `lua` fields, in order, at most 1,000.
        extras_omitted: how many more there are of both.
        member_times: members with expire times, as KeyDB has them, in order: name and Unix milliseconds; at
            most 100, of `member_count`.
        aux: AUX fields in order of first appearance; the last value counts.
        other_opcodes: opcodes that carry neither keys nor anything listed here, by name.
    """

    start: int = 0
    magic: bytes = b""
    family: Family | None = None
    version: int = 0
    end_offset: int | None = None
    good_end: int = 0
    checksum: Checksum = field(default_factory=lambda: Checksum(ChecksumState.UNREAD))
    damage: RdbIssue | None = None
    unknown: UnknownItem | None = None
    issues: list[RdbIssue] = field(default_factory=list)
    member_times: list[tuple[bytes, int]] = field(default_factory=list)
    member_count: int = 0
    aux: dict[bytes, bytes] = field(default_factory=dict)
    counts: list[RdbCount] = field(default_factory=list)
    expires: dict[int, ExpireCount] = field(default_factory=dict)
    functions: list[RdbFunction] = field(default_factory=list)
    function_count: int = 0
    modules: list[ModuleUse] = field(default_factory=list)
    module_aux: list[Extra] = field(default_factory=list)
    scripts: list[Extra] = field(default_factory=list)
    extras_omitted: int = 0
    slots: SlotSummary = field(default_factory=SlotSummary)
    selected: dict[int, int] = field(default_factory=dict)
    resize_hints: list[ResizeHint] = field(default_factory=list)
    largest: list[LargeKey] = field(default_factory=list)
    other_opcodes: dict[str, int] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Return the bytes from the magic to the end, or to the last whole record."""
        return (self.good_end if self.end_offset is None else self.end_offset) - self.start

    @property
    def keys(self) -> int:
        """Return how many keys there are."""
        return sum(row.keys for row in self.counts)

    @property
    def keys_with_expire(self) -> int:
        """Return how many keys have an expire time."""
        return sum(row.keys for row in self.expires.values())

    @property
    def stop(self) -> RdbIssue | None:
        """Return why the part was not read to its end, or is not what was written; None when it was."""
        if self.damage is None and self.unknown is not None:
            return self.unknown.issue()
        return self.damage

    @property
    def intact(self) -> bool:
        """Tell whether the part was read whole and its checksum does not speak against it."""
        return self.stop is None

"""What a snapshot is, as plain records."""

from __future__ import annotations

from enum import Enum

from aoftool.dataclass import dataclass, field

__all__ = ["CopiedBy", "CopiedFile", "Snapshot"]


class CopiedBy(str, Enum):
    """How a file came into a snapshot.

    Attributes:
        CLONE: it shares its blocks with the original until one of the two is written to.
        COPY: its bytes were copied.
        LINK: it is the original under a second name.
        WRITTEN: it was made here.
    """

    CLONE = "clone"
    COPY = "copy"
    LINK = "link"
    WRITTEN = "written"


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """One file of a snapshot.

    Attributes:
        name: printable.
        role: base, incr, single, rdb or manifest.
        end_offset: where it ends: of the file that a server appends to, the offset of the moment.
        left_out_bytes: what stood behind that: a command or transaction that was being written.
        sha256: of its bytes, None without a seal.
    """

    name: str
    role: str
    end_offset: int
    copied_by: CopiedBy
    left_out_bytes: int = 0
    sha256: str | None = None


@dataclass
class Snapshot:
    """What was taken.

    Attributes:
        path: the log, printable.
        directory: where the snapshot is, printable.
        generation: which state of the log it is, in words; empty for a single file.
        files: in load order, the manifest last.
        sealed: it has a seal.
        passed_over: generations that lay there too and were not whole, with what was wrong.
        intact: nothing in it is damaged.
    """

    path: str
    directory: str
    generation: str = ""
    files: list[CopiedFile] = field(default_factory=list)
    sealed: bool = False
    passed_over: list[str] = field(default_factory=list)
    intact: bool = True

    @property
    def size_bytes(self) -> int:
        """Return the bytes of all its files."""
        return sum(file.end_offset for file in self.files)

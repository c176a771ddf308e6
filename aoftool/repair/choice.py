"""What a repair is asked for, as data: which damage may be mended how, and up to which moment."""

from __future__ import annotations

from enum import Enum

from aoftool.aof.model import Place
from aoftool.dataclass import dataclass

__all__ = ["AfterGap", "Choice"]


class AfterGap(str, Enum):
    """What to do with commands behind a gap whose database is in doubt.

    Attributes:
        AUTO: assume where that is safe, else skip to the next SELECT.
        ASSUME: the database is the one before the gap.
        SKIP: set commands aside until the next SELECT.
        STOP: cut the file at the gap.
    """

    AUTO = "auto"
    ASSUME = "assume"
    SKIP = "skip-to-select"
    STOP = "stop"


@dataclass(frozen=True)
class Choice:
    """Everything the user asked for, with defaults.

    Attributes:
        salvage: repair damage in the middle of files too.
        after_gap: see `AfterGap`.
        drop_duplicates: take out repeated blocks.
        keep_unknown: leave commands that no known server has where they are.
        allow_empty: go on with an empty set where all that held anything is missing.
        databases: the `databases` setting of the server that will load the log.
        to_timestamp: keep what was written up to this Unix time in seconds.
        to_offset: (file name or path, offset), or a place in the log: cut there.
        before: cut before a command of this name.
        nth: which match of `before`, from 1; None for the last.
        drop_at: (file name, offset) of commands to take out.
        drop_command: take out commands of this name.
        match: only those that touch this key (a glob pattern).
    """

    salvage: bool = False
    after_gap: AfterGap = AfterGap.AUTO
    drop_duplicates: bool = False
    keep_unknown: bool = False
    allow_empty: bool = False
    databases: int = 16
    to_timestamp: int | None = None
    to_offset: tuple[str, int] | Place | None = None
    before: bytes | None = None
    nth: int | None = None
    drop_at: tuple[tuple[str, int], ...] = ()
    drop_command: bytes | None = None
    match: bytes | None = None

    @property
    def point_in_time(self) -> bool:
        """Tell whether the log is to be cut at a moment."""
        return self.to_timestamp is not None or self.to_offset is not None or self.before is not None

    @property
    def undelete(self) -> bool:
        """Tell whether chosen commands are to be taken out."""
        return bool(self.drop_at) or self.drop_command is not None

    @property
    def is_plain(self) -> bool:
        """Tell whether nothing was asked for but the repairs that are made without being told to."""
        return not (self.salvage or self.drop_duplicates or self.point_in_time or self.undelete)

"""Where `aoftool keys` takes its rows from: records of an RDB part alone, or the whole log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aoftool.databases import INFERRED
from aoftool.errors import RdbError

if TYPE_CHECKING:
    from aoftool.analysis.keys import KeyListing
    from aoftool.aof.model import Log
    from aoftool.keyspace.selection import KeySelection
    from aoftool.progress import Progress
    from aoftool.rewrite.final_keys import FinalKeys
    from aoftool.rewrite.model import Cut

__all__ = ["RowRequest", "open_rows"]


@dataclass(frozen=True, slots=True)
class RowRequest:
    """Which rows are wanted.

    Attributes:
        cut: the moment meant.
        base: records of the RDB part only.
        databases: the `databases` setting of the server, or `INFERRED`.
        written_by: the release that wrote the log, if the user named it.
    """

    selection: KeySelection
    cut: Cut
    base: bool = False
    databases: int = INFERRED
    written_by: str | None = None
    min_size_bytes: int = 0
    values: bool = False
    limit: int | None = None


@contextmanager
def open_rows(log: Log, wanted: RowRequest, progress: Progress) -> Iterator[KeyListing | FinalKeys]:
    """Give the rows of a log; they hold while the context is open.

    An RDB alone is listed in constant memory, and so is one that is damaged, as far as it can be read.
    """
    from aoftool.analysis.keys import KeyListing, is_rdb_alone
    from aoftool.aof.model import LogKind
    from aoftool.rewrite.final_keys import FinalKeys
    from aoftool.rewrite.model import Cut, RewriteOptions
    from aoftool.rewrite.planner import plan_rewrite

    def stored() -> KeyListing:
        return KeyListing(
            log,
            wanted.selection,
            min_size_bytes=wanted.min_size_bytes,
            values=wanted.values,
            limit=wanted.limit,
            progress=progress,
        )

    if wanted.base or (wanted.cut == Cut() and is_rdb_alone(log)):
        yield stored()
        return
    options = RewriteOptions(databases=wanted.databases, cut=wanted.cut, written_by=wanted.written_by)
    with ExitStack() as stack:
        try:
            plan = stack.enter_context(plan_rewrite(log, options, progress))
        except RdbError:
            if wanted.cut != Cut() or log.kind is LogKind.STDIN:
                raise
            yield stored()
            return
        yield FinalKeys(
            plan,
            log,
            wanted.selection,
            min_size_bytes=wanted.min_size_bytes,
            values=wanted.values,
            limit=wanted.limit,
            progress=progress,
        )

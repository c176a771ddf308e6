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
    from aoftool.analysis.replayed_keys import ReplayedKeys
    from aoftool.aof.model import Log
    from aoftool.keyspace.selection import KeySelection
    from aoftool.progress import Progress
    from aoftool.rewrite.final_keys import FinalKeys
    from aoftool.rewrite.model import Cut
    from aoftool.rewrite.planner import RewritePlan

__all__ = ["RowRequest", "open_rows"]

# These empty slots, which takes a look at every key.
_OF_SLOTS = frozenset((b"TRIMSLOTS", b"SFLUSH", b"CLUSTER"))


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
def open_rows(
    log: Log, wanted: RowRequest, progress: Progress
) -> Iterator[KeyListing | FinalKeys | ReplayedKeys]:
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
        if _can_follow(log, wanted, plan):
            yield _replayed(log, wanted, plan.summary.tail.torn_bytes, progress)
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


def _can_follow(log: Log, wanted: RowRequest, plan: RewritePlan) -> bool:
    """Tell whether what the fast replay does not follow can be followed command by command."""
    from aoftool.aof.model import LogKind
    from aoftool.commands.modules import module_of

    trace, place = plan.trace, plan.trace.first_opaque
    if place is None or log.kind is LogKind.STDIN or wanted.databases != INFERRED:
        return False
    if wanted.cut.before is not None or (plan.input.cut and plan.summary.tail.torn_bytes):
        return False
    name = trace.names[int(trace.chunks[place.chunk].names[place.row])]
    return bool(module_of(name)) or name in _OF_SLOTS


def _replayed(log: Log, wanted: RowRequest, torn_bytes: int, progress: Progress) -> ReplayedKeys:
    """Return the rows of a log with commands that the fast replay does not follow."""
    from aoftool.analysis.replayed_keys import ReplayedKeys

    return ReplayedKeys(
        log,
        wanted.selection,
        until=wanted.cut.to_offset,
        until_s=wanted.cut.to_time_s,
        written_by=wanted.written_by,
        min_size_bytes=wanted.min_size_bytes,
        values=wanted.values,
        limit=wanted.limit,
        torn_bytes=torn_bytes,
        progress=progress,
    )

"""The keys that a server holds after loading a log, or held at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from aoftool.analysis.keys.model import KeyRow
from aoftool.analysis.keys.records import KeyListing, is_rdb_alone
from aoftool.analysis.keys.rows import KeyRows
from aoftool.aof.ending_model import Damage
from aoftool.aof.model import Log, LogKind
from aoftool.aof.moment import Moment
from aoftool.api.moments import cut_at
from aoftool.commands.groups import OF_SLOTS
from aoftool.databases import INFERRED
from aoftool.dataclass import dataclass, field
from aoftool.errors import RdbError, UsageError
from aoftool.keyspace.selection import KeySelection, known_types
from aoftool.pattern import Pattern
from aoftool.progress import Progress, no_progress
from aoftool.replay.writer_model import Writer
from aoftool.rewrite.model import Cut, RewriteOptions

if TYPE_CHECKING:
    from aoftool.rewrite.planner import RewritePlan

__all__ = ["RowRequest", "keys", "open_rows"]

# These empty slots, which takes a look at every key.


@dataclass(frozen=True, slots=True)
class RowRequest:
    """Which rows are wanted.

    Attributes:
        cut: the moment meant.
        base: records of the RDB part only.
        databases: the `databases` setting of the server, or `INFERRED`.
        written_by: the release that wrote the log, if the user named it.
    """

    selection: KeySelection = field(default_factory=KeySelection)
    cut: Cut = field(default_factory=Cut)
    base: bool = False
    databases: int = INFERRED
    written_by: str | None = None
    min_size_bytes: int = 0
    values: bool = False
    limit: int | None = None


def keys(
    log: Log,
    *,
    pattern: Pattern | None = None,
    dbs: Iterable[int] = (),
    types: Iterable[str] = (),
    min_size_bytes: int = 0,
    expires_before_ms: int | None = None,
    without_expire: bool = False,
    at: Moment | str | None = None,
    base: bool = False,
    databases: int = INFERRED,
    written_by: str | None = None,
    values: bool = False,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> KeyRows:
    """Return the keys that a server holds after loading a log, in no order that means anything.

    To be iterated once; each is a `KeyRow`. Commands are replayed over the RDB part as the release that wrote
    the log ran them, so the memory of the written keys is needed; an RDB alone, and `base`, are read record
    by record in constant memory. Errors come with the first row, and damage of an RDB part ends the iteration
    and is no error: afterwards `stop`, `torn_bytes` and `notes` say what the rows do not show.

    Args:
        pattern: only keys with a name like this.
        dbs: only keys of these databases.
        types: only these types, as the TYPE command names them; `module` for any of a module.
        min_size_bytes: only keys that take so many bytes in an RDB.
        expires_before_ms: only keys that expire before this Unix time in milliseconds.
        without_expire: only keys that never expire.
        at: the moment meant; the end of the log by default.
        base: only the records of the RDB part, as they stand.
        databases: the `databases` setting of the server; as many as the log needs by default.
        written_by: the release that wrote the log, such as `redis-7.2`; found out by default.
        values: decode the values too, into `KeyRow.value`.
        limit: end behind so many.
        progress: called with the bytes done since its last call, from any thread.

    Raises:
        UsageError: there is no such moment in the log, or no such release.
        UnsupportedError: a command may do anything, so the keys behind it are not known.
        FormatError: the log is damaged; the error has the offset.
        SourceError: a file of the log is missing or cannot be read.
    """
    if limit is not None and limit < 0:
        raise UsageError("a limit is 0 or more")
    selection = KeySelection(
        databases=frozenset(dbs) or None,
        types=known_types(tuple(types)) or None,
        name=None if pattern is None else pattern.compiled,
        expires_before_ms=expires_before_ms,
        without_expire=without_expire,
    )
    wanted = RowRequest(
        selection, cut_at(at, log), base, databases, written_by, min_size_bytes, values, limit
    )
    return _Keys(log, wanted, progress)


class _Keys:
    """Rows that are looked for when they are iterated over, and let go of behind the last one."""

    def __init__(self, log: Log, wanted: RowRequest, progress: Progress) -> None:
        self._log, self._wanted, self._progress = log, wanted, progress
        self._rows: KeyRows | None = None

    def __iter__(self) -> Iterator[KeyRow]:
        with open_rows(self._log, self._wanted, self._progress) as rows:
            self._rows = rows
            yield from rows

    def json_lines(self) -> None:
        """Return nothing: this is for programs that want the rows."""

    @property
    def is_stored(self) -> bool:
        return self._rows is not None and self._rows.is_stored

    @property
    def shown(self) -> int:
        return 0 if self._rows is None else self._rows.shown

    @property
    def unknown(self) -> int:
        return 0 if self._rows is None else self._rows.unknown

    @property
    def empty(self) -> int:
        return 0 if self._rows is None else self._rows.empty

    @property
    def notes(self) -> list[str]:
        return [] if self._rows is None else self._rows.notes

    @property
    def has_tail(self) -> bool:
        return self._rows is not None and self._rows.has_tail

    @property
    def stop(self) -> Damage | None:
        return None if self._rows is None else self._rows.stop

    @property
    def torn_bytes(self) -> int:
        return 0 if self._rows is None else self._rows.torn_bytes

    @property
    def setting(self) -> str:
        return "" if self._rows is None else self._rows.setting

    @property
    def writer(self) -> Writer | None:
        return None if self._rows is None else self._rows.writer


@contextmanager
def open_rows(log: Log, wanted: RowRequest, progress: Progress) -> Iterator[KeyRows]:
    """Give the rows of a log; they hold while the context is open.

    An RDB alone is listed in constant memory, and so is one that is damaged, as far as it can be read.
    """

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
    # Here, because an RDB alone needs none of it.
    from aoftool.rewrite.ask.final_keys import FinalKeys
    from aoftool.rewrite.planner import plan_rewrite

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
    from aoftool.commands.effects import unexecuted_names
    from aoftool.commands.modules import engine_of_form, module_of

    trace, place = plan.trace, plan.trace.first_opaque
    if place is None or log.kind is LogKind.STDIN or wanted.databases != INFERRED:
        return False
    if wanted.cut.before is not None or (plan.input.cut and plan.summary.tail.torn_bytes):
        return False
    name = trace.names[trace.chunks[place.chunk].columns.names[place.row]]
    return bool(module_of(name) or engine_of_form(name)) or name in OF_SLOTS or name in unexecuted_names()


def _replayed(log: Log, wanted: RowRequest, torn_bytes: int, progress: Progress) -> KeyRows:
    """Return the rows of a log with commands that the fast replay does not follow."""
    # Here, because few logs need the slow replay.
    from aoftool.analysis.keys.replayed import ReplayedKeys

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

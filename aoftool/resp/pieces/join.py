"""Join the tallies of two ranges that touch, exactly as one scan over both would have counted.

Knows what a range that started in an unknown state left open. For tallies of different files see
`TailTally.merge`.
"""

from __future__ import annotations

from aoftool.dataclass import replace
from aoftool.resp.grammar import Limits
from aoftool.resp.model import (
    INHERITED_DB,
    OTHER_NAMES,
    Annotations,
    Occurrence,
    Row,
    RowKey,
    Selects,
    TailTally,
    Transactions,
)

__all__ = ["NotJoinableError", "join"]


class NotJoinableError(Exception):
    """A bounded table was full, and which names it holds would depend on the cut.

    Never leaves the room: the driver scans again in one piece.
    """


def join(first: TailTally, second: TailTally) -> None:
    """Add to `first` the range that begins where it ends.

    Args:
        first: started in a known state, and ended on the boundary `second.start`.
        second: started in an unknown state.

    Raises:
        NotJoinableError: the sum cannot be told exactly; `first` is then of no more use.
    """
    if first.capped or second.capped:
        raise NotJoinableError
    _join_rows(first.rows, second.rows, first.selects.last_db)
    _join_annotations(first.annotations, second.annotations)
    _join_transactions(first, second)
    _join_selects(first.selects, second.selects)
    _join_stop(first, second)
    for kind, seen in second.leniencies.items():
        first.leniencies.setdefault(kind, Occurrence()).merge(seen)
    first.commands += second.commands
    first.good_end = second.good_end


def _join_rows(rows: dict[RowKey, Row], others: dict[RowKey, Row], db: int) -> None:
    for key, row in others.items():
        known = key._replace(db=db) if key.db == INHERITED_DB else key
        rows.setdefault(known, Row()).merge(row)
    names = {(key.name, key.subcommand) for key in rows}
    dbs = {key.db for key in rows}
    if len(names) > Limits.NAMES or len(dbs) > Limits.DBS or len(rows) > Limits.ROWS:
        raise NotJoinableError


def _join_annotations(first: Annotations, second: Annotations) -> None:
    kinds = first.kinds.keys() | second.kinds.keys()
    if OTHER_NAMES in kinds or len(kinds) > Limits.KINDS:
        raise NotJoinableError
    last_s = first.last_s if second.last_s is None else second.last_s
    first_s = second.first_s if first.first_s is None else first.first_s
    if first.last_s is not None and second.first_s is not None and second.first_s < first.last_s:
        first.backwards.note(second.first_offset)
    first.merge(second)
    first.first_s, first.last_s = first_s, last_s


def _join_transactions(first: TailTally, second: TailTally) -> None:
    ours, theirs, edge = first.transactions, second.transactions, second.edge
    was_open, commands = ours.open_offset, ours.open_commands
    ours.open_offset, ours.open_commands = None, 0
    ours.merge(theirs)
    (ours.lone_discards if was_open is None else ours.discards_inside).merge(edge.discards)
    if was_open is None:
        _close_edge(ours, second)
    elif edge.event is None:
        ours.open_offset, ours.open_commands = was_open, commands + second.commands
    elif edge.event == "MULTI":
        ours.nested.note(edge.event_offset)
        if theirs.open_offset == edge.event_offset:
            ours.open_offset = was_open
            ours.open_commands = commands + edge.commands + 1 + theirs.open_commands


def _close_edge(ours: Transactions, second: TailTally) -> None:
    """Settle the first event of a range that began outside a transaction."""
    if second.edge.event == "EXEC":
        # Counted as the end of a transaction, for want of knowledge; it was none.
        ours.count -= 1
        ours.lone_execs.note(second.edge.event_offset)


def _join_selects(first: Selects, second: Selects) -> None:
    first.count += second.count
    first.invalid.merge(second.invalid)
    if second.last_db != INHERITED_DB:
        first.last_db = second.last_db


def _join_stop(first: TailTally, second: TailTally) -> None:
    assert first.stop is not None
    assert second.stop is not None
    stop = replace(second.stop, command_index=second.stop.command_index + first.commands)
    if not second.commands:
        ran = stop.loader_end if stop.loader_end > stop.command_end else first.stop.command_end
        stop = replace(stop, command_end=first.stop.command_end, loader_end=ran)
    first.stop = stop

"""What a log holds at a moment, key by key, as facts to be held against others: by the fast replay.

The fast replay runs what is alive only. Logs that it does not follow to their end (scripts, modules, commands
that are not run here) and damaged ones are left to the replay command by command.
"""

from __future__ import annotations

from aoftool.analysis.diff.diff import Admits, Facts, Point, State, fact_of, need_room
from aoftool.aof.model import Log, LogKind
from aoftool.errors import InputError
from aoftool.keyspace.selection import KeySelection
from aoftool.keyspace.zset_encoding import COMPACT_ENCODINGS, settle
from aoftool.progress import Progress
from aoftool.rdb.damage import EncodingDamage
from aoftool.rdb.records.reader import empty_note
from aoftool.replay.writer import flavour_of_writer
from aoftool.rewrite.ask.final_keys import FinalKeys
from aoftool.rewrite.model import Cut, RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.values import ZSetValue

__all__ = ["final_state"]


def final_state(
    log: Log, point: Point, admits: Admits | None, now_ms: int, written_by: str | None, progress: Progress
) -> State | None:
    """Return the state of a log at a point; None where the fast replay does not lead there.

    Raises:
        UnsupportedError: there are more keys than can be compared.
    """
    if log.kind is LogKind.STDIN:
        return None
    cut = Cut(to_offset=point.place, to_time_s=point.time_s)
    options = RewriteOptions(cut=cut, written_by=written_by, now_ms=now_ms)
    try:
        with plan_rewrite(log, options, progress) as plan:
            if plan.trace.first_opaque is not None or plan.summary.tail.torn_bytes:
                return None
            return _state_of(FinalKeys(plan, log, KeySelection(), values=True), log, admits)
    except (InputError, EncodingDamage):
        return None


def _state_of(rows: FinalKeys, log: Log, admits: Admits | None) -> State | None:
    facts: Facts = {}
    flavour = flavour_of_writer(rows.writer)
    for row in rows:
        if admits is None or admits(row.db, row.key):
            if row.value is None:
                return None
            if type(row.value) is ZSetValue and row.command is None:
                settle(row.value, flavour, compact=row.encoding in COMPACT_ENCODINGS)
            need_room(facts)
            facts[row.db, row.key] = fact_of(row.value, row.expire_at_ms)
    notes = [*rows.notes, *([empty_note(rows.empty)] if rows.empty else [])]
    return State(facts, rows.writer, notes, databases=rows.databases)

"""What ended the reading of a file, told the same way by everyone who reads commands."""

from __future__ import annotations

from aoftool.aof.ending_model import ListingEnd
from aoftool.aof.log import LogPart
from aoftool.files.changes import first_damage
from aoftool.resp.model import Reason, Stop

__all__ = ["OPEN_INSIDE", "note_rdb", "note_stop"]

OPEN_INSIDE = "the file ends inside a transaction, and it is not the last one: no server loads this log"


def note_rdb(end: ListingEnd, part: LogPart) -> None:
    """Take over what is wrong with the RDB part of a file: the end of reading, or only stepped over."""
    if part.rdb is None or (part.rdb.stop is None and part.tail_start is not None):
        return
    stop = part.rdb.stop
    message, offset = ("no end", part.rdb.good_end) if stop is None else (stop.message, stop.offset)
    damage = (part.file.shown_name, offset, f"damaged RDB part: {message}")
    if part.tail_start is None:
        end.damage = end.damage or damage
    else:
        end.flaw = end.flaw or damage


def note_stop(end: ListingEnd, part: LogPart, stop: Stop | None, open_at: int | None = None) -> None:
    """Take over why a stream ended, unless it ended on a boundary, and nothing of it was lost before.

    Compressed data that are damaged may end on a boundary too. A transaction that is open where another
    file follows is told as well, and stepped over: servers load no such log, and what stands behind it
    can be read.

    Args:
        open_at: offset of the MULTI that has no EXEC; None without one.
    """
    if end.damage is not None:
        return
    if stop is not None and stop.reason is not Reason.END:
        end.damage = (part.file.shown_name, stop.command_start, stop.reason.value)
    elif not part.source.seekable:
        change = first_damage(part.source.changes())
        if change is not None:
            end.damage = (part.file.shown_name, change.offset or 0, change.message)
    if end.damage is None and open_at is not None and not part.is_last:
        end.flaw = end.flaw or (part.file.shown_name, open_at, OPEN_INSIDE)

"""Later writes that a server refuses once commands are taken out, because the old key is of another type.

A loader logs such an error at most, and goes on: the write is lost without a word. Found by a replay of the
log as it would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aoftool.aof.model import Log
from aoftool.errors import AoftoolError, ReadFailedError
from aoftool.escape import excerpt, excerpt_command, shown_base
from aoftool.next_step import next_step
from aoftool.replay.log_replay import LogReplay
from aoftool.resp.model import Command
from aoftool.units import counted

__all__ = ["refused_notes"]

# A larger log is not replayed for this: that would take far longer than the repair.
_MOST_BYTES = 64 << 20
_SHOWN = 5


def refused_notes(log: Log, instead: Mapping[tuple[int, int], Sequence[bytes] | None]) -> list[str]:
    """Return what to say of the writes that are refused only because of what was taken out.

    Args:
        instead: what stays of a command that was taken out, by (file number, offset); None for nothing.
    """
    if (log.size_bytes or 0) > _MOST_BYTES:
        line = next_step("check", log.path, "--level deep")
        return [f"a later write to a key that had another type is refused: afterwards, {line}"]
    try:
        after = LogReplay(log, instead=instead).run()
        found = {(number, command.offset): (command, why) for number, command, why in after.refused}
        if found:
            # What was refused all along is no news.
            for number, command, _ in LogReplay(log, writer=after.writer).run().refused:
                found.pop((number, command.offset), None)
    except ReadFailedError:
        raise  # a disk that fails is not one to repair on
    except AoftoolError as error:
        return [f"which later writes would be refused is not known: {error.message}"]
    notes = []
    if found:
        words = counted(len(found), "later write is", "later writes are")
        more = "" if len(found) <= _SHOWN else f", the first {_SHOWN}"
        notes.append(f"{words} refused by a server then, and lost{more}:")
        notes += [_line(log, *place, *what) for place, what in sorted(found.items())[:_SHOWN]]
    if after.stopped is not None:
        notes.append(f"which later writes would be refused is known up to {after.stopped} only")
    return notes


def _line(log: Log, number: int, offset: int, command: Command, why: str) -> str:
    place = f"{shown_base(log.files[number].path)}:{offset}"
    return f"  {place} {excerpt_command(command.argv)}: {excerpt(why.encode(), 80)}"

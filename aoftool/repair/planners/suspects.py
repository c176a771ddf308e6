"""Which keys may hold a wrong value after a gap in the log.

Commands that replace a key are right whatever was lost; commands that change it are right only if the
state before was. A key that is changed behind a gap before anything replaced it is suspect.
"""

from __future__ import annotations

from aoftool.commands.effects import EffectTable, KeyEffect
from aoftool.escape import excerpt_key
from aoftool.files.source import Source
from aoftool.repair.model import MAX_SUSPECTS
from aoftool.resp.commands import CommandReader

__all__ = ["suspects_behind"]

# What comes long after a gap is told by fewer and fewer commands; the count of the rest is not known.
_INSPECTED = 50_000
_KEY_BYTES = 512


def suspects_behind(source: Source, start: int, end: int, db: int = 0) -> tuple[list[str], int]:
    """Return suspect keys behind a gap and the number of commands that change them.

    Args:
        db: database in which the stream goes on at `start`.

    Keys are printable, as `db:key`; at most `MAX_SUSPECTS`, from the first commands behind the gap.
    """
    table = EffectTable()
    settled: set[tuple[int, bytes]] = set()
    suspects: dict[tuple[int, bytes], None] = {}
    commands = 0
    current = db
    for number, command in enumerate(CommandReader(source, start=start, end=end, limit=_KEY_BYTES)):
        if number >= _INSPECTED:
            break
        if command.name == b"SELECT":
            current = command.db
        changed = False
        for use in table.of(command.argv).keys:
            key = (current, command.argv[use.position])
            if use.effect is KeyEffect.REPLACES:
                settled.add(key)
            elif use.effect is not KeyEffect.READS and key not in settled:
                changed = True
                if len(suspects) < MAX_SUSPECTS:
                    suspects[key] = None
        commands += changed
    return [f"{number}:{excerpt_key(key)}" for number, key in suspects], commands

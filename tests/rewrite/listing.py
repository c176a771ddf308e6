"""List the keys of whole logs, and tell the writers of keys in the slow and obvious way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aoftool.analysis.keys.model import KeyRow
from aoftool.aof.layout import find_log
from aoftool.commands.effects import EffectTable, KeyEffect, Role, Scope
from aoftool.keyspace.selection import KeySelection
from aoftool.rewrite.ask.final_keys import FinalKeys
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.planner import plan_rewrite

Writers = dict[tuple[int, bytes], tuple[bytes, int, int]]


def listed(path: Path, options: RewriteOptions, **wanted: Any) -> list[KeyRow]:
    """Return the rows of all keys."""
    log = find_log(str(path))
    with plan_rewrite(log, options) as plan:
        return list(FinalKeys(plan, log, KeySelection(), values=True, **wanted))


def obvious_writers(log: Sequence[tuple[int, list[bytes]]], databases: int) -> Writers:
    """Return (name, offset, writes) of the last write of each (database, key), command by command.

    Args:
        log: (offset, arguments); transactions are whole.
    """
    table = EffectTable(databases, lambda payload: False, replay=True)
    found: Writers = {}
    selected = 0
    for offset, argv in log:
        effect = table.of(argv)
        if effect.role is Role.SELECT:
            selected = int(argv[1])
        elif effect.role is Role.SWAPDB:
            swap = {int(argv[1]): int(argv[2]), int(argv[2]): int(argv[1])}
            found = {(swap.get(db, db), key): row for (db, key), row in found.items()}
        elif effect.role is Role.NONE and effect.scope is Scope.KEY:
            places = {
                (selected if use.db is None else use.db, argv[use.position])
                for use in effect.keys
                if use.effect is not KeyEffect.READS
            }
            for place in places:
                writes = found[place][2] if place in found else 0
                found[place] = (argv[0].upper(), offset, writes + 1)
    return found

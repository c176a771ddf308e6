"""Write a live row anew: without the keys cut out of it, and with final database numbers.

Knows the shape of trimmed commands (pairs or names after a fixed head, options behind them). Refuses
to decide what is cut; the fate of each key stands in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aoftool.commands.effects import Effect, EffectTable, Scope
from aoftool.liveness.model import DROPPED, Chunk, Op, Trace

__all__ = ["Carrier", "renumber", "trim"]


def trim(argv: Sequence[bytes], effect: Effect, dropped: Sequence[bool]) -> list[bytes]:
    """Return a command without the keys marked in `dropped`, each with the arguments that go with it."""
    rule = effect.form.keys[0]
    step = int(rule.get("step", 1))
    lost = {
        index
        for use, drop in zip(effect.keys, dropped, strict=True)
        if drop
        for index in range(use.position, use.position + step)
    }
    kept = [argument for index, argument in enumerate(argv) if index not in lost]
    if "numkeys" in rule:
        kept[rule["numkeys"]] = b"%d" % (len(dropped) - sum(dropped))
    return kept


def renumber(argv: Sequence[bytes], effect: Effect, numbers: Sequence[int]) -> list[bytes]:
    """Return a command with the databases it names written anew, `numbers` giving one for each key."""
    renewed = list(argv)
    for use, number in zip(effect.keys, numbers, strict=True):
        if use.db_position is not None:
            renewed[use.db_position] = b"%d" % number
    return renewed


class Carrier:
    """Write live rows of one trace with the database numbers in force where it ends.

    Args:
        trace: the trace, fates decided.
        table: the effects it was built with.

    Attributes:
        home: physical database of every key.
    """

    def __init__(self, trace: Trace, table: EffectTable) -> None:
        self._table = table
        self.home = trace.keys.home_column()
        self._final = {physical: number for number, physical in trace.numbering.items()}

    def number(self, physical: int) -> int:
        """Return the number a physical database has in the end."""
        return self._final.get(physical, physical)

    def database(self, chunk: Chunk, row: int) -> int | None:
        """Return the final number of the database a row works in, None when it is bound to none."""
        op, key = chunk.columns.ops[row], chunk.columns.keys[row]
        if op == Op.FLUSH_DB:
            return self.number(key)
        if op < Op.ONE_CHANGES or op > Op.SORT:
            return None
        if op >= Op.MANY:
            key = chunk.columns.ref_keys[key]
        return self.number(self.home[key])

    def text(
        self,
        argv: Sequence[bytes],
        chunk: Chunk,
        row: int,
        unwanted: Callable[[int], bool] | None = None,
    ) -> Sequence[bytes]:
        """Return the text of a live row.

        Args:
            argv: what stands in the log.
            unwanted: tells of keys that a trimmable command may lose besides the dead ones.
        """
        op = chunk.columns.ops[row]
        if not Op.MANY <= op <= Op.SORT:
            return argv
        effect = self._table.of(argv)
        if effect.scope is Scope.OPAQUE:
            # It empties slots: its keys are told by the trace, and it names none that could be cut out.
            return argv
        refs = list(chunk.refs(row))
        renewed = renumber(argv, effect, [self.number(self.home[key]) for key, _ in refs])
        if op != Op.MANY_TRIM:
            return renewed
        dropped = [bool(flags & DROPPED) or (unwanted is not None and unwanted(key)) for key, flags in refs]
        return trim(renewed, effect, dropped) if any(dropped) else renewed

"""Which databases a rewrite is about: how many a log needs, which are written, which were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from aoftool.commands.effects import EffectTable
from aoftool.databases import INFERRED, MOST_DATABASES, databases_for, setting_words
from aoftool.dataclass import replace
from aoftool.errors import UsageError
from aoftool.liveness.model import Trace
from aoftool.next_step import again
from aoftool.rewrite.decide.base_keys import BaseKeys, beyond_error
from aoftool.rewrite.decide.picking import count_homes
from aoftool.rewrite.decide.touches import Touches
from aoftool.rewrite.inputs import Input
from aoftool.rewrite.model import RewriteOptions
from aoftool.units import and_more

__all__ = ["database_notes", "read_with_databases", "refuse_empty_databases", "written_numbers"]

_NUMBERS_SHOWN = 16

T = TypeVar("T")


def read_with_databases(
    options: RewriteOptions,
    found: Input,
    effects: Callable[[RewriteOptions], EffectTable],
    read: Callable[[EffectTable], T],
) -> tuple[RewriteOptions, EffectTable, T]:
    """Read the commands of a log with as many databases as were asked for, or as it needs.

    How many it needs is known only at its end: a log that names more than servers have by default is read a
    second time.

    Args:
        effects: gives the table of effects for so many databases.
        read: reads the commands by a table.

    Returns:
        the options with the number of databases, the table by which the log was read, and what that gave.

    Raises:
        UnsupportedError: the RDB part has keys in a database that is not there.
    """
    highest = _highest_of_base(found)
    fitted = options
    asked = max(options.selection.rename_db.values(), default=0)
    if options.databases == INFERRED:
        fitted = replace(options, databases=databases_for(max(highest, asked)))
    if highest >= fitted.databases:
        raise beyond_error(highest, fitted.databases, found.base_path)
    table = effects(fitted)
    result = read(table)
    if options.databases == INFERRED and table.setting.highest_refused >= 0:
        fitted = replace(options, databases=databases_for(max(table.setting.highest_refused, asked)))
        table = effects(fitted)
        result = read(table)
    return fitted, table, result


def database_notes(options: RewriteOptions, written: Iterable[int]) -> list[str]:
    """Return what to say of the numbers of databases that are written, if anything.

    Nothing where it was said how many the log needs.
    """
    words = setting_words(databases_for(max(written, default=0))) if options.databases == INFERRED else ""
    return [words] if words else []


def written_numbers(options: RewriteOptions, trace: Trace, found: Input) -> list[int]:
    """Return the numbers that the databases of a log have in the result, those with keys and more."""
    numbers = set(map(trace.final_number, trace.keys.used()))
    if found.base is not None:
        numbers |= {row.db for row in found.base.counts if row.db >= 0} | {_highest_of_base(found)}
    selection = options.selection
    chosen = numbers if selection.databases is None else numbers & selection.databases
    return [selection.rename_db.get(number, number) for number in chosen]


def _highest_of_base(found: Input) -> int:
    """Return the greatest number of a database of the RDB part, 0 without one."""
    if found.base is None:
        return 0
    # Here: most logs hold no RDB part, and reading one takes many modules.
    from aoftool.rdb.walk.summary import OTHER_DATABASES

    numbers = {row.db for row in found.base.counts}
    # The walk adds up what is behind its first few thousand.
    return MOST_DATABASES - 1 if OTHER_DATABASES in numbers else max(numbers, default=0)


def refuse_empty_databases(trace: Trace, base: BaseKeys, touches: Touches, options: RewriteOptions) -> None:
    """Refuse a selection of databases of which none holds a key, while others do.

    Raises:
        UsageError: it is one; the message names those with keys.
    """
    asked = options.selection.databases
    if not asked:
        return
    counts = count_homes(trace.keys.home_column(), touches.written, None, trace.databases)
    physical = {db for db, keys in base.databases.items() if keys}
    physical |= {db for db, keys in enumerate(counts) if keys}
    held = sorted(map(trace.final_number, physical))
    if held and asked.isdisjoint(held):
        names = ", ".join(map(str, sorted(asked)))
        raise UsageError(
            f"the log has no keys in database {names}; it has some in {_shown_numbers(held)}",
            hint=again(("--db", str(held[0]))),
        )


def _shown_numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_NUMBERS_SHOWN]))
    return shown + and_more(len(numbers) - _NUMBERS_SHOWN)

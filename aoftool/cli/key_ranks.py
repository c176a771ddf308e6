"""`aoftool keys --by`: keys in order of writes, bytes, dead bytes or size, and what expires when."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aoftool.cli.console import output_width, results_console
from aoftool.cli.ending import Damage, tell_damage, tell_survey
from aoftool.cli.options import Form
from aoftool.cli.savings import find_savings
from aoftool.errors import InputError
from aoftool.next_step import next_step
from aoftool.report.jsonout import print_json

if TYPE_CHECKING:
    from aoftool.analysis.contents_model import KeyRank
    from aoftool.analysis.keys_model import KeyRow
    from aoftool.analysis.reading import Reading
    from aoftool.aof.model import Log
    from aoftool.cli.census_options import Narrowing
    from aoftool.keyspace.selection import KeySelection
    from aoftool.progress import Progress
    from aoftool.redaction import Redactor

__all__ = ["show_ranks", "show_sizes"]


def show_ranks(
    log: Log,
    by: str,
    asked: Narrowing,
    selection: KeySelection,
    redactor: Redactor | None,
    *,
    top: int,
    form: Form,
    progress: Progress,
) -> int:
    """Print the keys of a log in some order and return the exit code.

    Raises:
        InputError: the order needs an RDB part and there is none, or dead bytes cannot be told.
    """
    from aoftool.analysis.habit_questions import HABITS
    from aoftool.analysis.reading import read_log
    from aoftool.aof.log import need_every_file

    if by in HABITS:
        return tell_damage(log, _show_habit(log, by, asked, redactor, top, form, progress))
    need_every_file(log)
    reading = read_log(log, asked.options, asked.commands, progress)
    if by == "ttl":
        _show_expiry(log, reading, asked, selection, redactor, top, form)
    else:
        _show_counts(reading, _ranked(log, reading, by, asked, top, progress), by, asked, redactor, form)
    return tell_survey(log, reading.survey)


def _show_habit(
    log: Log,
    by: str,
    asked: Narrowing,
    redactor: Redactor | None,
    top: int,
    form: Form,
    progress: Progress,
) -> Damage | None:
    from aoftool.analysis.habit_questions import habit_table, redacted_habits
    from aoftool.report.commands import print_end
    from aoftool.report.habits import habits_json, render_habits, write_habits_csv

    table, end = habit_table(log, by, asked.options, top=top, progress=progress)
    table = redacted_habits(table, redactor)
    if form is Form.JSON:
        print_json(habits_json(table))
    elif form is Form.CSV:
        write_habits_csv(table, sys.stdout)
    else:
        render_habits(results_console(), table)
    print_end(end)
    return end.told


def _ranked(
    log: Log, reading: Reading, by: str, asked: Narrowing, top: int, progress: Progress
) -> list[KeyRank]:
    from aoftool.analysis.key_ranking import rank_by_dead, rank_by_writes

    if by != "dead":
        return rank_by_writes(reading.contents, by, top)
    savings, dead = find_savings(log, reading.survey, progress)
    if dead is None:
        raise InputError(f"dead bytes are {savings.reason}", path=log.path, hint=next_step("check", log.path))
    return rank_by_dead(reading.contents, asked.options, dead, top)


def _show_counts(
    reading: Reading,
    ranks: list[KeyRank],
    by: str,
    asked: Narrowing,
    redactor: Redactor | None,
    form: Form,
) -> None:
    from dataclasses import replace

    from aoftool.analysis.contents import contents_view
    from aoftool.report.contents import render_key_ranks, write_key_ranks_csv
    from aoftool.report.contents_json import key_rank_json

    if redactor is not None:
        ranks = [replace(rank, key=redactor.key(rank.key)) for rank in ranks]
    view = contents_view(reading.contents, asked.options, top=1)
    if form is Form.JSON:
        print_json(
            {
                "schema": "aoftool.key-ranks/1",
                "by": by,
                "exact": view.keys_exact,
                "distinct_keys": list(view.distinct_keys),
                "keys": [key_rank_json(rank) for rank in ranks],
            }
        )
        return
    if form is Form.CSV:
        write_key_ranks_csv(ranks, sys.stdout)
        return
    render_key_ranks(results_console(), ranks, view)


def _records(log: Log, selection: KeySelection) -> Iterator[KeyRow]:
    """Yield the records of the RDB part, none where there is no such part."""
    from aoftool.analysis.keys import KeyListing

    try:
        yield from KeyListing(log, selection)
    except InputError:
        return


def show_sizes(rows: Iterable[KeyRow], redactor: Redactor | None, *, top: int, form: Form) -> None:
    """Print the keys that take most bytes as an RDB stores them."""
    from dataclasses import replace

    from aoftool.analysis.key_ranking import largest_rows
    from aoftool.report.keys import KeyLines, key_json, write_keys_csv

    found = largest_rows(rows, top)
    if redactor is not None:
        found = [replace(row, key=redactor.key(row.key)) for row in found]
    if form is Form.JSON:
        print_json({"schema": "aoftool.key-sizes/1", "keys": [key_json(row) for row in found]})
        return
    if form is Form.CSV:
        write_keys_csv(found, sys.stdout)
        return
    lines_of = KeyLines(output_width(), writers=bool(found) and found[0].writes is not None)
    if lines_of.heading:
        print(lines_of.heading)
    for row in found:
        print("\n".join(lines_of.lines(row)))


def _show_expiry(
    log: Log,
    reading: Reading,
    asked: Narrowing,
    selection: KeySelection,
    redactor: Redactor | None,
    top: int,
    form: Form,
) -> None:
    from dataclasses import replace

    from aoftool.analysis.contents_redacting import redacted_prefix
    from aoftool.analysis.key_ranking import expiry_of
    from aoftool.report.expiry import expiry_json, render_expiry, write_expiry_csv

    contents = reading.contents
    # After a flush nothing of the RDB part is left in that database; which one it was is not kept.
    records = iter(()) if contents.flushes else _records(log, selection)
    view, rows = expiry_of(contents.keys, records, asked.options.template, reading.end_s)
    if redactor is not None:
        rows = [replace(row, prefix=redacted_prefix(row.prefix, redactor)) for row in rows]
    if form is Form.JSON:
        print_json(expiry_json(view, rows, contents.keys.exact))
        return
    if form is Form.CSV:
        write_expiry_csv(rows, sys.stdout)
        return
    render_expiry(results_console(), view, rows, top=top, exact=contents.keys.exact)

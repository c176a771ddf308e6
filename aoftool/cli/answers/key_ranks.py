"""`aoftool keys --by`: keys in order of writes, bytes, dead bytes or size, and what expires when."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aoftool.cli.console import Color, line_console
from aoftool.cli.ending import tell_damage, tell_survey
from aoftool.cli.options.common_options import Form
from aoftool.dataclass import dataclass, replace
from aoftool.report.jsonout import print_json

if TYPE_CHECKING:
    from aoftool.analysis.census.reading import Reading
    from aoftool.analysis.inspect.contents_model import ExpiryView, KeyRank, PrefixRow
    from aoftool.analysis.keys.model import KeyRow
    from aoftool.aof.ending_model import Damage
    from aoftool.aof.model import Log
    from aoftool.cli.options.narrowing import Narrowing
    from aoftool.keyspace.selection import KeySelection
    from aoftool.progress import Progress
    from aoftool.redaction import Redactor

__all__ = ["Look", "show_ranks", "show_sizes"]


@dataclass(frozen=True)
class Look:
    """How a ranking is to look."""

    redactor: Redactor | None
    top: int
    form: Form
    color: Color


def show_ranks(
    log: Log,
    by: str,
    asked: Narrowing,
    selection: KeySelection,
    look: Look,
    progress: Progress,
) -> int:
    """Print the keys of a log in some order and return the exit code.

    Raises:
        InputError: the order needs an RDB part and there is none, or dead bytes cannot be told.
    """
    from aoftool.analysis.habits.questions import HABITS
    from aoftool.api.ranking import rank_expiry, rank_keys

    if by in HABITS:
        return tell_damage(log, _show_habit(log, by, asked, look, progress))
    if by == "ttl":
        reading, view, rows = rank_expiry(log, asked.options, selection, asked.commands, progress=progress)
        _show_expiry(view, rows, look, exact=reading.contents.keys.exact)
    else:
        reading, ranks = rank_keys(log, by, asked.options, asked.commands, top=look.top, progress=progress)
        _show_counts(reading, ranks, by, asked, look)
    return tell_survey(log, reading.survey)


def _show_habit(
    log: Log,
    by: str,
    asked: Narrowing,
    look: Look,
    progress: Progress,
) -> Damage | None:
    from aoftool.analysis.redact.habits import redacted_habits
    from aoftool.api.ranking import rank_habit
    from aoftool.report.commands import print_end
    from aoftool.report.habits import habits_json, render_habits, write_habits_csv

    table, end = rank_habit(log, by, asked.options, top=look.top, progress=progress)
    table = redacted_habits(table, look.redactor)
    if look.form is Form.JSON:
        print_json(habits_json(table))
    elif look.form is Form.CSV:
        write_habits_csv(table, sys.stdout)
    else:
        render_habits(line_console(look.color), table)
    print_end(end)
    return end.told


def _show_counts(
    reading: Reading,
    ranks: list[KeyRank],
    by: str,
    asked: Narrowing,
    look: Look,
) -> None:
    from aoftool.analysis.inspect.contents import contents_view
    from aoftool.report.inspect.contents import render_key_ranks, write_key_ranks_csv
    from aoftool.report.inspect.contents_json import key_rank_json

    if (redactor := look.redactor) is not None:
        ranks = [replace(rank, key=redactor.key(rank.key)) for rank in ranks]
    view = contents_view(reading.contents, asked.options, top=1)
    if look.form is Form.JSON:
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
    if look.form is Form.CSV:
        write_key_ranks_csv(ranks, sys.stdout)
        return
    render_key_ranks(line_console(look.color), ranks, view)


def show_sizes(rows: Iterable[KeyRow], look: Look) -> None:
    """Print the keys that take most bytes as an RDB stores them."""
    from aoftool.analysis.inspect.key_ranking import largest_rows
    from aoftool.report.keys import KeyLines, key_json, write_keys_csv

    found = largest_rows(rows, look.top)
    if (redactor := look.redactor) is not None:
        found = [replace(row, key=redactor.key(row.key)) for row in found]
    if look.form is Form.JSON:
        print_json({"schema": "aoftool.key-sizes/1", "keys": [key_json(row) for row in found]})
        return
    if look.form is Form.CSV:
        write_keys_csv(found, sys.stdout)
        return
    console = line_console(look.color)
    lines_of = KeyLines(console.width, writers=bool(found) and found[0].writes is not None)
    if lines_of.heading:
        console.print(lines_of.heading)
    for row in found:
        console.print("\n".join(lines_of.lines(row)))


def _show_expiry(
    view: ExpiryView,
    rows: list[PrefixRow],
    look: Look,
    *,
    exact: bool,
) -> None:
    from aoftool.analysis.redact.contents import redacted_prefix
    from aoftool.report.inspect.expiry import expiry_json, render_expiry, write_expiry_csv

    if (redactor := look.redactor) is not None:
        rows = [replace(row, prefix=redacted_prefix(row.prefix, redactor)) for row in rows]
    if look.form is Form.JSON:
        print_json(expiry_json(view, rows, exact))
        return
    if look.form is Form.CSV:
        write_expiry_csv(rows, sys.stdout)
        return
    render_expiry(line_console(look.color), view, rows, top=look.top, exact=exact)

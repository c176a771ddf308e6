"""Shows which keys expire when, and which never do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from aoftool.analysis.inspect.contents_model import ExpiryView, PrefixRow
from aoftool.escape import json_bytes, shown_name
from aoftool.report.csvout import CsvRows
from aoftool.report.inspect.contents_json import expiry_members
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts, print_table, say
from aoftool.units import counted, format_count, format_share, format_time_ms

__all__ = ["expiry_json", "render_expiry", "write_expiry_csv"]

_NAME_WIDTH = 40


def render_expiry(
    console: Printer, view: ExpiryView, rows: Sequence[PrefixRow], *, top: int, exact: bool
) -> None:
    """Print the horizon, the seconds in which most keys expire, and keys without expire time by prefix."""
    facts(console, _head(view, exact))
    if view.horizon and view.expiring:
        console.print()
        _render_horizon(console, view)
    if view.seconds:
        console.print()
        cells = (
            ((format_time_ms(second * 1000), format_count(keys), format_share(keys, view.expiring)), "")
            for second, keys in view.seconds[:top]
        )
        print_table(console, (("most keys expire at", "left"), ("keys", "right"), ("share", "right")), cells)
    console.print()
    _render_prefixes(console, rows, top)


def _head(view: ExpiryView, exact: bool) -> Iterator[tuple[str, str, str]]:
    there = view.keys - view.deleted
    share = format_share(view.expiring, there)
    yield (
        "keys",
        f"{format_count(there)}, {format_count(view.expiring)} ({share}) with an expire time",
        "bold",
    )
    if view.end_s is not None:
        yield "log ends", format_time_ms(view.end_s * 1000), ""
    if view.expiring:
        minutes = format_share(view.minutes, view.expiring)
        yield (
            "aligned",
            f"{minutes} of the times are full minutes, {format_share(view.hours, view.expiring)} full hours",
            "",
        )
    if not exact:
        yield "note", "more keys than are counted one by one: these are the last ones only", "yellow"
    yield "note", "as commands set them; keys that commands emptied piece by piece still count", ""


def _render_horizon(console: Printer, view: ExpiryView) -> None:
    rows: list[tuple[str, int]] = [("passed already", view.passed or 0), *view.horizon]
    cells = (((label, format_count(keys), format_share(keys, view.expiring)), "") for label, keys in rows)
    print_table(console, (("expire", "left"), ("keys", "right"), ("share", "right")), cells)


def _render_prefixes(console: Printer, rows: Sequence[PrefixRow], top: int) -> None:
    columns = (
        ("prefix", "left"),
        ("keys", "right"),
        ("expire", "right"),
        ("no expiry", "right"),
        ("share", "right"),
    )
    cells = (
        (
            (
                shown_name(row.prefix, _NAME_WIDTH),
                format_count(_there(row)),
                format_count(row.expiring or 0),
                format_count(row.without_expiry or 0),
                format_share(row.without_expiry or 0, _there(row)),
            ),
            "",
        )
        for row in rows[:top]
    )
    print_table(console, columns, cells)
    if len(rows) > top:
        rest = sum(row.without_expiry or 0 for row in rows[top:])
        say(
            console,
            f"{counted(len(rows) - top, 'more prefix', 'more prefixes')}"
            f" with {counted(rest, 'key')} without expire time",
        )


def _there(row: PrefixRow) -> int:
    return (row.keys or 0) - (row.deleted or 0)


def write_expiry_csv(rows: Sequence[PrefixRow], stream: TextIO) -> None:
    """Write the prefixes as CSV."""
    out = CsvRows(stream, ("prefix", "keys", "keys_expiring", "keys_without_expiry"))
    for row in rows:
        out.add((row.prefix, _there(row), row.expiring, row.without_expiry))


def expiry_json(view: ExpiryView, rows: Sequence[PrefixRow], exact: bool) -> dict[str, Any]:
    """Return all of it as one JSON object."""
    return {
        "schema": "aoftool.expiry/1",
        "exact": exact,
        **expiry_members(view),
        "prefixes": [
            {
                **json_bytes("prefix", row.prefix),
                "keys": _there(row),
                "keys_expiring": row.expiring,
                "keys_without_expiry": row.without_expiry,
            }
            for row in rows
        ],
    }

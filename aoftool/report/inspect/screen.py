"""The one screen of `aoftool inspect`: what the log is, what stands out, and the top of every table."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.analysis.growth.model import Growth
from aoftool.analysis.inspect.contents_model import ContentsView
from aoftool.analysis.inspect.model import CommandRow, DatabaseRow, Overview, RowKind
from aoftool.check.health_model import Health
from aoftool.dataclass import replace
from aoftool.next_step import next_step
from aoftool.report.growth import growth_line
from aoftool.report.inspect.contents import (
    expiry_line,
    large_lines,
    next_rewrite_line,
    render_key_ranks,
    render_prefixes,
    render_sizes,
    render_types,
    restart_line,
    savings_line,
    simulate_step,
)
from aoftool.report.inspect.overview import (
    database_name,
    overview_head,
    render_commands,
    render_databases,
    render_files,
    render_rdb,
)
from aoftool.report.lines import Printer
from aoftool.report.terminal import facts, say
from aoftool.units import counted, format_bytes

__all__ = ["render_screen", "render_view"]

_FRAMING = b"framing and #TS"
_TYPES_SHOWN = 3
_DATABASES_SHOWN = 4
# Steps of the line of growth, and the words beside it.
_GROWTH, _BESIDE_GROWTH = 40, 50


def render_screen(
    console: Printer,
    overview: Overview,
    health: Health,
    view: ContentsView,
    growth: Growth,
    *,
    top: int,
    sort: str,
) -> None:
    """Print the overview: the head, and the first rows of what the log holds most of."""
    overview = _headed(console, overview, health, view, growth)
    if len(overview.files) > 1 or any(file.format == "missing" for file in overview.files):
        console.print()
        render_files(console, overview.files)
    if view.commands:
        console.print()
        render_commands(console, replace(overview, commands=list(_joined(overview.commands))), top, sort)
        console.print()
        render_prefixes(console, view, top)
        console.print()
        render_key_ranks(console, view.keys_by_bytes[: max(top - 2, 1)], view)
    else:
        console.print()
        render_commands(console, overview, top, sort)
    for part in overview.rdb_parts:
        console.print()
        render_rdb(console, part, _TYPES_SHOWN if view.commands else top, brief=bool(view.commands))


def render_view(
    console: Printer,
    overview: Overview,
    health: Health,
    view: ContentsView,
    growth: Growth,
    *,
    by: str,
    top: int,
    sort: str,
) -> None:
    """Print the head and one distribution in full: by command, db, file, prefix, key, type or size."""
    overview = _headed(console, overview, health, view, growth)
    console.print()
    if by == "command":
        render_commands(console, overview, top, sort)
    elif by == "db":
        render_databases(console, overview)
    elif by == "file":
        render_files(console, [*overview.files, *overview.history])
    elif by in ("prefix", "key", "size") and not view.commands and not view.filtered:
        say(
            console,
            f"no commands, and so no {by} of them; of the keys in an RDB part:"
            f" {next_step('keys', overview.path, '--by size')}",
        )
    elif by == "prefix":
        render_prefixes(console, view, top)
    elif by == "key":
        render_key_ranks(console, view.keys_by_writes if sort == "count" else view.keys_by_bytes, view)
    elif by == "type":
        render_types(console, view)
        for part in overview.rdb_parts:
            console.print()
            render_rdb(console, part, top)
    else:
        render_sizes(console, view)


def _headed(
    console: Printer, overview: Overview, health: Health, view: ContentsView, growth: Growth
) -> Overview:
    """Print the head, and return what shares are of: of what was asked for, where that is a part."""
    facts(console, _head(overview, health, view, growth, console.width))
    return replace(overview, size_bytes=view.size_bytes) if view.filtered else overview


def _head(
    overview: Overview, health: Health, view: ContentsView, growth: Growth, width: int
) -> Iterator[tuple[str, str, str]]:
    yield from overview_head(overview, health)
    if view.filtered:
        shown = f"{counted(view.commands, 'command')} in {format_bytes(view.size_bytes)}"
        yield "shown", f"{shown}: what was asked for", "bold"
    if len(overview.databases) > 1:
        yield "databases", _databases(overview.databases), ""
    if view.savings is not None:
        yield "savings", savings_line(view.savings), ""
    if view.restart is not None:
        yield "restart", restart_line(view.restart), ""
    if view.next_rewrite is not None:
        yield "rewrite", next_rewrite_line(view.next_rewrite), ""
        step = simulate_step(overview, health, view.next_rewrite)
        if step:
            yield "", step, "bold"
    if view.commands:
        yield "growth", growth_line(growth, min(max(width - _BESIDE_GROWTH, 8), _GROWTH)), ""
        yield from large_lines(view)
        if view.expiry is not None and view.expiry.expiring:
            yield "expiring", expiry_line(view.expiry), ""
    for number, remark in enumerate(view.remarks):
        yield "" if number else "notable", remark, "yellow"


def _databases(rows: list[DatabaseRow]) -> str:
    """Return the databases with most bytes of commands in one line."""
    ordered = sorted(rows, key=lambda row: (-row.size_bytes, -(row.rdb_keys or 0)))
    shown = [f"{database_name(row)} {_held(row)}" for row in ordered[:_DATABASES_SHOWN]]
    more = len(ordered) - len(shown)
    return ", ".join(shown) + (f", {more} more: --by db" if more else "")


def _held(row: DatabaseRow) -> str:
    """Return what a database has: commands, or where it has none keys of the RDB part."""
    if not row.commands and row.rdb_keys:
        return f"{counted(row.rdb_keys, 'key')} in the RDB part"
    return counted(row.commands, "command")


def _joined(rows: list[CommandRow]) -> Iterator[CommandRow]:
    """Yield the rows with SELECT, MULTI, EXEC and annotations made one: on this screen they are one thing."""
    small = [row for row in rows if row.kind in (RowKind.FRAMING, RowKind.ANNOTATION)]
    yield from (row for row in rows if row.kind not in (RowKind.FRAMING, RowKind.ANNOTATION))
    if len(small) < 2:
        yield from small
        return
    yield CommandRow(
        name=_FRAMING,
        kind=RowKind.FRAMING,
        # Annotations are no commands, so that counts and shares stay those of commands.
        count=sum(row.count for row in small if row.kind == RowKind.FRAMING),
        size_bytes=sum(row.size_bytes for row in small),
        largest_bytes=max(row.largest_bytes for row in small),
    )

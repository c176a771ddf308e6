"""Where the bytes are: commands, prefixes live against dead, keys, sizes, values that repeat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aoftool.analysis.habits.model import Cell as HabitCell
from aoftool.analysis.habits.model import Column as HabitColumn
from aoftool.analysis.habits.model import HabitTable
from aoftool.analysis.inspect.contents_model import ContentsView, KeyRank, PrefixRow
from aoftool.analysis.inspect.model import Overview
from aoftool.api.postmortem.model import Postmortem
from aoftool.escape import shown_name
from aoftool.report.habits import cell_text
from aoftool.report.inspect.contents import inexact_note
from aoftool.report.page.cells import Field, code, count, made_table, name, number, share, size, text, when
from aoftool.report.page.model import Block, Cell, Section, Table, Tile, Tiles, Words
from aoftool.units import counted, format_bytes, format_share

if TYPE_CHECKING:
    from aoftool.analysis.inspect.model import LargeKey

__all__ = ["holdings"]

_ROWS = 20
_TILES = 40
_NAME = 60


def holdings(found: Postmortem) -> Section:
    """Return the section."""
    blocks: list[Block] = [_commands(found.overview)]
    view = found.contents
    if view is not None and view.commands:
        blocks.append(_tiles(view))
        blocks.append(_keys(view.keys_by_bytes, "keys", "Keys with the most bytes in commands", view))
        if not view.keys_exact:
            blocks.append(Words(inexact_note(view)))
        blocks += [_sizes(view), *_largest(view)]
    blocks += _rdb(found.overview)
    if found.repeats is not None:
        blocks += _repeats(found.repeats)
    return Section("holdings", "Where the bytes are", blocks)


def _commands(overview: Overview) -> Table:
    total = overview.size_bytes
    rows = sorted(overview.commands, key=lambda row: (-row.size_bytes, row.name))
    fields = (
        ("name", "command", lambda row: name(row.name)),
        ("count", "count", lambda row: count(row.count)),
        ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
        ("share", "share", lambda row: share(row.size_bytes, total)),
        ("largest_bytes", "largest", lambda row: size(row.largest_bytes or None)),
    )
    return made_table("commands", "Commands, framing and RDB parts by their bytes", fields, rows, most=_ROWS)


def _tiles(view: ContentsView) -> Tiles:
    rows = [row for row in view.prefixes if row.size_bytes > 0 and row.is_prefix]
    tiles = [
        Tile(shown_name(row.prefix, _NAME), row.size_bytes, row.dead_bytes, _tile_text(row, view))
        for row in sorted(rows, key=lambda row: -row.size_bytes)[:_TILES]
    ]
    known = all(tile.dead is not None for tile in tiles)
    description = "The area of a tile is the bytes of its commands" + (
        "; the hatched part is dead: overwritten, deleted or flushed later, and gone after a rewrite."
        if known
        else ". Where nothing is hatched dead bytes were not looked for."
    )
    fields = (
        ("prefix", "prefix", lambda row: name(row.prefix)),
        ("writes", "writes", lambda row: count(row.writes)),
        ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
        ("share", "share", lambda row: share(row.size_bytes, view.size_bytes)),
        ("dead_bytes", "dead", lambda row: size(row.dead_bytes)),
        ("keys", "keys", lambda row: count(row.keys)),
        ("without_expiry", "never expire", lambda row: count(row.without_expiry)),
    )
    table = made_table("prefixes", "Prefixes of keys", fields, view.prefixes, most=_TILES)
    return Tiles("treemap", "Prefixes, live against dead", description, tiles, table)


def _tile_text(row: PrefixRow, view: ContentsView) -> str:
    words = f"{format_bytes(row.size_bytes)}, {format_share(row.size_bytes, view.size_bytes)} of the commands"
    if row.dead_bytes is not None:
        words += f", {format_share(row.dead_bytes, row.size_bytes)} of it dead"
    return words


def _keys(ranks: list[KeyRank], id: str, caption: str, view: ContentsView) -> Table:
    fields: tuple[Field[KeyRank], ...] = (
        ("key", "key", lambda rank: name(rank.key)),
        ("db", "db", lambda rank: count(rank.db)),
        ("writes", "writes", lambda rank: count(rank.writes)),
        ("size_bytes", "bytes", lambda rank: size(rank.size_bytes)),
        ("share", "share", lambda rank: share(rank.size_bytes, view.size_bytes)),
        ("dead_bytes", "dead", lambda rank: size(rank.dead_bytes)),
        ("expires", "expires", _expires),
    )
    return made_table(id, caption, fields, ranks, most=_ROWS)


def _expires(rank: KeyRank) -> Cell:
    if rank.deleted:
        return text("deleted")
    return text("no expiry") if rank.expire_at_ms is None else when(rank.expire_at_ms // 1000 * 1000)


def _sizes(view: ContentsView) -> Table:
    fields = (
        ("least", "from", lambda row: count(row.least)),
        ("most", "to", lambda row: count(row.most)),
        ("commands", "commands", lambda row: count(row.commands)),
        ("keys", "keys named", lambda row: count(row.keys)),
        ("arguments", "arguments", lambda row: count(row.arguments)),
    )
    caption = "Sizes: commands and keys by their bytes, commands once more by their number of arguments"
    return made_table("sizes", caption, fields, view.sizes, most=40, is_detail=True)


def _largest(view: ContentsView) -> Iterator[Table]:
    for id, caption, rows in (
        ("largest", "The largest commands", view.largest),
        ("transactions", "The largest transactions", view.transactions),
    ):
        fields = (
            ("name", "command", lambda row: name(row.name)),
            ("key", "key", lambda row: name(row.key) if row.key else text("")),
            ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
            ("commands", "commands", lambda row: count(row.commands)),
            ("file", "file", lambda row: code(row.file)),
            ("offset", "offset", lambda row: count(row.offset)),
        )
        if rows:
            yield made_table(id, caption, fields, rows, most=10)


def _rdb(overview: Overview) -> Iterator[Table]:
    for at, part in enumerate(overview.rdb_parts[:3]):
        fields = (
            ("type", "type", lambda row: text(row.type_name)),
            ("encoding", "encoding", lambda row: text(row.encoding)),
            ("keys", "keys", lambda row: count(row.keys)),
            ("elements", "elements", lambda row: count(row.elements)),
            ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
        )
        caption = f"RDB part of {part.file}: {counted(part.keys, 'key')}, checksum {part.checksum}"
        yield made_table(f"rdb-{at}", caption, fields, part.rows, most=_ROWS)
        large: tuple[Field[LargeKey], ...] = (
            ("key", "key", lambda row: Cell(name(row.key).text + ("…" if row.key_cut else ""), is_code=True)),
            ("db", "db", lambda row: count(row.db)),
            ("type", "type", lambda row: text(row.type_name)),
            ("size_bytes", "bytes", lambda row: size(row.size_bytes)),
            ("elements", "elements", lambda row: count(row.elements)),
            ("offset", "offset", lambda row: count(row.offset)),
        )
        if part.largest:
            yield made_table(f"rdb-{at}-keys", "Its largest keys", large, part.largest, most=10)


def _repeats(table: HabitTable) -> Iterator[Block]:
    fields = [_habit(at, column) for at, column in enumerate(table.columns)]
    caption = "Writes of the value that was there already"
    if table.rows:
        yield made_table("repeats", caption, fields, table.rows, most=_ROWS, left_out=table.left_out)
    else:
        yield Words(f"{caption}: none.")
    for note in table.notes:
        yield Words(note)


def _habit(at: int, column: HabitColumn) -> Field[list[HabitCell]]:
    def cell(row: list[HabitCell]) -> Cell:
        value = row[at]
        if isinstance(value, bytes):
            return name(value)
        return number(value, cell_text(value, column))

    return column.name, column.heading, cell

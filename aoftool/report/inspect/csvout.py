"""Writes one distribution of a log as CSV: every row as it is, nothing folded, no shares, no totals."""

from __future__ import annotations

from typing import TextIO

from aoftool.analysis.inspect.contents_model import ContentsView, PrefixRow
from aoftool.analysis.inspect.model import Overview
from aoftool.report.csvout import CsvRows
from aoftool.report.inspect.contents import write_key_ranks_csv
from aoftool.report.inspect.overview import ordered_commands

__all__ = ["write_overview_csv", "write_view_csv"]

_COMMAND = ("kind", "count", "size_bytes", "largest_bytes", "largest_file", "largest_offset")
_DATABASE = ("db", "commands", "size_bytes", "rdb_keys", "rdb_keys_with_expire")
_FILE = ("name", "role", "sequence", "format", "compression", "size_bytes", "good_end", "commands")
_PREFIX = ("writes", "size_bytes", "keys", "expiring", "without_expiry", "deleted", "dead_bytes")
_SIZE = ("least", "most", "commands", "keys", "arguments")


def write_overview_csv(overview: Overview, stream: TextIO, *, by: str, sort: str) -> None:
    """Write what one pass over the framing tells, by `command`, `db` or `file`.

    A row of commands with another kind than `command` or `framing` is no command but bytes of the files.
    """
    if by == "command":
        out = CsvRows(stream, ("command", *_COMMAND, "known"))
        for row in ordered_commands(overview, sort):
            out.add((row.name, *(getattr(row, name) for name in _COMMAND), int(row.known)))
    elif by == "db":
        out = CsvRows(stream, _DATABASE)
        for database in overview.databases:
            out.add(getattr(database, name) for name in _DATABASE)
    else:
        out = CsvRows(stream, ("file", *_FILE[1:]))
        for file in (*overview.files, *overview.history):
            out.add(getattr(file, name) for name in _FILE)


def write_view_csv(view: ContentsView, stream: TextIO, *, by: str, sort: str) -> None:
    """Write what the commands hold, by `prefix`, `key`, `type` or `size`.

    A row of prefixes that is no prefix stands for commands without keys.
    """
    if by == "prefix":
        out = CsvRows(stream, ("prefix", "is_prefix", *_PREFIX))
        for prefix in view.prefixes:
            out.add((prefix.prefix, int(prefix.is_prefix), *_prefix_cells(prefix)))
    elif by == "key":
        write_key_ranks_csv(view.keys_by_writes if sort == "count" else view.keys_by_bytes, stream)
    elif by == "type":
        out = CsvRows(stream, ("type", "commands", "size_bytes"))
        for group in view.types:
            out.add((group.group, group.commands, group.size_bytes))
    else:
        out = CsvRows(stream, _SIZE)
        for size in view.sizes:
            out.add(getattr(size, name) for name in _SIZE)


def _prefix_cells(row: PrefixRow) -> list[int | None]:
    return [getattr(row, name) for name in _PREFIX]

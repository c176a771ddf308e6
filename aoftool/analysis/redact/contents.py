"""Views with stand-ins for keys and prefixes: what a reporter gets when output is to be shared."""

from __future__ import annotations

import re
from functools import partial

from aoftool.analysis.census.driver import KEYLESS
from aoftool.analysis.growth.model import Change, Growth
from aoftool.analysis.inspect.contents_model import ContentsView
from aoftool.analysis.inspect.model import Overview, RowKind
from aoftool.commands.table import lookup
from aoftool.dataclass import replace
from aoftool.redaction import Redactor

__all__ = ["redacted_contents", "redacted_growth", "redacted_overview", "redacted_prefix"]


def redacted_prefix(prefix: bytes, redactor: Redactor) -> bytes:
    """Return a prefix with its fixed parts replaced; each part goes by itself."""
    if prefix in KEYLESS:
        return prefix
    return b"*".join(redactor.key(part) for part in prefix.split(b"*"))


def redacted_name(name: bytes, redactor: Redactor) -> bytes:
    """Return the name of a command, with its subcommand; what no server knows may be data."""
    head, blank, sub = name.partition(b" ")
    if name in KEYLESS:
        return name
    if lookup(head) is None:
        return redactor.value(name)
    return name if not sub or lookup(head, sub) is not None else head + blank + redactor.value(sub)


def redacted_contents(view: ContentsView, redactor: Redactor | None) -> ContentsView:
    """Return a view as it may be shown; made before the remarks, which name keys."""
    if redactor is None:
        return view
    largest = [replace(row, name=redacted_name(row.name, redactor)) for row in view.largest]
    view = replace(view, largest=largest)
    if not redactor.hides_keys:
        return view
    return replace(
        view,
        prefixes=[replace(row, prefix=redacted_prefix(row.prefix, redactor)) for row in view.prefixes],
        keys_by_bytes=[replace(row, key=redactor.key(row.key)) for row in view.keys_by_bytes],
        keys_by_writes=[replace(row, key=redactor.key(row.key)) for row in view.keys_by_writes],
        largest=[replace(row, key=redactor.key(row.key)) for row in view.largest],
        transactions=[replace(row, key=redactor.key(row.key)) for row in view.transactions],
    )


def redacted_growth(growth: Growth, redactor: Redactor | None) -> Growth:
    """Return a growth as it may be shown."""
    if redactor is None:
        return growth
    shown = replace(growth, find_changes=partial(_redacted_changes, growth, redactor))
    if growth.by == "command":
        return replace(
            shown,
            rows=[replace(row, name=redacted_name(row.name, redactor)) for row in growth.rows],
            bursts=[replace(item, name=redacted_name(item.name, redactor)) for item in growth.bursts],
        )
    if not redactor.hides_keys or growth.by != "prefix":
        return shown
    return replace(
        shown,
        rows=[replace(row, name=redacted_prefix(row.name, redactor)) for row in growth.rows],
        bursts=[replace(item, name=redacted_prefix(item.name, redactor)) for item in growth.bursts],
    )


def _redacted_changes(growth: Growth, redactor: Redactor) -> list[Change]:
    found = [replace(item, command=redacted_name(item.command, redactor)) for item in growth.changes]
    if growth.by == "command":
        return [replace(item, driver=redacted_name(item.driver, redactor)) for item in found]
    if growth.by == "prefix" and redactor.hides_keys:
        return [replace(item, driver=redacted_prefix(item.driver, redactor)) for item in found]
    return found


# What servers write about themselves and not about the data.
_OWN_FIELDS = frozenset(
    b"redis-ver valkey-ver redis-bits ctime used-mem aof-base aof-preamble repl-stream-db repl-offset".split()
)


def _redacted_aux(name: bytes, value: bytes, redactor: Redactor) -> tuple[bytes, bytes]:
    """Return an AUX field as it may be shown: only what every server writes stays, in its own form."""
    if name in _OWN_FIELDS and re.fullmatch(rb"[0-9.]{1,20}", value):
        return name, value
    hide = redactor.value if redactor.hides_values else redactor.key
    known = name in _OWN_FIELDS or name in (b"repl-id", b"lua")
    return (name if known else hide(name)), hide(value)


def redacted_overview(overview: Overview, redactor: Redactor | None) -> Overview:
    """Return an overview as it may be shown: commands, functions and the largest keys are named in it."""
    if redactor is None:
        return overview
    rows = [
        replace(row, name=redacted_name(row.name, redactor)) if row.kind is RowKind.COMMAND else row
        for row in overview.commands
    ]
    parts = [
        replace(
            part,
            functions=[redactor.value(name) for name in part.functions],
            aux=[_redacted_aux(name, value, redactor) for name, value in part.aux],
        )
        for part in overview.rdb_parts
    ]
    overview = replace(overview, commands=rows, rdb_parts=parts)
    if not redactor.hides_keys:
        return overview
    parts = [
        replace(part, largest=[replace(large, key=redactor.key(large.key)) for large in part.largest])
        for part in overview.rdb_parts
    ]
    return replace(overview, rdb_parts=parts)

"""What the options of `aoftool keys` mean together, and which of them contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoftool.cli.options.common_options import Form
from aoftool.cli.options.moments import cut_at, only_moment
from aoftool.cli.requests.keys import RankBy
from aoftool.databases import INFERRED
from aoftool.errors import UsageError

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.api.keys import RowRequest
    from aoftool.cli.requests.keys import KeysRequest
    from aoftool.keyspace.selection import KeySelection

__all__ = ["chosen_keys", "refuse_contradictions", "wanted_rows"]


def chosen_keys(asked: KeysRequest) -> KeySelection:
    """Return which keys are asked for.

    Raises:
        UsageError: there is no such type or time, or the pattern means nothing.
    """
    from aoftool.aof.moment import parse_time_ms
    from aoftool.keyspace.selection import key_selection

    return key_selection(
        databases=frozenset(asked.db) if asked.db else None,
        types=frozenset(asked.type_name) if asked.type_name else None,
        match=asked.match,
        regex=asked.regex,
        expires_before_ms=None if asked.expires_before is None else parse_time_ms(asked.expires_before),
        without_expire=asked.no_ttl,
    )


def wanted_rows(asked: KeysRequest, selection: KeySelection, log: Log) -> RowRequest:
    """Return which rows are asked for.

    Raises:
        UsageError: the moment names nothing in the log.
    """
    from aoftool.api.keys import RowRequest

    return RowRequest(
        selection,
        cut_at(only_moment(asked.at, "--at"), log, "--at", late=False),
        base=asked.base,
        databases=asked.databases or INFERRED,
        written_by=asked.written_by,
        min_size_bytes=asked.min_size,
        values=asked.values,
        # The largest are among all of them.
        limit=None if asked.by is RankBy.SIZE else asked.limit,
    )


def refuse_contradictions(asked: KeysRequest, form: Form) -> None:
    """Refuse options that contradict each other.

    Raises:
        UsageError: some do.
    """
    if form is Form.CSV and asked.values:
        raise UsageError("a value does not fit into a cell", hint="use --json with --values")
    if asked.at and asked.base:
        raise UsageError("--base knows no moments", hint="leave out --at or --base")
    if asked.by is None:
        return
    filtered = asked.type_name or asked.regex or asked.min_size or asked.expires_before or asked.no_ttl
    if asked.values or (asked.by is not RankBy.SIZE and filtered):
        raise UsageError(
            f"--by {asked.by.value} goes with --db and --match only",
            hint="leave out the other filters, or use --by size",
        )
    if asked.by is not RankBy.SIZE and (asked.at or asked.base):
        raise UsageError(f"--by {asked.by.value} counts over the whole log", hint="leave out --at and --base")

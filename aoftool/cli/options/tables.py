"""Options of the verbs that give a log as tables, and what they mean; shared by `export` and `sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from aoftool.cli.declared import Option
from aoftool.escape import typed_name

if TYPE_CHECKING:
    from aoftool.aof.stretch import Stretch
    from aoftool.api.tabling import TableRequest
    from aoftool.redaction import Redactor
    from aoftool.rewrite.model import Cut

__all__ = ["ArgumentsOption", "SavingsOption", "table_request"]

ArgumentsOption = Annotated[
    bool, Option("--arguments", help="Fill the column `arguments` of the table of commands.")
]
SavingsOption = Annotated[
    bool | None,
    Option(
        "--savings/--no-savings",
        help="Find dead bytes: a second reading, 2 to 5 s for each GiB. Default: logs up to 128 MiB.",
        show_default=False,
    ),
]


def table_request(
    *,
    stretch: Stretch | None = None,
    cut: Cut | None = None,
    cmd: list[str] | None = None,
    key: list[str] | None = None,
    match: str | None = None,
    regex: str | None = None,
    db: list[int] | None = None,
    txn: int | None = None,
    min_size: int = 0,
    arguments: bool = False,
    savings: bool | None = None,
    redactor: Redactor | None = None,
    limit: int | None = None,
) -> TableRequest:
    """Return what was asked for, in the words of `aoftool log`.

    Raises:
        UsageError: both a glob and a regex, or a regex that does not compile.
    """
    from aoftool.analysis.commands.filter import CommandFilter
    from aoftool.aof.stretch import Stretch
    from aoftool.api.tabling import TableRequest
    from aoftool.keyspace.selection import KeySelection, key_selection
    from aoftool.rewrite.model import Cut

    dbs = frozenset(db) if db else None
    selection = key_selection(databases=dbs, match=match, regex=regex)
    wanted = CommandFilter(
        names=frozenset(
            " ".join(name.upper().split()).encode("utf-8", "surrogateescape") for name in cmd or ()
        ),
        keys=frozenset(map(typed_name, key or ())),
        selection=None if selection.name is None else KeySelection(name=selection.name),
        dbs=dbs,
        stretch=stretch or Stretch(),
        txn=txn,
        min_size=min_size,
    )
    return TableRequest(wanted, selection, cut or Cut(), arguments, savings, redactor, limit)

"""A database that was asked for and that the log never names: said instead of an empty answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aoftool.cli.ending import is_damaged
from aoftool.commands.framing import FRAMING
from aoftool.errors import UsageError
from aoftool.next_step import again

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.aof.survey import Survey

__all__ = ["refuse_absent", "refuse_absent_in"]

_SHOWN = 16
# SWAPDB works on no database of its own.
_OF_NONE = FRAMING | {b"SWAPDB"}


def refuse_absent(log: Log, asked: Iterable[int] | None) -> None:
    """Refuse databases of which a log has nothing, where a verb found nothing; reads the log once more.

    Standard input is gone, so of that nothing is said.

    Raises:
        UsageError: none of them is there; it names those that are.
    """
    from aoftool.aof.model import LogKind
    from aoftool.aof.survey import survey

    wanted = frozenset(asked or ())
    if wanted and log.kind is not LogKind.STDIN:
        refuse_absent_in(survey(log), wanted)


def refuse_absent_in(read: Survey, asked: Iterable[int] | None) -> None:
    """Refuse databases of which a log that was surveyed has nothing.

    Raises:
        UsageError: none of them is there.
    """
    wanted, found = frozenset(asked or ()), _databases(read)
    if not wanted or wanted & found or not found or is_damaged(read):
        # Behind damage there may be any.
        return
    held = sorted(found)
    shown = ", ".join(map(str, held[:_SHOWN])) + (" and more" if len(held) > _SHOWN else "")
    names = ", ".join(map(str, sorted(wanted)))
    raise UsageError(
        f"the log has nothing in database {names}; it has some in {shown}", hint=again(("--db", str(held[0])))
    )


def _databases(read: Survey) -> frozenset[int]:
    """Return the databases with keys or commands; SELECT and transactions alone are neither."""
    found = set()
    for item in read.files:
        if item.walk is not None:
            found |= {row.db for row in item.walk.counts if row.keys}
        if item.tail is not None:
            found |= {key.db for key in item.tail.rows if key.name not in _OF_NONE}
    return frozenset(db for db in found if db >= 0)

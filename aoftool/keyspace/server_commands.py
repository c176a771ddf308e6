"""Which commands a server has, with what runs them; and whether two servers have the same."""

from __future__ import annotations

from collections.abc import Iterable

from aoftool.commands.framing import FRAMING
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.refusal import CommandRefused
from aoftool.keyspace.registry import Command

__all__ = ["OF_TRANSACTIONS", "commands_are_alike", "commands_of", "lone_discard"]

OF_TRANSACTIONS = FRAMING - {b"SELECT"}
"""Commands that open and end transactions, which a replay runs itself; SELECT has a handler."""


def commands_of(flavour: Flavour) -> dict[bytes, Command]:
    """Return the commands of a server by upper-case name."""
    # Here: compiled code runs most logs, and there are some sixty modules of handlers and of what they need.
    from aoftool.keyspace.apply import TABLES
    from aoftool.keyspace.inert import TABLE as INERT

    framing = (Command(name, lone_discard, 1, 1, (1, 0), (7, 2), False) for name in OF_TRANSACTIONS)
    tables = [command for table in (*TABLES, INERT) for command in table]
    return {command.name: command for command in (*tables, *framing) if command.exists_on(flavour)}


def commands_are_alike(names: Iterable[bytes], one: Flavour, other: Flavour) -> bool:
    """Tell whether two servers have the same of some commands, given by upper-case names."""
    ours, theirs = commands_of(one), commands_of(other)
    return all(ours.get(name) == theirs.get(name) for name in names)


def lone_discard(context: Context, argv: Argv) -> None:
    """Refuse a DISCARD that stands alone."""
    raise CommandRefused("ERR DISCARD without MULTI")

"""Commands that stand inside another one: KeyDB logs what came from another node as RREPLAY.

    RREPLAY UUID COMMANDS [DB [MVCC]]

COMMANDS are in the form of a log, and may hold an RREPLAY themselves. Source: KeyDB src/replication.cpp
replicaReplayCommand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aoftool.commands.effects import Effect, EffectTable, Role, Scope
from aoftool.dataclass import dataclass, replace
from aoftool.resp.canonical import NotCanonical, split_command
from aoftool.resp.model import Command

__all__ = ["WRAPPER", "Inner", "inner_commands", "unwrapped"]

WRAPPER = b"RREPLAY"
_MOST_DEEP = 16
_MOST_DB_DIGITS = 9
_COMMANDS_AT, _DB_AT = 2, 3


def unwrapped(command: Command, deep: int = _MOST_DEEP) -> Iterator[Command]:
    """Yield what runs of a command: itself, or the commands inside it, in their database and its place.

    What is not in the form of commands is left as it is.
    """
    inner = _inside(command) if command.name == WRAPPER and deep else None
    if inner is None:
        yield command
        return
    db = command.db
    if len(command.argv) > _DB_AT and command.argv[_DB_AT].isdigit():
        db = int(command.argv[_DB_AT][:_MOST_DB_DIGITS])
    for argv in inner:
        if argv[0].upper() == b"SELECT" and len(argv) > 1 and argv[1].isdigit():
            db = int(argv[1][:_MOST_DB_DIGITS])
        yield from unwrapped(replace(command, argv=argv, db=db, lengths=None), deep - 1)


def _inside(command: Command) -> list[list[bytes]] | None:
    """Return the commands inside; None where there are none, or not all of them are here."""
    if len(command.argv) <= _COMMANDS_AT or command.lengths is not None:
        return None
    spans = _spans(command.argv[_COMMANDS_AT])
    return [argv for argv, _, _ in spans] if spans else None


def _spans(data: bytes) -> list[tuple[list[bytes], int, int]] | None:
    """Return (arguments, start, end) of all commands in a text; None where it is not commands alone."""
    found: list[tuple[list[bytes], int, int]] = []
    at = 0
    while at < len(data):
        try:
            part = split_command(data, at)
        except NotCanonical:
            return None
        if part is None:
            return None
        found.append((part[0], at, part[1]))
        at = part[1]
    return found


@dataclass(frozen=True, slots=True)
class Inner:
    """A command inside another one, which stands in the file as any command does.

    Attributes:
        offset, end: where its own bytes are.
        db: number of the database that it works in.
    """

    argv: list[bytes]
    offset: int
    end: int
    db: int


def inner_commands(
    argv: Sequence[bytes], offset: int, end: int, db: int, table: EffectTable, deep: int = _MOST_DEEP
) -> list[Inner] | None:
    """Return what runs of an RREPLAY, in order, without its SELECT, MULTI and EXEC.

    Args:
        argv: the RREPLAY, whose bytes are in the file from `offset` to `end`.
        db: the selected database.

    Returns:
        None where not all of it is understood: then it is to be taken as one command that may do anything.
    """
    start = _commands_start(argv, end - offset)
    spans = _spans(argv[_COMMANDS_AT]) if start and deep and WRAPPER not in table.opaque else None
    number = table.setting.database_number(argv[_DB_AT]) if len(argv) > _DB_AT else db
    if not spans or number is None:
        return None
    found: list[Inner] = []
    is_open = False
    for part, at, stop in spans:
        effect = table.of(part)
        place = offset + start + at, offset + start + stop
        if part[0].upper() == WRAPPER:
            nested = inner_commands(part, *place, number, table, deep - 1)
            if nested is None:
                return None
            found += nested
        elif effect.role is Role.SELECT:
            number = int(part[1])
        elif effect.role in (Role.MULTI, Role.EXEC):
            if is_open is (effect.role is Role.MULTI):
                return None
            is_open = not is_open
        elif not _is_understood(effect):
            return None
        else:
            found.append(Inner(part, *place, number))
    return None if is_open else found


def _is_understood(effect: Effect) -> bool:
    """Tell whether a command is executed here, and leaves the selected database and transaction alone."""
    form = effect.form
    carried = form.carried and (effect.writes or form.stays)
    return effect.scope is not Scope.OPAQUE and effect.role not in _MARKS and not carried


_MARKS = frozenset((Role.WATCH, Role.DISCARD, Role.EVALSHA))


def _commands_start(argv: Sequence[bytes], size: int) -> int:
    """Return where COMMANDS begins in the bytes of an RREPLAY; 0 where these are not in canonical form."""
    if len(argv) <= _COMMANDS_AT:
        return 0
    heads = [len(b"$%d\r\n" % len(argument)) for argument in argv]
    sizes = [head + len(argument) + 2 for head, argument in zip(heads, argv, strict=True)]
    before = len(b"*%d\r\n" % len(argv))
    return before + sum(sizes[:_COMMANDS_AT]) + heads[_COMMANDS_AT] if before + sum(sizes) == size else 0

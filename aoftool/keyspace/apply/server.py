"""Commands about the server itself that can turn up in a log, and those nobody can follow.

A script, a function or a module may read and write anything, so replay stops there by name.
"""

from __future__ import annotations

from aoftool.commands.slots import emptied_slots, slot_of
from aoftool.keyspace.apply.keys import database_index
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.numbers import parse_int
from aoftool.keyspace.refusal import CommandRefused
from aoftool.keyspace.registry import CommandTable

__all__ = ["TABLE"]

TABLE = CommandTable()


@TABLE.command(b"SELECT", 2)
def apply_select(ctx: Context, argv: Argv) -> None:
    """Select a database; a number that is refused leaves the old one selected."""
    ctx.select(database_index(ctx, argv[1]))


@TABLE.command(b"RESET", 1, redis=(6, 2))
def apply_reset(ctx: Context, argv: Argv) -> None:
    if not ctx.flavour.has((7, 0), (7, 2)):
        raise CannotFollow("crash", "the server dies when it meets RESET in a log")
    ctx.select(0)


@TABLE.command(b"EVAL", -3)
def apply_eval(ctx: Context, argv: Argv) -> None:
    raise CannotFollow("opaque", "a script may read and write anything")


@TABLE.command(b"EVALSHA", -3)
def apply_evalsha(ctx: Context, argv: Argv) -> None:
    if argv[1].lower() not in ctx.scripts:
        raise CommandRefused("NOSCRIPT No matching script.")
    raise CannotFollow("opaque", "a script may read and write anything")


@TABLE.command(b"FCALL", -3, redis=(7, 0))
def apply_fcall(ctx: Context, argv: Argv) -> None:
    if not ctx.libraries:
        raise CommandRefused("ERR Function not found")
    raise CannotFollow("opaque", "a function may read and write anything")


@TABLE.command(b"CONFIG", -2)
def apply_config(ctx: Context, argv: Argv) -> None:
    if argv[1].upper() in (b"GET", b"HELP", b"RESETSTAT"):
        return
    if not ctx.flavour.has((7, 0), (7, 2)):
        raise CommandRefused("LOADING only CONFIG GET is allowed during loading")
    raise CannotFollow("opaque", "CONFIG may change limits that data depend on")


@TABLE.command(b"CLUSTER", -2)
def apply_cluster(ctx: Context, argv: Argv) -> None:
    """Empty a slot, as only a cluster node does: one wrote the log. SLOTS and the like are questions.

    SYNCSLOTS, which frames the keys that come from another node, changes no key while a log is loaded.
    Whether the node keeps them is decided by the slots it owns, which its own file says and no log. Source:
    measured on Valkey 9.1.2 as a cluster node, with imports that succeed, fail and never end.
    """
    word = argv[1].upper()
    if word == b"FLUSHSLOT" and ctx.flavour.has(None, (9, 0)):
        empty_slots(ctx, argv)
        return
    if word == b"SYNCSLOTS" and ctx.flavour.has((8, 4), (9, 0)):
        return
    if word in (b"FLUSHSLOT", b"SYNCSLOTS") and ctx.flavour.strict_subcommands:
        raise CannotFollow("unknown", "unknown subcommand of CLUSTER")
    raise CommandRefused("ERR This instance has cluster support disabled")


@TABLE.command(b"TRIMSLOTS", -5, redis=(8, 4), valkey=None)
@TABLE.command(b"SFLUSH", -3, redis=(8, 0), valkey=None)
def empty_slots(ctx: Context, argv: Argv) -> None:
    """Remove the keys of slots from every database: those that went to another node, or were flushed."""
    ranges = emptied_slots(argv)
    if ranges is None:
        raise CommandRefused("ERR Invalid or out of range slot")
    for db in ctx.databases:
        for key in [key for key in db.values if any(slot_of(key) in slots for slots in ranges)]:
            db.delete(key)


@TABLE.command(b"SHUTDOWN", -1)
def apply_shutdown(ctx: Context, argv: Argv) -> None:
    if not ctx.flavour.has((7, 0), (7, 2)):
        raise CannotFollow("crash", "the server ends when it meets SHUTDOWN in a log")
    raise CommandRefused("ERR Errors trying to SHUTDOWN. Check logs.")


@TABLE.command(b"WAIT", 3)
def apply_wait(ctx: Context, argv: Argv) -> None:
    replicas = parse_int(argv[1])
    if replicas > 0 and not ctx.flavour.has((7, 2), (7, 2)):
        raise CannotFollow("crash", "the server dies when it would have to wait in a log")


def _opaque(ctx: Context, argv: Argv) -> None:
    raise CannotFollow("opaque", "its effect on the data cannot be known from the log")


def _module(ctx: Context, argv: Argv) -> None:
    raise CannotFollow("module", "vector sets cannot be replayed")


for _name, _arity in ((b"DEBUG", -2), (b"MODULE", -2), (b"REPLICAOF", 3), (b"SLAVEOF", 3)):
    TABLE.command(_name, _arity)(_opaque)
TABLE.command(b"MIGRATE", -6)(_opaque)
TABLE.command(b"WATCH", -2)(_opaque)
for _name in (b"VADD", b"VREM", b"VSETATTR"):
    TABLE.command(_name, -1, redis=(8, 0), valkey=None)(_module)

"""FUNCTION and SCRIPT. Libraries belong to no database; the script cache is not data at all.

No Lua runs here: what a library's text does not prove is not refused, and calling one cannot be followed.
"""

from __future__ import annotations

from aoftool.errors import InputError
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.libraries import Libraries, Library, read_library
from aoftool.keyspace.payloads import target_of
from aoftool.keyspace.refusal import SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.rdb.encode.payload import decode_functions, split_payload

__all__ = ["TABLE"]

TABLE = CommandTable()

_READ_ONLY = frozenset({b"LIST", b"STATS", b"DUMP", b"KILL", b"HELP"})
_SCRIPT_READ_ONLY = frozenset({b"EXISTS", b"KILL", b"DEBUG", b"HELP", b"SHOW"})


@TABLE.command(b"FUNCTION", -2, redis=(7, 0))
def apply_function(ctx: Context, argv: Argv) -> None:
    word = argv[1].upper()
    if word in _READ_ONLY:
        return
    if word == b"LOAD":
        _load(ctx, argv)
    elif word == b"DELETE":
        _delete(ctx, argv)
    elif word == b"FLUSH":
        _flush(ctx, argv)
    elif word == b"RESTORE":
        _restore(ctx, argv)
    else:
        raise CannotFollow("unknown", "unknown subcommand of FUNCTION")


def _load(ctx: Context, argv: Argv) -> None:
    if len(argv) < 3:
        raise CannotFollow("arity", "wrong number of arguments for 'function|load'")
    *options, code = argv[2:]
    if any(word.upper() != b"REPLACE" for word in options):
        raise CommandRefused("ERR Unknown option given")
    ctx.libraries.add([_read(ctx, code)], replace=bool(options))


def _delete(ctx: Context, argv: Argv) -> None:
    if len(argv) != 3:
        raise CannotFollow("arity", "wrong number of arguments for 'function|delete'")
    if not ctx.libraries.remove(argv[2]):
        raise CommandRefused("ERR Library not found")


def _flush(ctx: Context, argv: Argv) -> None:
    if len(argv) > 3 or (len(argv) == 3 and argv[2].upper() not in (b"SYNC", b"ASYNC")):
        raise CommandRefused("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
    ctx.libraries.clear()


def _restore(ctx: Context, argv: Argv) -> None:
    """Load every library of a payload, or none of them."""
    if len(argv) < 3:
        raise CannotFollow("arity", "wrong number of arguments for 'function|restore'")
    if len(argv) > 4:
        raise CommandRefused("ERR unknown subcommand or wrong number of arguments for 'restore'")
    policy = argv[3].upper() if len(argv) == 4 else b"APPEND"
    if policy not in (b"APPEND", b"REPLACE", b"FLUSH"):
        raise CommandRefused(
            "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
        )
    try:
        parts = split_payload(argv[2])
        known = ctx.trusts_log or target_of(ctx.flavour).restores_version(parts.version)
        if not parts.checksum_ok or not known:
            raise CommandRefused("ERR payload version or checksum are wrong")
        codes = decode_functions(argv[2])
    except InputError:
        raise CommandRefused("ERR failed loading functions payload") from None
    libraries = [_read(ctx, code) for code in codes]
    if policy == b"FLUSH":
        new = Libraries()
        new.add(libraries, replace=False)
        ctx.libraries = new
    else:
        ctx.libraries.add(libraries, replace=policy == b"REPLACE")


def _read(ctx: Context, code: bytes) -> Library:
    return read_library(code, ctx.flavour, trusts_log=ctx.trusts_log)


@TABLE.command(b"SCRIPT", -2)
def apply_script(ctx: Context, argv: Argv) -> None:
    word = argv[1].upper()
    if word == b"LOAD" and len(argv) == 3:
        ctx.load_script(argv[2])
    elif word == b"FLUSH":
        if len(argv) > 3 or (len(argv) == 3 and argv[2].upper() not in (b"SYNC", b"ASYNC")):
            raise CommandRefused(SYNTAX)
        ctx.scripts.clear()
    elif word not in _SCRIPT_READ_ONLY and ctx.flavour.strict_subcommands:
        raise CannotFollow("unknown", "unknown subcommand of SCRIPT")

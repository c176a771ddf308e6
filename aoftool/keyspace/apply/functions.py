"""FUNCTION and SCRIPT. Libraries belong to no database; the script cache is not data at all.

No Lua runs here: a library's functions are read from its text, and calling one cannot be followed.
"""

from __future__ import annotations

import hashlib
import re

from aoftool.errors import AoftoolError
from aoftool.escape import excerpt
from aoftool.keyspace.context import Argv, CannotFollow, Context, Library
from aoftool.keyspace.payloads import target_of
from aoftool.keyspace.refusal import SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.rdb.payload import decode_functions, split_payload

__all__ = ["TABLE"]

TABLE = CommandTable()

_HEADER = re.compile(rb"#!([^\s]+)((?:[ \t]+[^\n]*)?)(?:\n|\Z)")
_NAME = re.compile(rb"[A-Za-z0-9_]+")
_REGISTERED = re.compile(
    rb"register_function\s*(?:\(\s*|\{\s*)?(?:\{[^}]*?function_name\s*=\s*|function_name\s*=\s*)?"
    rb"(?:'([^']+)'|\"([^\"]+)\")"
)
_READ_ONLY = frozenset({b"LIST", b"STATS", b"DUMP", b"KILL", b"HELP"})
_SCRIPT_READ_ONLY = frozenset({b"EXISTS", b"KILL", b"DEBUG", b"HELP", b"SHOW"})


def _library(code: bytes) -> Library:
    """Read name, engine and functions from the text of a library.

    Source: Redis 7.0 src/functions.c functionExtractLibMetaData
    """
    match = _HEADER.match(code)
    if match is None:
        raise CommandRefused("ERR Missing library metadata")
    name = b""
    for word in match[2].split():
        key, equals, text = word.partition(b"=")
        if key.lower() != b"name" or not equals or name:
            raise CommandRefused("ERR Invalid metadata value given")
        name = text
    if not name:
        raise CommandRefused("ERR Library name was not given")
    if not _NAME.fullmatch(name):
        raise CommandRefused("ERR Library names can only contain letters, numbers, or underscores(_)")
    if match[1].lower() != b"lua":
        raise CommandRefused(f"ERR Engine '{excerpt(match[1])}' not found")
    functions = frozenset(one or other for one, other in _REGISTERED.findall(code))
    if not functions:
        raise CommandRefused("ERR No functions registered")
    return Library(name, match[1].upper(), code, functions)


def _add_library(libraries: dict[bytes, Library], library: Library, *, replace: bool) -> None:
    if library.name in libraries and not replace:
        raise CommandRefused(f"ERR Library '{library.name.decode()}' already exists")
    for other in libraries.values():
        clash = other.functions & library.functions
        if other.name != library.name and clash:
            raise CommandRefused(f"ERR Function {excerpt(min(clash))} already exists")
    libraries[library.name] = library


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
    _add_library(ctx.libraries, _library(code), replace=bool(options))


def _delete(ctx: Context, argv: Argv) -> None:
    if len(argv) != 3:
        raise CannotFollow("arity", "wrong number of arguments for 'function|delete'")
    if ctx.libraries.pop(argv[2], None) is None:
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
    target = target_of(ctx.flavour)
    try:
        parts = split_payload(argv[2])
        if not parts.checksum_ok or not target.restores_version(parts.version):
            raise CommandRefused("ERR payload version or checksum are wrong")
        codes = decode_functions(argv[2])
    except AoftoolError:
        raise CommandRefused("ERR failed loading functions payload") from None
    libraries = {} if policy == b"FLUSH" else dict(ctx.libraries)
    for code in codes:
        _add_library(libraries, _library(code), replace=policy == b"REPLACE")
    ctx.libraries = libraries


@TABLE.command(b"SCRIPT", -2)
def apply_script(ctx: Context, argv: Argv) -> None:
    word = argv[1].upper()
    if word == b"LOAD" and len(argv) == 3:
        ctx.scripts.add(hashlib.sha1(argv[2], usedforsecurity=False).hexdigest().encode())
    elif word == b"FLUSH":
        if len(argv) > 3 or (len(argv) == 3 and argv[2].upper() not in (b"SYNC", b"ASYNC")):
            raise CommandRefused(SYNTAX)
        ctx.scripts.clear()
    elif word not in _SCRIPT_READ_ONLY and ctx.flavour.strict_subcommands:
        raise CannotFollow("unknown", "unknown subcommand of SCRIPT")

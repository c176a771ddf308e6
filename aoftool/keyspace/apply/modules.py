"""Commands of modules, for a replay in which their values are not looked at.

Knows which keys are there afterwards, and for how long; what their values are only the module knows, so
something stands for each (`aoftool.values.stand_in`). The modules of Redis Stack were measured on 7.4.1:
no command of theirs removes a key but JSON.DEL of the root, and none changes its expire time but
TDIGEST.MERGE. For other modules a command that takes something out may take out the key, so the replay
ends there.
"""

from __future__ import annotations

from aoftool.commands.forms import unknown_words
from aoftool.commands.keys import find_keys
from aoftool.commands.modules import ModuleCommand, module_command, module_names, module_of
from aoftool.commands.table import lookup
from aoftool.keyspace.apply.keydb import TABLE as KEYDB
from aoftool.keyspace.context import Argv, CannotFollow, Context
from aoftool.keyspace.refusal import SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import Apply, Command, CommandTable
from aoftool.resp.encode import encoded_size
from aoftool.values import ModuleValue
from aoftool.values.stand_in import stand_in

__all__ = ["IN_PLACE", "STAND_INS"]

# By the beginning of a command's name: the name of the type whose values it makes.
_TYPES = {
    b"JSON.": "ReJSON-RL",
    b"TS.": "TSDB-TYPE",
    b"BF.": "MBbloom--",
    b"CF.": "MBbloomCF",
    b"CMS.": "CMSk-TYPE",
    b"TOPK.": "TopK-TYPE",
    b"TDIGEST.": "TDIS-TYPE",
    b"FT.SUG": "trietype0",
    b"GRAPH.": "graphdata",
}
# Of the modules that were measured: what makes a key where there is none.
_MAKERS = frozenset(
    b"JSON.SET JSON.MSET JSON.MERGE TS.ADD TS.CREATE TS.INCRBY TS.DECRBY BF.ADD BF.INSERT BF.LOAD"
    b" BF.LOADCHUNK BF.MADD BF.RESERVE CF.ADD CF.ADDNX CF.INSERT CF.INSERTNX CF.LOADCHUNK CF.RESERVE"
    b" CMS.INITBYDIM CMS.INITBYPROB TOPK.RESERVE TDIGEST.CREATE TDIGEST.MERGE FT.SUGADD".split()
)
_ROOTS = frozenset((b"$", b"."))
_REMOVERS = (b"DEL", b"REM", b"EXPIRE", b"CAD", b"STORE")
# What a path of JSON needs to name more than one place, so that one text is written many times.
_MANY_PLACES = (b"*", b"..", b"?", b":", b",")
# These work on documents that are keys of another type, or on values of the server's own types.
_UNKNOWN = frozenset((b"FT.ADD", b"FT.SAFEADD"))
_OF_SERVERS = frozenset(("KeyDB",))


def _type_of(name: bytes, module: str) -> str:
    return next((kind for start, kind in _TYPES.items() if name.startswith(start)), module)


def _apply(ctx: Context, argv: Argv) -> None:
    """Let something stand for what a command made of its keys."""
    name = argv[0].upper()
    found = module_command(name)
    assert found is not None
    written = _written(ctx, found, argv)
    if name in (b"JSON.DEL", b"JSON.FORGET") and (len(argv) < 3 or argv[2] in _ROOTS):
        for key in written:
            ctx.db.delete(key)
        return
    values = ctx.db.values
    if any(key in values and not isinstance(values[key], ModuleValue) for key in written):
        raise CommandRefused(WRONG_TYPE)
    makes = name in _MAKERS or not found.is_measured
    # Once for the command: it may name thousands of keys, and each is made of the same.
    made_of = stand_in("", None, [*argv, *_sources(ctx, argv)]).raw
    for key, before in [(key, values.get(key)) for key in written]:
        if before is None and not makes:
            continue
        size, is_within = _size_of(name, argv, key, len(written))
        values[key] = stand_in(
            _type_of(name, found.module), before, [made_of, key], size_bytes=size, is_within=is_within
        )
        if name == b"TDIGEST.MERGE":
            ctx.db.expires.pop(key, None)
        ctx.db.changed.append(key)


def _size_of(name: bytes, argv: Argv, key: bytes, count: int) -> tuple[int, bool]:
    """Return what a command says of one of its keys in bytes, and whether the key grows by no more.

    A document of JSON is kept as a text; all other modules make of a command what they like.
    """
    size = encoded_size(map(len, argv))
    if name == b"JSON.MSET":
        rows = [argv[at : at + 3] for at in range(1, len(argv), 3) if argv[at] == key]
        size = sum(encoded_size((len(name), *map(len, row))) for row in rows)
        return size, all(_is_one_place(path) for _, path, *_ in filter(lambda row: len(row) > 1, rows))
    return -(-size // count) if count else size, name.startswith(b"JSON.") and _is_one_place(
        argv[2] if len(argv) > 2 else b""
    )


def _is_one_place(path: bytes) -> bool:
    return not any(sign in path for sign in _MANY_PLACES)


def _sources(ctx: Context, argv: Argv) -> list[bytes]:
    """Return what stands at the keys that a command names, for its result depends on all of them."""
    spec = lookup(argv[0])
    keys = () if spec is None else (argv[at] for at in spec.keys(argv))
    held = (ctx.db.values.get(key) for key in keys)
    return [value.raw for value in held if isinstance(value, ModuleValue)]


def _written(ctx: Context, found: ModuleCommand, argv: Argv) -> list[bytes]:
    """Return the keys that a command writes: all but the sources that it only reads.

    What is added to a time series also reaches those that a rule has it summed up in.
    """
    name = argv[0].upper()
    rules = [rule for rule in found.key_rules if rule.access == "RW"]
    written = dict.fromkeys(argv[at] for at in find_keys(name, rules, argv))
    if name == b"TS.CREATERULE" and len(argv) > 2:
        ctx.compactions.add((ctx.index, argv[1]), (ctx.index, argv[2]))
    elif name == b"TS.DELETERULE" and len(argv) > 2:
        ctx.compactions.drop((ctx.index, argv[1]), (ctx.index, argv[2]))
    if found.module == "RedisTimeSeries":
        reached = [ctx.compactions.of((ctx.index, key)) for key in written]
        written.update((key, None) for places in reached for _, key in places if key in ctx.db.values)
    return list(written)


def _stays(ctx: Context, argv: Argv) -> None:
    """Leave every key as it is; an index that goes with its documents takes unknown keys along."""
    if len(argv) > 2 and b"DROPINDEX" in argv[0].upper():
        raise CannotFollow("opaque", "the documents of the index go too, and nothing says which")


def _not_followed(ctx: Context, argv: Argv) -> None:
    raise CannotFollow("module", f"only {module_of(argv[0])} knows which keys are left")


def _handler(name: bytes, found: ModuleCommand) -> Apply:
    if found.effect == "stays":
        return _stays
    removes = not found.is_measured and any(word in name for word in _REMOVERS)
    if found.effect == "opaque" or name in _UNKNOWN or found.module in _OF_SERVERS or removes:
        return _not_followed
    return _apply


def _table() -> dict[bytes, Command]:
    table = CommandTable()
    for name in module_names():
        found = module_command(name)
        assert found is not None
        if found.is_write and found.effect != "none":
            table.command(name, -1)(_handler(name, found))
    others = (command for command in KEYDB if command.name != b"PERSIST")
    return {command.name: command for command in (*table, *others)}


STAND_INS = _table()
"""Commands that modules have, by name, for a replay that does not look at their values."""


def _vector(ctx: Context, argv: Argv) -> None:
    """Let something stand for a vector set; not for VREM, which may take the last element out."""
    key, makes = argv[1], argv[0].upper() == b"VADD"
    before = ctx.db.values.get(key)
    if before is not None and not isinstance(before, ModuleValue):
        raise CommandRefused(WRONG_TYPE)
    if unknown_words(argv):
        raise CommandRefused(SYNTAX)
    if before is not None or makes:
        size = encoded_size(map(len, argv))
        ctx.db.values[key] = stand_in("vectorset", before, list(argv), size_bytes=size)
        ctx.db.changed.append(key)


def _in_place() -> dict[bytes, Command]:
    table = CommandTable()
    for name in (b"VADD", b"VSETATTR"):
        table.command(name, -1)(_vector)
    persist = next(command for command in KEYDB if command.name == b"PERSIST")
    return {command.name: command for command in (*table, persist)}


IN_PLACE = _in_place()
"""Commands, by name, in place of those that a server has: of vector sets, and PERSIST as KeyDB has it."""

"""HyperLogLog commands. PFCOUNT of one key writes too: it renews the cached count in the value."""

from __future__ import annotations

from aoftool.escape import excerpt
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.hll import (
    CorruptHllError,
    add_element,
    invalidate_cache,
    is_dense,
    is_hll,
    merge_registers,
    new_hll,
    set_register,
    to_dense,
    write_count,
)
from aoftool.keyspace.refusal import CommandRefused
from aoftool.keyspace.registry import CommandTable

__all__ = ["TABLE"]

TABLE = CommandTable()

_NOT_HLL = "WRONGTYPE Key is not a valid HyperLogLog string value."
_CORRUPT = "INVALIDOBJ Corrupted HLL object detected"
_NO_KEY = "ERR The specified key does not exist"
_REGISTERS = 1 << 14
# What a PFMERGE costs, and each of its sources, in steps (`Context.spend`); measured on CPython 3.11.
_MERGE_STEPS, _SOURCE_STEPS = 45_000, 12_000


def _hll(ctx: Context, key: bytes) -> bytes | bytearray | None:
    value = ctx.string(key)
    if value is not None and not is_hll(value):
        raise CommandRefused(_NOT_HLL)
    return value


def _buffer(ctx: Context, key: bytes, value: bytes | bytearray | None) -> bytearray:
    """Return the value as a buffer that is stored at the key."""
    if type(value) is not bytearray:
        value = ctx.db.values[key] = new_hll() if value is None else ctx.buffer(value, 0)
    return value


@TABLE.command(b"PFADD", -2)
def apply_pfadd(ctx: Context, argv: Argv) -> None:
    key = argv[1]
    old = _hll(ctx, key)
    value = _buffer(ctx, key, old)
    changed = old is None
    try:
        for element in argv[2:]:
            changed |= add_element(value, element, spare_runs=ctx.flavour.hll_spare_runs)
    except CorruptHllError:
        # As on the server, elements before the damage was met stay added.
        raise CommandRefused(_CORRUPT) from None
    if changed:
        invalidate_cache(value)
        ctx.db.changed.append(key)


@TABLE.command(b"PFCOUNT", -2)
def apply_pfcount(ctx: Context, argv: Argv) -> None:
    if len(argv) != 2:
        return
    value = _hll(ctx, argv[1])
    if value is None:
        return
    buffer = _buffer(ctx, argv[1], value)
    try:
        if write_count(buffer):
            ctx.db.changed.append(argv[1])
    except CorruptHllError:
        raise CommandRefused(_CORRUPT) from None


@TABLE.command(b"PFMERGE", -2)
def apply_pfmerge(ctx: Context, argv: Argv) -> None:
    ctx.spend(_MERGE_STEPS + _SOURCE_STEPS * len(argv))
    union = bytearray(_REGISTERS)
    spare_runs = ctx.flavour.hll_spare_runs
    dense = False
    for key in argv[1:]:
        value = _hll(ctx, key)
        if value is None:
            continue
        dense |= is_dense(value)
        try:
            merge_registers(union, value, spare_runs=spare_runs)
        except CorruptHllError:
            raise CommandRefused(_CORRUPT) from None
    target = _buffer(ctx, argv[1], _hll(ctx, argv[1]))
    if dense:
        to_dense(target, spare_runs=spare_runs)
    for index, count in enumerate(union):
        if count:
            set_register(target, index, count, spare_runs=spare_runs)
    invalidate_cache(target)
    ctx.make(target)
    ctx.db.changed.append(argv[1])


@TABLE.command(b"PFDEBUG", -3)
def apply_pfdebug(ctx: Context, argv: Argv) -> None:
    word = argv[1].upper()
    value = _hll(ctx, argv[2])
    if value is None:
        raise CommandRefused(_NO_KEY)
    if word == b"DECODE" and is_dense(value):
        raise CommandRefused("ERR HLL encoding is not sparse")
    if word == b"SIMD" or word == b"ENCODING" or word == b"DECODE":
        return
    if word not in (b"TODENSE", b"GETREG"):
        raise CommandRefused(f"ERR Unknown PFDEBUG subcommand '{excerpt(word)}'")
    buffer = _buffer(ctx, argv[2], value)
    if is_dense(buffer):
        return
    try:
        to_dense(buffer, spare_runs=ctx.flavour.hll_spare_runs)
    except CorruptHllError:
        raise CommandRefused(_CORRUPT) from None
    ctx.make(buffer)
    ctx.db.changed.append(argv[2])

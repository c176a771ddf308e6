"""Strings as arrays of bits: SETBIT, BITFIELD, BITOP.

Bit 0 is the highest bit of the first byte.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce

from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import INT64_MAX, parse_int
from aoftool.keyspace.refusal import SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.namedtuple import NamedTuple

__all__ = ["TABLE"]

TABLE = CommandTable()

_BAD_OFFSET = "ERR bit offset is not an integer or out of range"
_BAD_BIT = "ERR bit is not an integer or out of range"
_BAD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
# Of a BITOP, done at once; as a number it takes several times its bytes.
_PIECE_BYTES = 1 << 16
# Of a source, in the time of a step (`Context.spend`); measured on CPython 3.11.
_STEP_BYTES = 256
_UNSIGNED_64 = (1 << 64) - 1


def _bit_offset(text: bytes, width: int = 0) -> int:
    """Read an offset in bits; with a width, `#n` means n times the width."""
    hashed = width > 0 and text[:1] == b"#"
    offset = parse_int(text[1:] if hashed else text, _BAD_OFFSET)
    if offset < 0:
        raise CommandRefused(_BAD_OFFSET)
    return offset * width if hashed else offset


def _buffer(ctx: Context, key: bytes, size_bytes: int) -> bytearray:
    """Return the string at a key as a buffer that is at least that long, and store it."""
    value = ctx.string(key)
    ctx.check_length(size_bytes)
    buffer = ctx.db.values[key] = ctx.buffer(value, size_bytes)
    return buffer


@TABLE.command(b"SETBIT", 4)
def apply_setbit(ctx: Context, argv: Argv) -> None:
    offset = _bit_offset(argv[2])
    bit = parse_int(argv[3], _BAD_BIT)
    if bit not in (0, 1):
        raise CommandRefused(_BAD_BIT)
    at = offset >> 3
    buffer = _buffer(ctx, argv[1], at + 1)
    mask = 0x80 >> (offset & 7)
    buffer[at] = buffer[at] | mask if bit else buffer[at] & ~mask
    ctx.db.changed.append(argv[1])


class _FieldType(NamedTuple):
    """A BITFIELD integer type."""

    signed: bool
    width: int

    @property
    def least(self) -> int:
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def most(self) -> int:
        return (1 << (self.width - 1)) - 1 if self.signed else (1 << self.width) - 1

    def wrap(self, number: int) -> int:
        number &= (1 << self.width) - 1
        return number - (1 << self.width) if self.signed and number > self.most else number

    def load(self, buffer: bytearray, offset: int) -> int:
        first, last = offset >> 3, (offset + self.width + 7) >> 3
        chunk = int.from_bytes(buffer[first:last], "big")
        return self.wrap(chunk >> (last * 8 - offset - self.width))

    def store(self, buffer: bytearray, offset: int, number: int) -> None:
        first, last = offset >> 3, (offset + self.width + 7) >> 3
        shift = last * 8 - offset - self.width
        mask = ((1 << self.width) - 1) << shift
        chunk = int.from_bytes(buffer[first:last], "big") & ~mask
        chunk |= (number << shift) & mask
        buffer[first:last] = chunk.to_bytes(last - first, "big")


class _FieldWrite(NamedTuple):
    """A SET or INCRBY of a BITFIELD command."""

    adds: bool
    kind: _FieldType
    offset: int
    amount: int
    overflow: bytes


def _field_type(text: bytes) -> _FieldType:
    signed = text[:1] == b"i"
    if not signed and text[:1] != b"u":
        raise CommandRefused(_BAD_TYPE)
    width = parse_int(text[1:], _BAD_TYPE)
    if not 1 <= width <= (64 if signed else 63):
        raise CommandRefused(_BAD_TYPE)
    return _FieldType(signed, width)


def _field_writes(argv: Argv) -> list[_FieldWrite]:
    """Read the operations of a BITFIELD; those that only read are checked and left out.

    Source: Redis 7.0 src/bitops.c bitfieldGeneric
    """
    writes = []
    overflow = b"WRAP"
    at = 2
    while at < len(argv):
        word, left = argv[at].upper(), len(argv) - at - 1
        if word == b"OVERFLOW" and left >= 1:
            overflow = argv[at + 1].upper()
            if overflow not in (b"WRAP", b"SAT", b"FAIL"):
                raise CommandRefused("ERR Invalid OVERFLOW type specified")
            at += 2
            continue
        takes = {b"GET": 2, b"SET": 3, b"INCRBY": 3}.get(word)
        if takes is None or left < takes:
            raise CommandRefused(SYNTAX)
        kind = _field_type(argv[at + 1])
        offset = _bit_offset(argv[at + 2], kind.width)
        if takes == 3:
            amount = parse_int(argv[at + 3])
            writes.append(_FieldWrite(word == b"INCRBY", kind, offset, amount, overflow))
        at += takes + 1
    return writes


def _is_over(write: _FieldWrite, number: int) -> bool:
    """Tell whether a number that does not fit saturates to the top.

    For a SET of the least numbers the server's distance to the top overflows, and so does it.
    Source: Redis 7.0 src/bitops.c checkSignedBitfieldOverflow
    """
    most = write.kind.most
    wraps = not write.adds and write.kind.width < 64 and most - number > INT64_MAX
    return number > most or wraps


def _run_field_write(buffer: bytearray, write: _FieldWrite) -> None:
    kind = write.kind
    number = write.amount
    if write.adds:
        number += kind.load(buffer, write.offset)
    elif not kind.signed:
        # The server keeps the argument as an unsigned 64-bit number: -1 saturates to the top.
        number &= _UNSIGNED_64
    if not kind.least <= number <= kind.most:
        if write.overflow == b"FAIL":
            return
        if write.overflow == b"SAT":
            number = kind.most if _is_over(write, number) else kind.least
    kind.store(buffer, write.offset, number)


@TABLE.command(b"BITFIELD", -2)
def apply_bitfield(ctx: Context, argv: Argv) -> None:
    writes = _field_writes(argv)
    if not writes:
        ctx.string(argv[1])
        return
    highest = max(write.offset + write.kind.width - 1 for write in writes)
    buffer = _buffer(ctx, argv[1], (highest >> 3) + 1)
    for write in writes:
        _run_field_write(buffer, write)
    ctx.db.changed.append(argv[1])


_OPERATIONS: dict[bytes, Callable[[int, int], int]] = {
    b"AND": operator.and_,
    b"OR": operator.or_,
    b"XOR": operator.xor,
}


def _exactly_one(numbers: list[int]) -> int:
    """Return the bits that are set in one number only."""
    one = several = 0
    for number in numbers:
        several |= one & number
        one ^= number
        one &= ~several
    return one


# Against the first number stand all others together. Source: Redis 8.2 src/bitops.c bitopCommand
_AGAINST_FIRST: dict[bytes, Callable[[int, int], int]] = {
    b"DIFF": lambda first, others: first & ~others,
    b"DIFF1": lambda first, others: ~first & others,
    b"ANDOR": operator.and_,
}
_SINCE_82 = frozenset({*_AGAINST_FIRST, b"ONE"})


def _check_bitop(ctx: Context, word: bytes, sources: int) -> None:
    if word not in (b"NOT", *_OPERATIONS) and not (word in _SINCE_82 and ctx.flavour.has((8, 2), None)):
        raise CommandRefused(SYNTAX)
    if word == b"NOT" and sources != 1:
        raise CommandRefused("ERR BITOP NOT must be called with a single source key.")
    if word in _AGAINST_FIRST and sources < 2:
        raise CommandRefused(f"ERR BITOP {word.decode()} must be called with at least two source keys.")


@TABLE.command(b"BITOP", -4)
def apply_bitop(ctx: Context, argv: Argv) -> None:
    word = argv[1].upper()
    _check_bitop(ctx, word, len(argv) - 3)
    sources = [ctx.string(key) or b"" for key in argv[3:]]
    size = max(map(len, sources))
    if not size:
        ctx.db.delete(argv[2])
        return
    ctx.spend(size * len(sources) // _STEP_BYTES)
    ctx.make_room(size)
    result = bytearray()
    for at in range(0, size, _PIECE_BYTES):
        result += _combined(word, sources, at, min(size - at, _PIECE_BYTES))
    ctx.db.put(argv[2], result)


def _combined(word: bytes, sources: list[bytes | bytearray], at: int, size: int) -> bytes:
    """Combine a piece of each source; shorter ones count as padded with zero bytes at the end."""
    pieces = [source[at : at + size] for source in sources]
    numbers = [int.from_bytes(piece, "big") << (8 * (size - len(piece))) for piece in pieces]
    if word == b"NOT":
        result = numbers[0] ^ ((1 << (8 * size)) - 1)
    elif word == b"ONE":
        result = _exactly_one(numbers)
    elif word in _AGAINST_FIRST:
        result = _AGAINST_FIRST[word](numbers[0], reduce(operator.or_, numbers[1:]))
    else:
        result = reduce(_OPERATIONS[word], numbers)
    return result.to_bytes(size, "big")

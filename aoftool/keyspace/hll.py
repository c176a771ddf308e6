"""HyperLogLog strings, byte for byte as the servers keep them.

A value is a 16-byte header (magic, encoding, cached cardinality) and 16384 registers, either dense
(6 bits each) or sparse (runs). Which sparse runs stand there depends on the order of the additions,
so they are edited as the servers edit them. Knows no command and no database.

`spare_runs` stands for Redis 6.2, which stops reading where a run of values passes the last register, and
takes what it has for whole when that is all of them; later servers call such a value damaged, as 6.2 itself
does when it counts.

Source: Redis 7.0 src/hyperloglog.c; the bytes agree on 6.2.5 to 9.1.2. Spare runs: measured on these, and
Redis 6.2.5 src/hyperloglog.c hllSparseToDense, hllMerge
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from aoftool.keyspace._hll_native import add_elements, find_run, hash_element

__all__ = [
    "DENSE_SIZE",
    "REGISTERS",
    "CorruptHllError",
    "add_element",
    "add_elements",
    "count_registers",
    "invalidate_cache",
    "is_dense",
    "is_hll",
    "merge_registers",
    "new_hll",
    "set_register",
    "to_dense",
    "write_count",
]

REGISTERS = 1 << 14
"""How many there are, 1.04 / sqrt of which is the standard error of a count."""
_HEADER = 16
_SPARSE = 1
_Q = 50
_MAX_SPARSE_VALUE = 32
_MAX_RUN = 4
_MAX_ZERO_RUN = 64
# hll-sparse-max-bytes as every release ships it.
_SPARSE_MAX_BYTES = 3000
DENSE_SIZE = _HEADER + REGISTERS * 6 // 8
_ALPHA_INF = 0.721347520444481703680


class CorruptHllError(Exception):
    """The sparse runs do not add up to 16384 registers."""


def new_hll() -> bytearray:
    """Return an empty value: one run of 16384 zeros."""
    return bytearray(b"HYLL\x01" + bytes(11) + b"\x7f\xff")


def is_hll(value: bytes | bytearray) -> bool:
    """Tell whether the servers take a string for a HyperLogLog."""
    if len(value) < _HEADER or value[:4] != b"HYLL" or value[4] > _SPARSE:
        return False
    return value[4] == _SPARSE or len(value) == DENSE_SIZE


def is_dense(value: bytes | bytearray) -> bool:
    """Tell whether a HyperLogLog has the dense encoding."""
    return value[4] != _SPARSE


def invalidate_cache(value: bytearray) -> None:
    """Mark the cached cardinality as out of date."""
    value[15] |= 0x80


def add_element(value: bytearray, element: bytes, *, spare_runs: bool = False) -> bool:
    """Add one element; tell whether a register changed.

    Raises:
        CorruptHllError: the sparse runs are damaged; the value may have changed before.
    """
    h = hash_element(element)
    rest = (h >> 14) | (1 << _Q)
    return set_register(value, h & (REGISTERS - 1), (rest & -rest).bit_length(), spare_runs=spare_runs)


def set_register(value: bytearray, index: int, count: int, *, spare_runs: bool = False) -> bool:
    """Raise a register to a count; tell whether that changed it."""
    if is_dense(value):
        return _dense_set(value, index, count)
    return _sparse_set(value, index, count, spare_runs)


def _dense_set(value: bytearray, index: int, count: int) -> bool:
    at, shift = _HEADER + index * 6 // 8, index * 6 & 7
    low = value[at]
    high = value[at + 1] if at + 1 < DENSE_SIZE else 0
    word = low | high << 8
    if (word >> shift) & 63 >= count:
        return False
    word = word & ~(63 << shift) | count << shift
    value[at] = word & 255
    if at + 1 < DENSE_SIZE:
        value[at + 1] = word >> 8 & 255
    return True


def _runs(value: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Yield (register value, length) of the sparse runs."""
    at, end = _HEADER, len(value)
    while at < end:
        opcode = value[at]
        if opcode & 0x80:
            yield (opcode >> 2 & 0x1F) + 1, (opcode & 3) + 1
        elif opcode & 0x40:
            at += 1
            yield 0, ((opcode & 0x3F) << 8 | (value[at] if at < end else 0)) + 1
        else:
            yield 0, (opcode & 0x3F) + 1
        at += 1


def _registers(value: bytes | bytearray, spare_runs: bool = False) -> bytearray:
    """Return one byte for each register.

    Raises:
        CorruptHllError: sparse runs that do not add up.
    """
    if is_dense(value):
        packed = int.from_bytes(value[_HEADER:], "little")
        return bytearray(_unpack(packed))
    registers = bytearray()
    for number, length in _runs(value):
        if len(registers) + length > REGISTERS:
            if spare_runs and number and len(registers) == REGISTERS:
                break
            raise CorruptHllError
        registers += bytes((number,)) * length
    if len(registers) != REGISTERS:
        raise CorruptHllError
    return registers


def _unpack(packed: int) -> Iterator[int]:
    raw = packed.to_bytes(DENSE_SIZE - _HEADER, "little")
    for at in range(0, len(raw), 3):
        word = raw[at] | raw[at + 1] << 8 | raw[at + 2] << 16
        yield word & 63
        yield word >> 6 & 63
        yield word >> 12 & 63
        yield word >> 18


def to_dense(value: bytearray, *, spare_runs: bool = False) -> None:
    """Give the value the dense encoding, the cached cardinality kept.

    Raises:
        CorruptHllError: and the value is as before.
    """
    if is_dense(value):
        return
    registers = _registers(value, spare_runs)
    packed = bytearray()
    for at in range(0, REGISTERS, 4):
        a, b, c, d = registers[at : at + 4]
        packed += (a | b << 6 | c << 12 | d << 18).to_bytes(3, "little")
    value[_HEADER:] = packed
    value[4] = 0


def _zero_run(length: int) -> bytes:
    if length > _MAX_ZERO_RUN:
        return bytes((0x40 | (length - 1) >> 8, (length - 1) & 255))
    return bytes((length - 1,)) if length else b""


def _value_run(number: int, length: int) -> bytes:
    return bytes((0x80 | (number - 1) << 2 | (length - 1),)) if length else b""


def _sparse_set(value: bytearray, index: int, count: int, spare_runs: bool) -> bool:
    if count > _MAX_SPARSE_VALUE:
        return _promote(value, index, count, spare_runs)
    at, previous, first, span = find_run(value, _HEADER, index)
    if at < 0:
        raise CorruptHllError
    opcode = value[at]
    before, after = index - first, first + span - 1 - index
    if opcode & 0x80:
        current = (opcode >> 2 & 0x1F) + 1
        if current >= count:
            return False
        pieces = _value_run(current, before) + _value_run(count, 1) + _value_run(current, after)
    else:
        pieces = _zero_run(before) + _value_run(count, 1) + _zero_run(after)
    old_size = 2 if opcode & 0xC0 == 0x40 else 1
    grown = len(pieces) - old_size
    if grown > 0 and len(value) + grown > _SPARSE_MAX_BYTES:
        return _promote(value, index, count, spare_runs)
    size = len(value) + grown
    value[at : at + old_size] = pieces
    # A damaged value may end within a run of two bytes; the server then cuts the new ones short.
    del value[size:]
    _merge_runs(value, previous)
    invalidate_cache(value)
    return True


def _merge_runs(value: bytearray, at: int) -> None:
    """Join equal neighbours, looking at five runs from here on as the servers do."""
    for _ in range(5):
        if at >= len(value):
            return
        opcode = value[at]
        if not opcode & 0x80:
            at += 2 if opcode & 0x40 else 1
            continue
        if at + 1 < len(value):
            follower = value[at + 1]
            length = (opcode & 3) + (follower & 3) + 2
            if follower & 0x80 and not (opcode ^ follower) & 0x7C and length <= _MAX_RUN:
                value[at : at + 2] = bytes((opcode & 0xFC | length - 1,))
                continue
        at += 1


def _promote(value: bytearray, index: int, count: int, spare_runs: bool) -> bool:
    to_dense(value, spare_runs=spare_runs)
    return _dense_set(value, index, count)


def merge_registers(into: bytearray, value: bytes | bytearray, *, spare_runs: bool = False) -> None:
    """Raise each of 16384 one-byte registers to that of a HyperLogLog.

    Raises:
        CorruptHllError: and `into` is as before.
    """
    into[:] = bytes(map(max, into, _registers(value, spare_runs)))


def write_count(value: bytearray) -> bool:
    """Bring the cached cardinality up to date, as PFCOUNT does; tell whether it was not."""
    if not value[15] & 0x80:
        return False
    value[8:16] = count_registers(_registers(value)).to_bytes(8, "little")
    return True


def count_registers(registers: bytearray) -> int:
    """Estimate how many elements were added, after Ertl (arXiv:1702.01284)."""
    m = float(REGISTERS)
    histogram = [registers.count(number) for number in range(64)]
    z = m * _tau((m - histogram[_Q + 1]) / m)
    for number in range(_Q, 0, -1):
        z = (z + histogram[number]) * 0.5
    z += m * _sigma(histogram[0] / m)
    if z == 0:
        # llroundl of infinity, as x86 gives it.
        return 1 << 63
    estimate = _ALPHA_INF * m * m / z
    whole = math.floor(estimate)
    return whole + (estimate - whole >= 0.5)


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before = z
        z += x * y
        y += y
        if before == z:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1.0 - x
    while True:
        x = math.sqrt(x)
        before = z
        y *= 0.5
        z -= (1.0 - x) ** 2 * y
        if before == z:
            return z / 3

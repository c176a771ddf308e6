"""Where a few damaged bytes stand, told by a checksum.

A CRC is linear: stored and computed checksum differ by the checksum of the damage alone, wherever
that is. Running the register backwards over the file gives, at each place, what the damage would have
to be if it stood there; only at the true place does that fit into a few bytes. A CRC64 decides this
for up to three bytes in 64 MiB, two in 16 GiB and one in 4 TiB with less than one chance in 16,384 to be
wrong, so those bytes can be put right without knowing anything of the data. Longer damage, or two damaged
places, give no answer.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from aoftool.dataclass import dataclass

__all__ = ["MAX_DAMAGE_BYTES", "Damaged", "locate"]

MAX_DAMAGE_BYTES = 3
# Source: Valkey 9.1 src/crc64.c: the reflected polynomial of CRC-64/Jones.
_POLYNOMIAL = 0x95AC9329AC4BC9B5
_LOW = (1 << 64) - 1


@dataclass(frozen=True)
class Damaged:
    """Bytes to exclusive-or into the data from an offset on."""

    offset: int
    mask: bytes


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_FORWARD = _table()
# The top byte of a table entry names it: that is what makes a step reversible.
_BY_TOP = {value >> 56: byte for byte, value in enumerate(_FORWARD)}
_BACKWARD = [(_BY_TOP[top], (_FORWARD[_BY_TOP[top]] << 8) & _LOW) for top in range(256)]
_UNDO = [(shifted | byte) & _LOW for byte, shifted in _BACKWARD]
_UNDO_TABLE = np.array(_UNDO, np.uint64)
# Places that are stepped back from at once, and how far each goes; both fit a processor's cache.
_LANES, _STRIDE = 1 << 15, 1 << 10
# 64 bits, less the 14 that chance is kept below.
_SURE_BITS = 50


def locate(stored: int, computed: int, length: int) -> Damaged | None:
    """Return the only short damage that explains two different checksums; some 100 MB/s.

    Args:
        stored, computed: the checksums.
        length: bytes the checksum covers.

    Returns:
        Its place from the start of those bytes; the place may lie in the eight bytes of the stored
        checksum itself (`offset >= length`). None when no damage of up to `MAX_DAMAGE_BYTES` bytes
        explains the difference; of fewer bytes where so much is covered that chance could explain it.
    """
    difference = stored ^ computed
    own = _in_checksum(difference)
    if own is not None:
        return Damaged(length + own[0], own[1])
    width = _bytes_told(length)
    found = _fitting(difference, length, 1 << (8 * width)) if width else None
    if found is None:
        return None
    distance, register = found
    return Damaged(length - distance, register.to_bytes(8, "little")[:width].rstrip(b"\0"))


def _bytes_told(length: int) -> int:
    """Return how many damaged bytes a checksum over so much can tell, chance being below one in 16,384."""
    return min(MAX_DAMAGE_BYTES, max(0, (_SURE_BITS - (length - 1).bit_length()) // 8))


def _fitting(register: int, length: int, limit: int) -> tuple[int, int] | None:
    """Return the smallest number of steps back, up to `length`, after which the register is below a limit.

    Many places are stepped back from at once, a stride apart.
    """
    for start in range(0, length, _LANES * _STRIDE):
        lanes = min(_LANES, -(-(length - start) // _STRIDE))
        registers, register = _spread(register, lanes)
        best = None
        for step in range(1, _STRIDE + 1):
            registers = (registers << np.uint64(8)) ^ _UNDO_TABLE[registers >> np.uint64(56)]
            if registers.min() < limit:
                lane = int(np.argmax(registers < limit))
                distance = start + lane * _STRIDE + step
                register_there = int(registers[lane])
                inside = register_there.bit_length() <= 8 * distance <= 8 * length
                if inside and (best is None or distance < best[0]):
                    best = distance, register_there
        if best is not None:
            return best
    return None


def _spread(register: int, lanes: int) -> tuple[NDArray[np.uint64], int]:
    """Return the register at every stride back from a place, and at the one behind the last."""
    found = np.empty(lanes, np.uint64)
    for lane in range(lanes):
        found[lane] = register
        register = _stride_back(register)
    return found, register


def _stride_back(register: int) -> int:
    """Return the register a stride of bytes earlier, all of them zero."""
    tables = _stride_tables()
    result = 0
    for at in range(8):
        result ^= tables[at][(register >> (8 * at)) & 0xFF]
    return result


@cache
def _stride_tables() -> list[list[int]]:
    """Return what each value of each byte of a register becomes a stride earlier: steps back are linear."""
    of_bit = []
    for bit in range(64):
        register = 1 << bit
        for _ in range(_STRIDE):
            register = ((register << 8) & _LOW) ^ _UNDO[register >> 56]
        of_bit.append(register)
    tables = []
    for at in range(8):
        table = [0] * 256
        for value in range(1, 256):
            low = value & -value
            table[value] = table[value ^ low] ^ of_bit[8 * at + low.bit_length() - 1]
        tables.append(table)
    return tables


def _in_checksum(difference: int) -> tuple[int, bytes] | None:
    """Return the damaged bytes of the checksum itself when only a few of its bytes differ."""
    mask = difference.to_bytes(8, "little")
    first = next(at for at, byte in enumerate(mask) if byte)
    last = max(at for at, byte in enumerate(mask) if byte)
    if last - first >= MAX_DAMAGE_BYTES:
        return None
    return first, mask[first : last + 1]

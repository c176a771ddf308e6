"""Where a few damaged bytes stand, told by a checksum.

A CRC is linear: stored and computed checksum differ by the checksum of the damage alone, wherever
that is. Running the register backwards over the file gives, at each place, what the damage would have
to be if it stood there; only at the true place does that fit into a few bytes. A CRC64 decides this
with certainty for short damage in files of any real size, so those bytes can be put right without
knowing anything of the data. Longer damage, or two damaged places, give no answer.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def locate(stored: int, computed: int, length: int) -> Damaged | None:
    """Return the only short damage that explains two different checksums.

    Args:
        stored, computed: the checksums.
        length: bytes the checksum covers.

    Returns:
        Its place from the start of those bytes; the place may lie in the eight bytes of the stored
        checksum itself (`offset >= length`). None when no damage of up to `MAX_DAMAGE_BYTES` bytes
        explains the difference.
    """
    difference = stored ^ computed
    own = _in_checksum(difference)
    if own is not None:
        return Damaged(length + own[0], own[1])
    register = difference
    limit = 1 << (8 * MAX_DAMAGE_BYTES)
    undo = _UNDO
    for distance in range(1, length + 1):
        register = ((register << 8) & _LOW) ^ undo[register >> 56]
        if register < limit:
            offset = length - distance
            mask = register.to_bytes(8, "little")[:MAX_DAMAGE_BYTES].rstrip(b"\0")
            if offset + len(mask) <= length:
                return Damaged(offset, mask)
    return None


def _in_checksum(difference: int) -> tuple[int, bytes] | None:
    """Return the damaged bytes of the checksum itself when only a few of its bytes differ."""
    mask = difference.to_bytes(8, "little")
    first = next(at for at, byte in enumerate(mask) if byte)
    last = max(at for at, byte in enumerate(mask) if byte)
    if last - first >= MAX_DAMAGE_BYTES:
        return None
    return first, mask[first : last + 1]

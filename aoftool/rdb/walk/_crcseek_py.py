"""Reference of the search for the end of a checksum; `_crcseek_cy.pyx` is its compiled twin."""

from __future__ import annotations

__all__ = ["IMPLEMENTATION", "zero_at"]

IMPLEMENTATION = "py"

# CRC-64/Jones, reflected. Source: Valkey 9.1 src/crc64.c.
_POLYNOMIAL = 0x95AC9329AC4BC9B5


def _table() -> tuple[int, ...]:
    rows = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


_TABLE = _table()


def zero_at(data: bytes | bytearray | memoryview, state: int, start: int) -> tuple[int, int]:
    """Run the CRC64 over `data[start:]` up to the first byte behind which it is zero.

    A checksum that stands little-endian behind what it covers brings the state to zero: so this finds
    the end of a part without knowing anything of what is in it, and reads every byte once.

    Args:
        state: the CRC64 of all bytes before.

    Returns:
        (index behind that byte, 0), or (-1, the state at the end of the data).
    """
    table = _TABLE
    for at in range(start, len(data)):
        state = table[(state ^ data[at]) & 0xFF] ^ (state >> 8)
        if not state:
            return at + 1, 0
    return -1, state

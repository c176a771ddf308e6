"""The inner loops of HyperLogLogs, readable; `_hll_cy` gives the same answers."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["add_elements", "find_run", "hash_element"]

_REGISTERS = 1 << 14
_INDEX_BITS = 14
_RANK_BITS = 50
_M = 0xC6A4A7935BD1E995
_SEED = 0xADC83B19
_MASK = (1 << 64) - 1


def hash_element(element: bytes) -> int:
    """Return the 64-bit MurmurHash2 of an element, seeded as in the servers."""
    size = len(element)
    h = _SEED ^ (size * _M & _MASK)
    whole = size & ~7
    for at in range(0, whole, 8):
        k = int.from_bytes(element[at : at + 8], "little") * _M & _MASK
        k ^= k >> 47
        h = (h ^ (k * _M & _MASK)) * _M & _MASK
    if size & 7:
        h = (h ^ int.from_bytes(element[whole:], "little")) * _M & _MASK
    h = (h ^ (h >> 47)) * _M & _MASK
    return h ^ (h >> 47)


def add_elements(registers: bytearray, texts: bytes, ends: Sequence[int], homes: Sequence[int]) -> None:
    """Raise registers by many elements; no server does it so, for a home may be told apart.

    Args:
        registers: 16384 of one byte each.
        texts: the elements, one behind the other.
        ends: where each of them ends in `texts`.
        homes: equal elements of different homes count apart; those of home 0 count as `hash_element` says.

    Raises:
        ValueError: columns of different length, other registers, or ends that fall or leave the texts.
    """
    if len(ends) != len(homes) or len(registers) != _REGISTERS:
        raise ValueError("registers and columns that do not fit")
    start = 0
    for end, home in zip(ends, homes, strict=True):
        if not start <= end <= len(texts):
            raise ValueError("an element outside of the texts")
        h = hash_element(bytes(texts[start:end]))
        if home:
            h = (h ^ (int(home) * _M & _MASK)) * _M & _MASK
            h = (h ^ (h >> 47)) * _M & _MASK
            h ^= h >> 47
        rest = (h >> _INDEX_BITS) | (1 << _RANK_BITS)
        index = h & (_REGISTERS - 1)
        registers[index] = max(registers[index], (rest & -rest).bit_length())
        start = end


def find_run(value: bytes | bytearray, start: int, index: int) -> tuple[int, int, int, int]:
    """Find the sparse run that holds a register.

    Args:
        value: a HyperLogLog in the sparse encoding.
        start: where its runs start.
        index: number of the register.

    Returns:
        Position of the run, position of the run before it (of the first run where there is none),
        number of its first register, its length. The position is -1 when the runs end before.
    """
    at = previous = start
    end = len(value)
    first = 0
    while at < end:
        opcode = value[at]
        size = 1
        if opcode & 0x80:
            span = (opcode & 3) + 1
        elif opcode & 0x40:
            span = ((opcode & 0x3F) << 8 | (value[at + 1] if at + 1 < end else 0)) + 1
            size = 2
        else:
            span = opcode + 1
        if index < first + span:
            return at, previous, first, span
        previous = at
        at += size
        first += span
    return -1, previous, first, 0

"""XXH3, the hash that Redis 8.4 and later compares strings by, in 64 and 128 bits and without a seed.

Follows the published description of the algorithm; the servers' own answers are the tests' measure.
Source: xxHash 0.8 doc/xxhash_spec.md, and the digests that DIGEST of Redis 8.6.3 gives
"""

from __future__ import annotations

from struct import Struct

__all__ = ["hash_64", "hash_128"]

_M = (1 << 64) - 1
_32 = (1 << 32) - 1
_P32_1, _P32_2, _P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
_P64_1, _P64_2, _P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P64_4, _P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_MX_1, _MX_2 = 0x165667919E3779F9, 0x9FB21C651E98DF25
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
_STRIPE, _BLOCK = 64, 1024
_WORDS = Struct("<8Q")
_START = (_P32_3, _P64_1, _P64_2, _P64_3, _P64_4, _P32_2, _P64_5, _P32_1)
# Inputs up to these lengths are hashed in their own way each.
_SHORT, _LINE, _MIDDLE = 16, 128, 240


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _key(at: int) -> int:
    return _u64(_SECRET, at)


def _swapped(number: int, size: int) -> int:
    return int.from_bytes(number.to_bytes(size, "little"), "big")


def _rotated(number: int, bits: int, width: int) -> int:
    return (number << bits | number >> (width - bits)) & ((1 << width) - 1)


def _product(left: int, right: int) -> tuple[int, int]:
    """Return the low and the high half of a product."""
    product = left * right
    return product & _M, product >> 64


def _folded(left: int, right: int) -> int:
    low, high = _product(left, right)
    return low ^ high


def _avalanche(number: int) -> int:
    number ^= number >> 37
    number = number * _MX_1 & _M
    return number ^ number >> 32


def _old_avalanche(number: int) -> int:
    number ^= number >> 33
    number = number * _P64_2 & _M
    number ^= number >> 29
    number = number * _P64_3 & _M
    return number ^ number >> 32


def _mix(data: bytes, at: int, key: int) -> int:
    return _folded(_u64(data, at) ^ _key(key), _u64(data, at + 8) ^ _key(key + 8))


# -- 64 bits -----------------------------------------------------------------------------------


def hash_64(data: bytes) -> int:
    """Return the 64-bit hash as an unsigned number."""
    size = len(data)
    if size <= _SHORT:
        return _short_64(data)
    if size <= _MIDDLE:
        return _middle_64(data)
    return _merged(_accumulated(data), 11, size * _P64_1 & _M)


def _one_to_three(data: bytes) -> int:
    size = len(data)
    return data[0] << 16 | data[size >> 1] << 24 | data[-1] | size << 8


def _short_64(data: bytes) -> int:
    size = len(data)
    if not size:
        return _old_avalanche(_key(56) ^ _key(64))
    if size <= 3:
        return _old_avalanche(_one_to_three(data) ^ _u32(_SECRET, 0) ^ _u32(_SECRET, 4))
    if size <= 8:
        number = _u32(data, size - 4) + (_u32(data, 0) << 32) ^ _key(8) ^ _key(16)
        number ^= _rotated(number, 49, 64) ^ _rotated(number, 24, 64)
        number = number * _MX_2 & _M
        number ^= (number >> 35) + size
        number = number * _MX_2 & _M
        return number ^ number >> 28
    low = _u64(data, 0) ^ _key(24) ^ _key(32)
    high = _u64(data, size - 8) ^ _key(40) ^ _key(48)
    return _avalanche(size + _swapped(low, 8) + high + _folded(low, high) & _M)


def _middle_64(data: bytes) -> int:
    size = len(data)
    total = size * _P64_1
    if size <= _LINE:
        for step in reversed(range((size - 1) // 32 + 1)):
            total += _mix(data, 16 * step, 32 * step) + _mix(data, size - 16 * step - 16, 32 * step + 16)
        return _avalanche(total & _M)
    total += sum(_mix(data, 16 * step, 16 * step) for step in range(8))
    total = _avalanche(total & _M)
    total += sum(_mix(data, 16 * step, 16 * (step - 8) + 3) for step in range(8, size // 16))
    return _avalanche(total + _mix(data, size - 16, 119) & _M)


# -- 128 bits ----------------------------------------------------------------------------------


def hash_128(data: bytes) -> tuple[int, int]:
    """Return the low and the high half of the 128-bit hash."""
    size = len(data)
    if size <= _SHORT:
        return _short_128(data)
    if size <= _MIDDLE:
        return _middle_128(data)
    sums = _accumulated(data)
    return _merged(sums, 11, size * _P64_1 & _M), _merged(sums, 117, ~(size * _P64_2) & _M)


def _short_128(data: bytes) -> tuple[int, int]:
    size = len(data)
    if not size:
        return _old_avalanche(_key(64) ^ _key(72)), _old_avalanche(_key(80) ^ _key(88))
    if size <= 3:
        low = _one_to_three(data)
        high = _rotated(_swapped(low, 4), 13, 32)
        low ^= _u32(_SECRET, 0) ^ _u32(_SECRET, 4)
        return _old_avalanche(low), _old_avalanche(high ^ _u32(_SECRET, 8) ^ _u32(_SECRET, 12))
    if size <= 8:
        number = _u32(data, 0) + (_u32(data, size - 4) << 32) ^ _key(16) ^ _key(24)
        low, high = _product(number, _P64_1 + (size << 2) & _M)
        high = high + (low << 1) & _M
        low ^= high >> 3
        low ^= low >> 35
        low = low * _MX_2 & _M
        return low ^ low >> 28, _avalanche(high)
    first, last = _u64(data, 0), _u64(data, size - 8)
    low, high = _product(first ^ last ^ _key(32) ^ _key(40), _P64_1)
    low = low + ((size - 1) << 54) & _M
    last ^= _key(48) ^ _key(56)
    high = high + last + (last & _32) * (_P32_2 - 1) & _M
    low ^= _swapped(high, 8)
    low, carried = _product(low, _P64_2)
    return _avalanche(low), _avalanche(carried + high * _P64_2 & _M)


def _middle_128(data: bytes) -> tuple[int, int]:
    size = len(data)
    low, high = size * _P64_1 & _M, 0

    def mix(at: int, other: int, key: int) -> None:
        nonlocal low, high
        low = (low + _mix(data, at, key) & _M) ^ (_u64(data, other) + _u64(data, other + 8) & _M)
        high = (high + _mix(data, other, key + 16) & _M) ^ (_u64(data, at) + _u64(data, at + 8) & _M)

    if size <= _LINE:
        for step in reversed(range((size - 1) // 32 + 1)):
            mix(16 * step, size - 16 * step - 16, 32 * step)
    else:
        for at in range(0, 128, 32):
            mix(at, at + 16, at)
        low, high = _avalanche(low), _avalanche(high)
        for at in range(128, size - 31, 32):
            mix(at, at + 16, at - 125)
        mix(size - 16, size - 32, 103)
    last = low * _P64_1 + high * _P64_4 + size * _P64_2 & _M
    return _avalanche(low + high & _M), -_avalanche(last) & _M


# -- long inputs -------------------------------------------------------------------------------


def _accumulated(data: bytes) -> list[int]:
    """Return the eight sums over an input of more than 240 bytes."""
    sums = list(_START)
    last = len(data) - _STRIPE
    # The last stripe is always taken on its own, though it may overlap the one before it.
    for number, at in enumerate(range(0, last, _STRIPE)):
        place = number % (_BLOCK // _STRIPE)
        _accumulate(sums, data, at, 8 * place)
        if place == _BLOCK // _STRIPE - 1:
            for lane, key in enumerate(_WORDS.unpack_from(_SECRET, 128)):
                sums[lane] = (sums[lane] ^ sums[lane] >> 47 ^ key) * _P32_1 & _M
    _accumulate(sums, data, last, 121)
    return sums


def _accumulate(sums: list[int], data: bytes, at: int, secret: int) -> None:
    keys = _WORDS.unpack_from(_SECRET, secret)
    for lane, word in enumerate(_WORDS.unpack_from(data, at)):
        mixed = word ^ keys[lane]
        sums[lane ^ 1] = sums[lane ^ 1] + word & _M
        sums[lane] = sums[lane] + (mixed & _32) * (mixed >> 32) & _M


def _merged(sums: list[int], secret: int, total: int) -> int:
    for pair in range(4):
        at = secret + 16 * pair
        total += _folded(sums[2 * pair] ^ _key(at), sums[2 * pair + 1] ^ _key(at + 8))
    return _avalanche(total & _M)

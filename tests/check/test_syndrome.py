"""A checksum tells where a few damaged bytes stand, and nothing where there are more."""

from __future__ import annotations

import random

import pytest

from aoftool.check.rdb.syndrome import MAX_DAMAGE_BYTES, locate
from aoftool.rdb.walk.checksum import crc64


def damage(data: bytes, offset: int, mask: bytes) -> bytes:
    end = offset + len(mask)
    return data[:offset] + bytes(a ^ b for a, b in zip(data[offset:end], mask, strict=True)) + data[end:]


@pytest.mark.parametrize("seed", range(40))
def test_short_damage_is_found_wherever_it_is(seed: int) -> None:
    rng = random.Random(seed)
    data = rng.randbytes(rng.randint(20, 5000))
    mask = bytes(rng.randrange(1, 256) for _ in range(rng.randint(1, MAX_DAMAGE_BYTES)))
    offset = rng.randrange(len(data) - len(mask) + 1)
    broken = damage(data, offset, mask)

    spot = locate(crc64(data), crc64(broken), len(data))

    assert spot is not None
    assert damage(broken, spot.offset, spot.mask) == data


@pytest.mark.parametrize("place", range(8))
def test_damage_to_the_checksum_itself_is_told_apart(place: int) -> None:
    data = bytes(range(200))
    stored = crc64(data) ^ (0x5A << (8 * place))

    spot = locate(stored, crc64(data), len(data))

    assert spot is not None
    assert spot.offset == len(data) + place
    assert spot.mask == b"\x5a"


@pytest.mark.parametrize("seed", range(10))
def test_two_damaged_places_give_no_answer(seed: int) -> None:
    rng = random.Random(seed)
    data = rng.randbytes(3000)
    broken = damage(damage(data, 100, b"\x01"), 2000, b"\x80")

    assert locate(crc64(data), crc64(broken), len(data)) is None


@pytest.mark.parametrize("offset", [0, 1023, 1024, 1_500_000, 2_999_997])
def test_damage_is_found_far_from_the_end(offset: int) -> None:
    data = bytes(3_000_000)
    broken = damage(data, offset, b"\x01\x02\x03")

    spot = locate(crc64(data), crc64(broken), len(data))

    assert spot is not None
    assert (spot.offset, spot.mask) == (offset, b"\x01\x02\x03")


def test_fewer_bytes_are_told_where_chance_could_explain_more() -> None:
    length = (64 << 20) + 1
    data = bytes(length)
    two, three = damage(data, 40, b"\x01\x02"), damage(data, 40, b"\x01\x02\x03")

    found = locate(crc64(data), crc64(two), length)
    not_found = locate(crc64(data), crc64(three), length)

    assert found is not None
    assert found.offset == 40
    assert not_found is None

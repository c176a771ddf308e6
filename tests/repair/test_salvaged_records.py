"""Records around damage in an RDB part, one case each: which are believed, and which are set aside."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.rdb.walk.checksum import crc64
from tests.builders import command
from tests.repair.test_damaged_bases import contents, repaired
from tests.repair.test_sound_bases import string

NOISE = random.Random(7).randbytes(24).replace(b"\x00", b"\x01")


def strings(prefix: str, count: int = 12) -> bytes:
    return b"".join(string(f"{prefix}:{n}".encode(), b"value %d" % n) for n in range(count))


def keys_of(
    records: bytes, tmp_path: Path, *, magic: bytes = b"REDIS0009", announced: int = 99
) -> set[bytes]:
    """Return the keys that a salvage keeps of a part with these bytes between its header and its end."""
    path = tmp_path / "appendonly.aof"
    body = magic + b"\xfa\x09redis-ver\x057.4.0\xfe\x00\xfb\x40" + bytes([announced, 0]) + records + b"\xff"
    wrong = crc64(body) ^ (1 << 63 | 1)
    path.write_bytes(body + wrong.to_bytes(8, "little") + command("SET", "last", "1"))
    repaired(path)
    return {key for _, key in contents(path)} - {b"last"}


def names(prefix: str, count: int = 12) -> set[bytes]:
    return {f"{prefix}:{n}".encode() for n in range(count)}


def test_the_end_of_a_packed_value_is_not_taken_for_a_string(tmp_path: Path) -> None:
    packed = b"\x0d\x03h:1\x15" + NOISE + b"\x00\x03f26\x05\xf0\xf0\xb0\x0d\xff"

    found = keys_of(strings("a") + packed + strings("b"), tmp_path)

    assert found == names("a") | names("b")


def test_the_empty_key_in_front_of_damage_is_kept_with_the_record_before_it(tmp_path: Path) -> None:
    unnamed = string(b"", b"empty key name")
    damaged = b"\x02\x07set:big\x41\x90\x04" + NOISE

    found = keys_of(strings("a") + unnamed + damaged + strings("b"), tmp_path)

    assert found == names("a") | names("b") | {b""}


def test_a_short_text_under_the_empty_key_in_front_of_damage_is_not_believed(tmp_path: Path) -> None:
    # The key and the value of a string, two bytes late.
    seam = b"\x00" + string(b"a:99", b"v" * 12)

    found = keys_of(strings("a") + seam + strings("b"), tmp_path)

    assert b"" not in found
    assert found >= names("b")


FIELDS = b"".join(string(b"field:%d" % n, b"value") for n in range(40))
LIST = b"\x01\x06list:1\x02\x03one\x03two"


@pytest.mark.parametrize("announced", [40, 0])
def test_fields_behind_a_lost_start_of_a_hash_are_no_keys_where_the_number_of_keys_says_so(
    announced: int, tmp_path: Path
) -> None:
    records = strings("a") + NOISE + FIELDS + LIST + strings("b")

    found = keys_of(records, tmp_path, magic=b"REDIS0012", announced=announced)

    fields = {key for key in found if key.startswith(b"field:")}
    # Nothing shows where the last string in front of the damage ends.
    assert found - fields == names("a", 11) | names("b") | {b"list:1"}
    # A part that announces nothing leaves nobody the means to tell.
    assert (not fields) == (announced > 0)


def test_a_large_record_behind_many_false_starts_is_found_in_a_small_part(tmp_path: Path) -> None:
    false = b"".join(
        b"\x02\x04ab%02d\x41\x90\x3f" % (n % 100) + b"x" * 0x3F + b"\x41\x00" for n in range(200)
    )
    members = b"".join(b"\x0amember:%03d" % n for n in range(400))
    large = b"\x02\x07set:big\x41\x90" + members

    found = keys_of(strings("a") + NOISE + false + NOISE + large + LIST, tmp_path)

    assert found >= {b"set:big", b"list:1"}


def test_records_between_damage_and_a_length_beyond_the_end_are_kept(tmp_path: Path) -> None:
    beyond = b"\x00\x03far\x80\x7f\xff\xff\xff"

    found = keys_of(strings("a") + NOISE + strings("b") + beyond + NOISE + strings("c"), tmp_path)

    # Nothing shows where the last string in front of the first damage ends.
    assert found == names("a", 11) | names("b") | names("c")

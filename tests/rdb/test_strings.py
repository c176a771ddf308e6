"""Lengths and strings, on both implementations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels import both, twin
from tests.rdb.test_blobs import damaged, outcome

HEX = bytes.fromhex
LENGTHS = [
    ("00", 0),
    ("3f", 63),
    ("4040", 64),
    ("7fff", 16383),
    ("8000004000", 16384),
    ("80ffffffff", 2**32 - 1),
    ("810000000100000000", 2**32),
    ("81ffffffffffffffff", 2**64 - 1),
    ("8000000001", 1),
]
STRINGS = [
    ("00", b""),
    ("0361 62 63", b"abc"),
    ("c0fb", b"-5"),
    ("c12c01", b"300"),
    ("c270110100", b"70000"),
    ("c200000080", b"-2147483648"),
    ("c3094064016161e05700016161", b"a" * 100),
    ("800000000176", b"v"),
]


@pytest.fixture(params=["py", "cy"])
def strings(request: pytest.FixtureRequest) -> Any:
    """Give each implementation in turn."""
    return twin("strings", request.param)


@pytest.mark.parametrize(("text", "value"), LENGTHS)
def test_length_is_read(strings: Any, text: str, value: int) -> None:
    raw = b"\xee" + HEX(text)

    assert strings.read_length(raw, 1) == (value, len(raw))
    assert strings.read_lengths(raw * 2, 1, 1) == ([value], len(raw))


@pytest.mark.parametrize(("text", "value"), STRINGS)
def test_string_is_read(strings: Any, text: str, value: bytes) -> None:
    raw = b"\xee" + HEX(text)

    assert strings.read_string(raw, 1) == (value, len(raw))
    assert strings.read_string(memoryview(bytearray(raw)), 1) == (value, len(raw))
    assert strings.read_strings(HEX(text) * 3, 0, 3) == ([value] * 3, 3 * len(raw) - 3)
    assert strings.skip_string(raw, 1) == len(raw)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("82", "rdb-length"),
        ("bf", "rdb-length"),
        ("c4", "rdb-string"),
        ("ff", "rdb-string"),
        ("05 6162", "rdb-truncated"),
        ("81ffffffffffffffff", "rdb-truncated"),
        ("c1 2c", "rdb-truncated"),
        ("c3 05 80ffffffff 0061e05a00", "lzf-invalid"),
        ("c3 05 82", "rdb-length"),
        ("", "rdb-truncated"),
    ],
)
def test_damaged_string_is_named(strings: Any, text: str, code: str) -> None:
    assert outcome(strings.read_string, HEX(text), 0)[0] == code


def test_count_of_strings_beyond_the_buffer_takes_no_memory(strings: Any) -> None:
    found = outcome(strings.read_strings, HEX("0161" * 3), 0, 2**62)

    assert found == ("rdb-truncated", 6)


def test_both_implementations_agree_on_damaged_strings() -> None:
    reference, kernel = both("strings")
    for text, _ in STRINGS:
        for raw in damaged(HEX(text) + b"\x01z"):
            for name in ("read_length", "read_string", "skip_string"):
                assert outcome(getattr(kernel, name), raw, 0) == outcome(getattr(reference, name), raw, 0)


@given(st.binary(max_size=60), st.integers(0, 62), st.integers(0, 5))
def test_both_implementations_agree_on_random_bytes(raw: bytes, at: int, count: int) -> None:
    reference, kernel = both("strings")

    assert outcome(kernel.read_strings, raw, at, count) == outcome(reference.read_strings, raw, at, count)
    assert outcome(kernel.read_lengths, raw, at, count) == outcome(reference.read_lengths, raw, at, count)

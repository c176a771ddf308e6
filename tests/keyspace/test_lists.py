"""Lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace.flavour import Flavour
from tests.keyspace.running import EVERY_FLAVOUR, FUTURE_MS, errors, keys, run, value

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)


def text(keyspace: object, key: str = "l") -> str | None:
    found = value(keyspace, key)  # type: ignore[arg-type]
    return None if found is None else b"".join(found).decode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("RPUSH l x y", "abcdexy"),
        ("LPUSH l x y", "yxabcde"),
        ("LPUSHX l x", "xabcde"),
        ("LPOP l", "bcde"),
        ("RPOP l 2", "abc"),
        ("LPOP l 0", "abcde"),
        ("LPOP l 99", None),
        ("LINSERT l BEFORE c x", "abxcde"),
        ("linsert l after c x", "abcxde"),
        ("LINSERT l BEFORE nothing x", "abcde"),
        ("LSET l -1 x", "abcdx"),
        ("LREM l 0 c", "abde"),
        ("LTRIM l 1 -2", "bcd"),
        ("LTRIM l 4 2", None),
        ("LTRIM l -100 100", "abcde"),
        ("LTRIM l 4 99", "e"),
        ("LMOVE l l LEFT RIGHT", "bcdea"),
        ("LMOVE l l right left", "eabcd"),
        ("RPOPLPUSH l l", "eabcd"),
        ("BLPOP nothing l 0", "bcde"),
        ("BRPOP l 0.5", "abcd"),
        ("BLMOVE l l LEFT RIGHT 0", "bcdea"),
        ("LMPOP 2 nothing l LEFT COUNT 2", "cde"),
        ("BLMPOP 0 1 l RIGHT", "abcd"),
    ],
)
def test_one_command_on_five_elements(line: str, expected: str | None) -> None:
    keyspace = run("RPUSH l a b c d e", line)

    assert text(keyspace) == expected
    assert errors(keyspace) == []


@pytest.mark.parametrize(
    "line",
    [
        "LPOP l -1",
        "LINSERT l MIDDLE a b",
        "LSET l 9 x",
        "LSET no 0 x",
        "LSET l x y",
        "LREM l x a",
        "LTRIM l x 1",
        "LMOVE l l UP DOWN",
        "BLPOP l -1",
        "BLPOP l x",
        "LMPOP 0 l LEFT",
        "LMPOP 5 l LEFT",
        "LMPOP 1 l LEFT COUNT 0",
        "LPOP l 1 2",
        "RPUSH s x",
        "LMOVE l s LEFT LEFT",
    ],
)
def test_refused_command_changes_nothing(line: str) -> None:
    keyspace = run("RPUSH l a b c d e", "SET s x", line)

    assert text(keyspace) == "abcde"
    assert keys(keyspace) == {b"l", b"s"}
    assert len(keyspace.refusals) == 1


@pytest.mark.parametrize("count", [2, -2, 0, 1, -1])
def test_lrem_counts_from_the_end_it_is_told(count: int) -> None:
    expected = {2: "bbca", -2: "abbc", 0: "bbc", 1: "bbaca", -1: "abbac"}[count]

    assert text(run("RPUSH l a b b a c a", f"LREM l {count} a")) == expected


@flavours
def test_last_element_takes_the_key_and_its_expire_time_along(flavour: Flavour) -> None:
    keyspace = run("RPUSH l a", f"PEXPIREAT l {FUTURE_MS}", "LPOP l", "RPUSH l b", flavour=flavour)

    assert text(keyspace) == "b"
    assert not keyspace.databases[0].expires


def test_push_needs_the_key_only_with_x() -> None:
    assert keys(run("LPUSHX l a", "RPUSHX m a", "RPUSH n a")) == {b"n"}


@flavours
def test_lset_keeps_32_bits_of_an_index_since_7_2(flavour: Flavour) -> None:
    keyspace = run("RPUSH l a b", "LSET l 4294967297 x", flavour=flavour)

    assert text(keyspace) == ("ab" if flavour.version < (7, 2) else "ax")


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1), st.integers(-12, 12), st.integers(-12, 12))
def test_ltrim_leaves_a_slice(elements: list[bytes], start: int, end: int) -> None:
    keyspace = run(["RPUSH", "l", *elements], f"LTRIM l {start} {end}")

    size = len(elements)
    first = max(start + size if start < 0 else start, 0)
    last = end + size if end < 0 else end
    assert list(value(keyspace, "l") or []) == elements[first : last + 1 if last >= 0 else 0]

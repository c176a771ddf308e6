"""Strings and counters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace.flavour import Flavour
from tests.keyspace.running import (
    EVERY_FLAVOUR,
    FUTURE_MS,
    NOW_MS,
    PAST_MS,
    errors,
    expire_at_ms,
    keys,
    run,
    value,
)

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)


@flavours
def test_set_replaces_any_type_and_clears_the_expire_time(flavour: Flavour) -> None:
    keyspace = run("RPUSH a x", f"PEXPIREAT a {FUTURE_MS}", "SET a 1", flavour=flavour)

    assert value(keyspace, "a") == b"1"
    assert expire_at_ms(keyspace, "a") is None


@flavours
def test_past_expire_time_is_stored_and_the_key_lives_on(flavour: Flavour) -> None:
    keyspace = run(f"SET a 5 PXAT {PAST_MS}", "INCR a", "SETNX a 9", "LPUSH a x", flavour=flavour)

    assert value(keyspace, "a") == b"6"
    assert expire_at_ms(keyspace, "a") == PAST_MS
    assert errors(keyspace) == ["WRONGTYPE Operation against a key holding the wrong kind of value"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("EX 10", NOW_MS + 10_000),
        ("PX 10", NOW_MS + 10),
        ("EXAT 1800000000", 1_800_000_000_000),
        ("PXAT 5 PXAT 7", 7),
        ("xx get pxat 9", 9),
        ("KEEPTTL", FUTURE_MS),
    ],
)
def test_set_options_decide_the_expire_time(options: str, expected: int) -> None:
    keyspace = run(f"SET a 1 PXAT {FUTURE_MS}", f"SET a 2 {options}")

    assert value(keyspace, "a") == b"2"
    assert expire_at_ms(keyspace, "a") == expected


@pytest.mark.parametrize(
    "options",
    [
        "NX XX",
        "EX 0",
        "PXAT -5",
        "PXAT 0",
        "PX x",
        "EX",
        "EX 9223372036854775807",
        "PX 9223372036854775807",
        "EX 1 PX 1",
        "KEEPTTL EX 1",
        "PERSIST",
        "NOSUCH",
        "PXAT 01",
    ],
)
@flavours
def test_bad_set_options_are_refused_without_effect(flavour: Flavour, options: str) -> None:
    keyspace = run("SET a 1", f"SET a 2 {options}", flavour=flavour)

    assert value(keyspace, "a") == b"1"
    assert len(keyspace.refusals) == 1


def test_set_conditions_are_evaluated() -> None:
    keyspace = run("SET a 1", "SET a 2 NX", "SET b 1 XX", "SET c 1 NX", "SET a 3 XX")

    assert (value(keyspace, "a"), value(keyspace, "b"), value(keyspace, "c")) == (b"3", None, b"1")


def test_set_get_is_refused_over_another_type() -> None:
    keyspace = run("RPUSH a x", "SET a 1 GET")

    assert value(keyspace, "a") != b"1"


@flavours
def test_get_beside_nx_is_an_error_only_to_6_2(flavour: Flavour) -> None:
    keyspace = run("SET a 1 NX GET", flavour=flavour)

    assert (b"a" in keys(keyspace)) == (flavour.version >= (7, 0))


@flavours
def test_set_ifeq_is_known_to_valkey_and_to_redis_8_4(flavour: Flavour) -> None:
    keyspace = run("SET a old", "SET a new IFEQ old", "SET a no IFEQ x", "SET b 1 IFEQ ''", flavour=flavour)

    assert value(keyspace, "a") == (b"new" if flavour.has((8, 4), (8, 1)) else b"old")
    assert b"b" not in keys(keyspace)


def test_mset_takes_the_last_of_duplicates_and_clears_expire_times() -> None:
    keyspace = run(f"SET a 1 PXAT {FUTURE_MS}", "MSET a 2 b 1 a 3", "MSETNX c 1 a 9", "MSET a 1 odd")

    assert value(keyspace, "a") == b"3"
    assert expire_at_ms(keyspace, "a") is None
    assert keys(keyspace) == {b"a", b"b"}


def test_msetex_sets_all_or_nothing() -> None:
    keyspace = run(
        "MSETEX 2 a 1 b 2 PXAT 99",
        "MSETEX 2 a x c x NX",
        "MSETEX 2 a y d y XX",
        "MSETEX 2 a 3 b 4 KEEPTTL",
        "MSETEX 3 a 1 b 2",
        "MSETEX 0 a 1",
        flavour="valkey-9.1",
    )

    assert keys(keyspace) == {b"a", b"b"}
    assert keyspace.databases[0].entry(b"a") == (b"3", 99)
    assert len(keyspace.refusals) == 2


def test_append_of_nothing_creates_an_empty_string() -> None:
    keyspace = run("APPEND a ''", "APPEND b x", "APPEND b y")

    assert (value(keyspace, "a"), value(keyspace, "b")) == (b"", b"xy")


def test_long_strings_are_modified_in_place_and_read_as_bytes() -> None:
    keyspace = run(["APPEND", "a", b"x" * 600], "APPEND a y", "SETRANGE a 700 z", "COPY a b", "APPEND a !")

    assert value(keyspace, "a") == b"x" * 600 + b"y" + bytes(99) + b"z!"
    assert value(keyspace, "b") == b"x" * 600 + b"y" + bytes(99) + b"z"


def test_setrange_pads_with_zeros_and_ignores_an_empty_piece() -> None:
    keyspace = run("SETRANGE a 2 x", "SETRANGE b 5 ''", "SETRANGE a -1 y")

    assert value(keyspace, "a") == b"\0\0x"
    assert keys(keyspace) == {b"a"}
    assert errors(keyspace) == ["ERR offset is out of range"]


def test_getex_getdel_getset_and_delifeq() -> None:
    keyspace = run(
        "SET a 1",
        "GETEX a PXAT 99",
        "SET b 1 PXAT 99",
        "GETEX b PERSIST",
        "SET c 1",
        "GETDEL c",
        "GETSET a 5",
        "SET d x",
        "DELIFEQ d y",
        "SET e x",
        "DELIFEQ e x",
        flavour="valkey-9.1",
    )

    assert keys(keyspace) == {b"a", b"b", b"d"}
    assert keyspace.databases[0].entry(b"a") == (b"5", None)
    assert expire_at_ms(keyspace, "b") is None


@pytest.mark.parametrize(
    "text", ["007", "-0", "+1", "1.0", "''", "x", "9223372036854775808", "-9223372036854775809", "1_0"]
)
def test_only_canonical_integers_can_be_counted(text: str) -> None:
    keyspace = run(f"SET a {text}", "INCR a")

    assert errors(keyspace) == ["ERR value is not an integer or out of range"]


def test_counters_refuse_to_overflow() -> None:
    keyspace = run(
        "SET a 9223372036854775807",
        "INCR a",
        "SET b -9223372036854775808",
        "DECR b",
        "INCRBY b -1",
        "DECRBY c -9223372036854775808",
        "INCRBY d 9223372036854775807",
        "INCRBY e 9223372036854775808",
    )

    assert value(keyspace, "a") == b"9223372036854775807"
    assert value(keyspace, "b") == b"-9223372036854775808"
    assert keys(keyspace) == {b"a", b"b", b"d"}
    assert len(keyspace.refusals) == 5


def test_least_number_is_its_own_negative_to_6_2() -> None:
    keyspace = run("DECRBY a -9223372036854775808", flavour="redis-6.2")

    assert value(keyspace, "a") == b"-9223372036854775808"


@pytest.mark.parametrize(
    ("start", "by", "expected"),
    [
        ("0", "1e30", b"1000000000000000000024696061952"),
        ("0", "3e-18", b"0"),
        ("10.5", "0.1", b"10.6"),
        ("5.0e3", "200", b"5200"),
        ("0.1", "0.2", b"0.3"),
        ("3", "-1.0", b"2"),
        ("0", "-3e-18", b"0"),
        ("0", "-6e-18", b"-0.00000000000000001"),
        ("1.25", "0x10", b"17.25"),
        ("1", "1e-4950", b"1"),
        ("1", "1e-4951", b"1"),
        ("7", "1e5000", b"7"),
        ("7", "inf", b"7"),
    ],
)
def test_incrbyfloat_prints_80_bit_floats_without_exponent(start: str, by: str, expected: bytes) -> None:
    keyspace = run(f"SET a {start}", f"INCRBYFLOAT a {by}")

    assert value(keyspace, "a") == expected


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_incrby_adds_as_integers_do(start: int, by: int) -> None:
    keyspace = run(f"SET a {start}", f"INCRBY a {by}")

    fits = -(2**63) <= start + by < 2**63
    assert value(keyspace, "a") == str(start + by if fits else start).encode()


def digest(content: bytes) -> str:
    """Return what DIGEST of Redis 8.6.3 answers for a few strings, asked once."""
    return {b"old": "0f3ca07a8cc8bf40", b"": "2d06800538d394c2"}[content]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("IFEQ old", b"new"),
        ("IFEQ x", b"old"),
        ("IFNE x", b"new"),
        ("IFNE old", b"old"),
        (f"IFDEQ {digest(b'old')}", b"new"),
        (f"ifdeq {digest(b'old').upper()}", b"new"),
        (f"IFDEQ {digest(b'')}", b"old"),
        (f"IFDNE {digest(b'')}", b"new"),
        (f"IFDNE {digest(b'old')}", b"old"),
        ("IFDEQ short", b"old"),
        ("NX IFEQ old", b"old"),
        ("IFEQ x IFEQ old", b"new"),
        ("IFEQ old IFNE x", b"old"),
    ],
)
def test_conditions_of_redis_8_4_decide_over_set_and_delex(condition: str, expected: bytes) -> None:
    keyspace = run("SET a old", f"SET a new {condition}", flavour="redis-8.4")

    assert value(keyspace, "a") == expected

    keyspace = run("SET a old", f"DELEX a {condition}", flavour="redis-8.4")
    words = condition.split()

    if len(words) == 2:
        assert (b"a" in keys(keyspace)) == (expected == b"old")
    else:
        assert errors(keyspace), "DELEX takes one condition"


def test_a_missing_string_only_differs() -> None:
    keyspace = run("SET a 1 IFNE x", f"SET b 1 IFDNE {digest(b'')}", "SET c 1 IFEQ x", flavour="redis-8.6")

    assert keys(keyspace) == {b"a", b"b"}


def test_delex_asks_only_strings() -> None:
    keyspace = run("RPUSH l x", "DELEX l IFNE x", "DELEX l", "DELEX none IFEQ x", flavour="redis-8.6")

    assert errors(keyspace) == ["ERR Key should be of string type if conditions are specified"]
    assert not keys(keyspace)


@pytest.mark.parametrize("flavour", ["redis-8.4", "valkey-9"])
def test_msetex_of_both_families_sets_all_or_nothing(flavour: str) -> None:
    lines = ["SET a 1 PXAT 1800000000000", "MSETEX 2 a 2 b 2 NX", "MSETEX 2 a 3 c 3 KEEPTTL"]
    keyspace = run(*lines, "MSETEX 2 a 4 d 4 XX", flavour=flavour)

    assert {key: value(keyspace, key.decode()) for key in keys(keyspace)} == {b"a": b"3", b"c": b"3"}
    assert expire_at_ms(keyspace, "a") == 1_800_000_000_000

"""Whole keys and whole databases."""

from __future__ import annotations

import pytest

from aoftool.keyspace.flavour import Flavour
from aoftool.rdb.encode.payload import encode_payload
from aoftool.rdb.encode.targets import find_target
from aoftool.values import ListValue, ZSetValue
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
CONDITIONAL = [flavour for flavour in EVERY_FLAVOUR if flavour.version >= (7, 0)]


def test_del_and_unlink_take_expire_times_along() -> None:
    keyspace = run("MSET a 1 b 2 c 3", f"PEXPIREAT a {FUTURE_MS}", "DEL a nothing a", "unlink b", "SET a 1")

    assert keys(keyspace) == {b"a", b"c"}
    assert expire_at_ms(keyspace, "a") is None


@flavours
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("EXPIRE a 10", NOW_MS + 10_000),
        ("PEXPIRE a 10", NOW_MS + 10),
        ("EXPIREAT a 1800000000", 1_800_000_000_000),
        (f"PEXPIREAT a {PAST_MS}", PAST_MS),
        ("EXPIRE a -10", NOW_MS - 10_000),
        ("PEXPIREAT a 9223372036854775807", 2**63 - 1),
        ("PEXPIREAT a 0", 0),
    ],
)
def test_expire_family(flavour: Flavour, line: str, expected: int) -> None:
    assert expire_at_ms(run("SET a 1", line, flavour=flavour), "a") == expected


@pytest.mark.parametrize("flavour", CONDITIONAL, ids=lambda f: f.name)
@pytest.mark.parametrize(
    ("condition", "without", "with_earlier", "with_later"),
    [
        ("NX", True, False, False),
        ("xx", False, True, True),
        ("GT", False, True, False),
        ("LT", True, False, True),
        ("XX GT", False, True, False),
    ],
)
def test_expire_conditions(
    flavour: Flavour, condition: str, without: bool, with_earlier: bool, with_later: bool
) -> None:
    for setup, changed in (
        ([], without),
        ([f"PEXPIREAT a {FUTURE_MS - 1}"], with_earlier),
        ([f"PEXPIREAT a {FUTURE_MS + 1}"], with_later),
    ):
        keyspace = run("SET a 1", *setup, f"PEXPIREAT a {FUTURE_MS} {condition}", flavour=flavour)

        assert (expire_at_ms(keyspace, "a") == FUTURE_MS) == changed


@pytest.mark.parametrize("condition", ["NX XX", "GT LT", "NX GT", "NO"])
def test_bad_conditions_are_refused(condition: str) -> None:
    keyspace = run("SET a 1", f"PEXPIREAT a 5 {condition}")

    assert expire_at_ms(keyspace, "a") is None
    assert len(errors(keyspace)) == 1


def test_6_2_ignores_conditions() -> None:
    keyspace = run("SET a 1", "PEXPIREAT a 5 XX", flavour="redis-6.2")

    assert expire_at_ms(keyspace, "a") == 5


@flavours
def test_overflowing_time_wraps_on_6_2_and_is_refused_since(flavour: Flavour) -> None:
    keyspace = run("SET a 1", "EXPIRE a 9223372036854775807", flavour=flavour)

    assert expire_at_ms(keyspace, "a") == (NOW_MS - 1000 if flavour.version < (7, 0) else None)


@pytest.mark.parametrize(("name", "expected"), [("redis-7.0", None), ("redis-8.0", None), ("valkey-9.1", 0)])
def test_deadline_of_minus_one_is_none_or_zero(name: str, expected: int | None) -> None:
    assert expire_at_ms(run("SET a 1", "PEXPIREAT a -1", flavour=name), "a") == expected


def test_persist_revives_a_key_whose_time_is_past() -> None:
    keyspace = run("SET a 1", f"PEXPIREAT a {PAST_MS}", "PERSIST a", "PERSIST a", "PERSIST no")

    assert expire_at_ms(keyspace, "a") is None


def test_rename_takes_the_time_along_and_overwrites() -> None:
    keyspace = run(
        "SET a 1",
        f"PEXPIREAT a {PAST_MS}",
        "RPUSH b x",
        "RENAME a b",
        "RENAME no c",
        "RENAME b b",
        "SET c 1",
        "RENAMENX b c",
        "RENAMENX b d",
    )

    assert keyspace.databases[0].entry(b"d") == (b"1", PAST_MS)
    assert keys(keyspace) == {b"c", b"d"}
    assert errors(keyspace) == ["ERR no such key"]


def test_rename_over_a_key_with_a_time_drops_that_time() -> None:
    keyspace = run("SET a 1", "SET b 2", f"PEXPIREAT b {FUTURE_MS}", "RENAME a b")

    assert expire_at_ms(keyspace, "b") is None


def test_move_needs_a_free_place() -> None:
    keyspace = run(
        "SET a 1",
        f"PEXPIREAT a {FUTURE_MS}",
        "MOVE a 1",
        "SET a 2",
        "MOVE a 1",
        "MOVE a 0",
        "MOVE a 99",
        "MOVE a x",
    )

    assert keyspace.databases[1].entry(b"a") == (b"1", FUTURE_MS)
    assert value(keyspace, "a") == b"2"
    assert len(errors(keyspace)) == 3


def test_copy_replaces_only_when_told() -> None:
    keyspace = run(
        "RPUSH a x",
        f"PEXPIREAT a {FUTURE_MS}",
        "SET b 1",
        "COPY a b",
        "COPY a c",
        "RPUSH a y",
        "COPY a b DB 1 REPLACE",
        "COPY a a",
        "COPY a b NO",
        "COPY a b DB 99",
        "COPY no b REPLACE",
    )

    assert value(keyspace, "b") == b"1"
    assert keyspace.databases[0].entry(b"c") == (ListValue([b"x"]), FUTURE_MS)
    assert keyspace.databases[1].entry(b"b") == (ListValue([b"x", b"y"]), FUTURE_MS)
    assert len(errors(keyspace)) == 3


def test_swapdb_swaps_contents_and_keeps_the_selected_number() -> None:
    keyspace = run(
        "SET a 1", "SELECT 1", "SET b 1", "SWAPDB 0 1", "SET c 1", "SWAPDB 1 1", "SWAPDB 0 99", "SWAPDB x 1"
    )

    assert keys(keyspace, 0) == {b"b"}
    assert keys(keyspace, 1) == {b"a", b"c"}
    assert len(errors(keyspace)) == 2


def test_flushes() -> None:
    lines = ["SET a 1", "SELECT 1", "SET b 1", "FUNCTION LOAD", "FLUSHDB NO"]
    keyspace = run(*(line for line in lines if line != "FUNCTION LOAD"))

    assert keys(keyspace, 1) == {b"b"}
    keyspace.execute([b"FLUSHDB", b"ASYNC"])
    assert (keys(keyspace, 0), keys(keyspace, 1)) == ({b"a"}, set())
    keyspace.execute([b"flushall", b"sync"])
    assert keys(keyspace, 0) == set()


@flavours
def test_restore_loads_a_payload_of_its_own_server(flavour: Flavour) -> None:
    payload = encode_payload(ListValue([b"a", b"b"]), find_target(flavour.name))

    keyspace = run(
        ["RESTORE", "k", "0", payload],
        ["RESTORE", "k", "0", payload],
        ["RESTORE", "k", "7", payload, "replace", "ABSTTL"],
        ["RESTORE", "r", "1000", payload, "IDLETIME", "5"],
        flavour=flavour,
    )

    assert keyspace.databases[0].entry(b"k") == (ListValue([b"a", b"b"]), 7)
    assert expire_at_ms(keyspace, "r") == NOW_MS + 1000
    assert errors(keyspace) == ["BUSYKEY Target key name already exists."]


def test_refused_restore_keeps_the_old_value() -> None:
    payload = encode_payload(ListValue([b"a"]), find_target("redis-7.0"))
    newer = encode_payload(ListValue([b"a"]), find_target("valkey-9.1"))

    keyspace = run(
        "SET k old",
        ["RESTORE", "k", "0", payload[:-1] + b"x", "REPLACE"],
        ["RESTORE", "k", "0", newer, "REPLACE"],
        ["RESTORE", "k", "-1", payload, "REPLACE"],
        ["RESTORE", "k", "0", payload, "REPLACE", "FREQ", "300"],
        ["RESTORE", "k", "0", b"", "REPLACE"],
    )

    assert value(keyspace, "k") == b"old"
    assert len(errors(keyspace)) == 5


def test_restored_sorted_set_knows_its_encoding() -> None:
    payload = encode_payload(
        ZSetValue({b"m%d" % number: 1.0 for number in range(200)}), find_target("redis-7.0")
    )

    assert value(run(["RESTORE", "z", "0", payload]), "z").is_skiplist

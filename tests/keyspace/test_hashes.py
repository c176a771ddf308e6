"""Hashes, and expire times of their fields as Redis and Valkey load them."""

from __future__ import annotations

import pytest

from aoftool.keyspace.flavour import Flavour
from aoftool.values import HashValue
from tests.keyspace.running import (
    EVERY_FLAVOUR,
    FIELD_FLAVOURS,
    FUTURE_MS,
    NOW_MS,
    PAST_MS,
    errors,
    keys,
    run,
    value,
)

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)
field_flavours = pytest.mark.parametrize("flavour", FIELD_FLAVOURS, ids=lambda f: f.name)
newest = pytest.mark.parametrize("name", ["redis-8.0", "valkey-9.1"])
ABC = "HSET h a 1 b 2 c 3"


def fields(keyspace: object) -> dict[bytes, tuple[bytes, int | None]]:
    found: HashValue | None = value(keyspace, "h")  # type: ignore[arg-type]
    return {} if found is None else {name: (text, found.expires.get(name)) for name, text in found.items()}


@flavours
def test_hset_hsetnx_and_hdel(flavour: Flavour) -> None:
    keyspace = run(ABC, "HMSET h a 9", "HSETNX h a x", "HSETNX h d 4", "HDEL h b no", flavour=flavour)

    assert value(keyspace, "h") == {b"a": b"9", b"c": b"3", b"d": b"4"}


@flavours
def test_last_field_takes_the_key_along(flavour: Flavour) -> None:
    assert keys(run(ABC, "HDEL h a b c", flavour=flavour)) == set()


@flavours
def test_odd_number_of_arguments_is_refused(flavour: Flavour) -> None:
    keyspace = run("HSET h a 1 b", flavour=flavour)

    assert keys(keyspace) == set()
    assert len(errors(keyspace)) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("HINCRBY h a 5", b"6"),
        ("HINCRBY h x 5", None),
        ("HINCRBYFLOAT h a 0.5", b"1.5"),
        ("HINCRBY h a x", b"1"),
        ("HINCRBY h a 9223372036854775807", b"1"),
        ("HINCRBYFLOAT h a 1e5000", b"1"),
    ],
)
def test_counting(line: str, expected: bytes | None) -> None:
    keyspace = run(ABC, line)

    assert value(keyspace, "h")[b"a"] == (expected or b"1")
    assert (b"x" in value(keyspace, "h")) == (expected is None)


def test_counting_over_text_is_refused() -> None:
    keyspace = run("HSET h a text", "HINCRBY h a 1", "HINCRBYFLOAT h a 1")

    assert errors(keyspace) == ["ERR hash value is not an integer", "ERR hash value is not a float"]


@field_flavours
@pytest.mark.parametrize(
    ("condition", "changed"), [("", "abc"), ("NX", "bc"), ("XX", "a"), ("gt", "a"), ("LT", "bc")]
)
def test_expire_conditions_hold_for_each_field(flavour: Flavour, condition: str, changed: str) -> None:
    keyspace = run(
        ABC,
        f"HPEXPIREAT h {FUTURE_MS} FIELDS 1 a",
        f"HPEXPIREAT h {FUTURE_MS + 5} {condition} FIELDS 4 a b c nothing",
        flavour=flavour,
    )

    times = {name.decode(): time for name, (_, time) in fields(keyspace).items()}
    assert {name for name, time in times.items() if time == FUTURE_MS + 5} == set(changed)


@field_flavours
@pytest.mark.parametrize(
    "arguments",
    [
        "x FIELDS 1 a",
        "-1 FIELDS 1 a",
        "5 FIELDS 2 a",
        "5 FIELDS 0 a",
        "5 FIELDS x a",
        "5 NO FIELDS 1 a",
        "5 NX XX FIELDS 1 a",
    ],
)
def test_bad_expire_commands_are_refused(flavour: Flavour, arguments: str) -> None:
    keyspace = run(ABC, f"HPEXPIREAT h {arguments}", flavour=flavour)

    assert not value(keyspace, "h").expires
    assert len(errors(keyspace)) == 1


@field_flavours
def test_relative_and_second_times(flavour: Flavour) -> None:
    keyspace = run(
        ABC,
        "HEXPIRE h 10 FIELDS 1 a",
        "HPEXPIRE h 10 FIELDS 1 b",
        "HEXPIREAT h 1800000000 FIELDS 1 c",
        flavour=flavour,
    )

    assert [time for _, time in fields(keyspace).values()] == [
        NOW_MS + 10_000,
        NOW_MS + 10,
        1_800_000_000_000,
    ]


@field_flavours
def test_hset_clears_and_counting_keeps_a_field_time(flavour: Flavour) -> None:
    keyspace = run(
        ABC,
        f"HPEXPIREAT h {FUTURE_MS} FIELDS 3 a b c",
        "HSET h a 9",
        "HINCRBY h b 1",
        "HINCRBYFLOAT h c 0.5",
        flavour=flavour,
    )

    assert fields(keyspace) == {b"a": (b"9", None), b"b": (b"3", FUTURE_MS), b"c": (b"3.5", FUTURE_MS)}


@pytest.mark.parametrize(
    ("line", "redis", "valkey"),
    [
        ("HPERSIST h FIELDS 1 a", (b"1", PAST_MS), (b"1", None)),
        ("HINCRBY h a 5", (b"5", PAST_MS), (b"6", PAST_MS)),
        ("HSETNX h a 9", (b"9", None), (b"1", PAST_MS)),
        ("HSET h a 9", (b"9", None), (b"9", None)),
        (f"HPEXPIREAT h {FUTURE_MS} FIELDS 1 a", (b"1", FUTURE_MS), (b"1", FUTURE_MS)),
        ("HSETEX h KEEPTTL FIELDS 1 a 9", (b"9", PAST_MS), (b"9", PAST_MS)),
        ("HSETEX h FXX FIELDS 1 a 9", (b"1", PAST_MS), (b"9", None)),
        ("HSETEX h FNX FIELDS 1 a 9", (b"9", None), (b"1", PAST_MS)),
        (f"HGETEX h PXAT {FUTURE_MS} FIELDS 1 a", (b"1", PAST_MS), (b"1", FUTURE_MS)),
        ("HDEL h a", None, None),
    ],
)
@newest
def test_field_whose_time_is_past_is_absent_to_redis_and_live_to_valkey(
    name: str, line: str, redis: tuple[bytes, int | None] | None, valkey: tuple[bytes, int | None] | None
) -> None:
    """Measured on Redis 8.0.6 and Valkey 9.1.2."""
    keyspace = run(ABC, f"HPEXPIREAT h {PAST_MS} FIELDS 1 a", line, flavour=name)

    assert fields(keyspace).get(b"a") == (redis if name == "redis-8.0" else valkey)


@newest
def test_hsetex_forms(name: str) -> None:
    keyspace = run(
        f"HSETEX h PXAT {FUTURE_MS} FIELDS 2 a 1 b 2",
        "HSETEX h FIELDS 1 a 3",
        "HSETEX h FNX FIELDS 2 c 1 a 9",
        "HSETEX h FXX FIELDS 1 no 9",
        "HSETEX h FIELDS 2 a 1",
        "HSETEX h EX 1 PX 1 FIELDS 1 a 1",
        flavour=name,
    )

    assert fields(keyspace) == {b"a": (b"3", None), b"b": (b"2", FUTURE_MS)}
    assert len(errors(keyspace)) == 2


def test_hsetex_conditions_on_the_key_are_valkeys() -> None:
    keyspace = run(
        "HSETEX h XX FIELDS 1 a 1",
        "HSETEX h NX FIELDS 1 b 1",
        "HSETEX h NX FIELDS 1 c 1",
        flavour="valkey-9.1",
    )

    assert set(fields(keyspace)) == {b"b"}
    assert errors(run("HSETEX h NX FIELDS 1 b 1", flavour="redis-8.0")) == ["ERR syntax error"]


@newest
def test_hgetdel_and_hgetex(name: str) -> None:
    keyspace = run(
        ABC,
        "HGETDEL h FIELDS 2 a no",
        f"HGETEX h PXAT {FUTURE_MS} FIELDS 2 b c",
        "HGETEX h PERSIST FIELDS 1 c",
        "HGETEX h FIELDS 1 b",
        flavour=name,
    )

    assert fields(keyspace) == {b"b": (b"2", FUTURE_MS), b"c": (b"3", None)}


@field_flavours
def test_field_times_travel_with_copy_and_rename(flavour: Flavour) -> None:
    keyspace = run(
        ABC, f"HPEXPIREAT h {PAST_MS} FIELDS 1 a", "COPY h i", "RENAME h j", "HDEL j a", flavour=flavour
    )

    assert value(keyspace, "i").expires == {b"a": PAST_MS}
    assert value(keyspace, "j").expires == {}

"""Sets."""

from __future__ import annotations

import pytest

from aoftool.keyspace.flavour import Flavour
from aoftool.keyspace.refusal import ReplayStopError
from tests.keyspace.running import EVERY_FLAVOUR, FUTURE_MS, errors, expire_at_ms, keys, run, value

flavours = pytest.mark.parametrize("flavour", EVERY_FLAVOUR, ids=lambda f: f.name)


def members(keyspace: object, key: str) -> set[bytes]:
    return set(value(keyspace, key) or ())  # type: ignore[arg-type]


def test_members_are_bytes() -> None:
    assert members(run("SADD s 1 01 1.0 1"), "s") == {b"1", b"01", b"1.0"}


@flavours
def test_last_member_takes_the_key_along(flavour: Flavour) -> None:
    keyspace = run("SADD s a b", "SREM s b a nothing", "SREM s a", flavour=flavour)

    assert keys(keyspace) == set()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("SUNIONSTORE d a b nothing", {b"1", b"2", b"3"}),
        ("SINTERSTORE d a b", {b"2"}),
        ("SDIFFSTORE d a b", {b"1"}),
        ("SDIFFSTORE d nothing a", set()),
        ("SINTERSTORE d a nothing", set()),
        ("SDIFFSTORE d a a", set()),
    ],
)
def test_stores_replace_the_target_and_its_expire_time(line: str, expected: set[bytes]) -> None:
    keyspace = run("SADD a 1 2", "SADD b 2 3", "SET d x", f"PEXPIREAT d {FUTURE_MS}", line)

    assert members(keyspace, "d") == expected
    if expected:
        assert expire_at_ms(keyspace, "d") is None


@flavours
@pytest.mark.parametrize("command", ["SUNIONSTORE", "SINTERSTORE", "SDIFFSTORE"])
def test_wrong_type_among_the_sources_keeps_the_target(flavour: Flavour, command: str) -> None:
    keyspace = run("SET d x", "SADD a 1", "SET s y", f"{command} d a nothing s", flavour=flavour)

    assert value(keyspace, "d") == b"x"
    assert len(keyspace.refusals) == 1


def test_target_may_be_a_source() -> None:
    assert members(run("SADD a 1 2", "SADD b 2 3", "SINTERSTORE a a b"), "a") == {b"2"}


def test_smove_needs_the_member_and_a_set_at_both_ends() -> None:
    keyspace = run(
        "SADD a 1 2",
        "SMOVE a b 1",
        "SMOVE a b 9",
        "SMOVE a a 2",
        "SET s x",
        "SMOVE a s 2",
        "SMOVE no s 1",
        "SMOVE a b 2",
    )

    assert members(keyspace, "b") == {b"1", b"2"}
    assert keys(keyspace) == {b"b", b"s"}
    assert errors(keyspace) == ["WRONGTYPE Operation against a key holding the wrong kind of value"]


def test_spop_of_everything_needs_no_choice() -> None:
    keyspace = run("SADD s a b", "SPOP s 0", "SPOP no", "SPOP s 2", "SADD t a", "SPOP t")

    assert keys(keyspace) == set()
    assert keyspace.random_choices == 0


def test_spop_of_some_cannot_be_followed() -> None:
    with pytest.raises(ReplayStopError, match="SPOP: a server chooses"):
        run("SADD s a b", "SPOP s 1")

"""Idempotent producers of Redis 8.6."""

from __future__ import annotations

import pytest

from aoftool.keyspace.engine import Keyspace
from aoftool.values import StreamId, StreamIdmp
from tests.keyspace.running import errors, run, value


def after(*lines: str, flavour: str = "redis-8.6") -> Keyspace:
    return run("XADD x IDMP p i 1-1 f v", *lines, flavour=flavour)


def idmp(keyspace: Keyspace, key: str = "x") -> StreamIdmp:
    found = value(keyspace, key).idmp
    assert isinstance(found, StreamIdmp)
    return found


def test_what_was_sent_before_is_not_added_again() -> None:
    keyspace = after("XADD x IDMP p i * f w", "XADD x IDMP q i 2-1 f v", "XADD x IDMP p j 3-1 f v")

    assert [i.ms for i in value(keyspace, "x").entries] == [1, 2, 3]
    assert idmp(keyspace).iids_duplicates == 1
    assert idmp(keyspace).iids_added == 3
    assert idmp(keyspace).producers == {
        b"p": {b"i": StreamId(1, 1), b"j": StreamId(3, 1)},
        b"q": {b"i": StreamId(2, 1)},
    }


def test_idmpauto_knows_an_entry_by_its_fields() -> None:
    keyspace = after(
        "XADD x IDMPAUTO p 2-1 a 1 b 2", "XADD x IDMPAUTO p 3-1 b 2 a 1", "XADD x IDMPAUTO p 4-1 a 2"
    )

    assert [i.ms for i in value(keyspace, "x").entries] == [1, 2, 4]


def test_the_oldest_of_a_producer_leaves() -> None:
    keyspace = after("XCFGSET x IDMP-MAXSIZE 2", *(f"XADD x IDMP p i{n} {n}-1 f v" for n in (2, 3, 4)))

    assert list(idmp(keyspace).producers[b"p"]) == [b"i3", b"i4"]


@pytest.mark.parametrize(
    ("line", "forgets"),
    [
        ("XCFGSET x IDMP-DURATION 100", False),
        ("XCFGSET x IDMP-DURATION 7", True),
        ("XCFGSET x IDMP-MAXSIZE 100 IDMP-DURATION 100", False),
        ("XCFGSET x IDMP-MAXSIZE 99", True),
    ],
)
def test_only_a_change_of_the_settings_forgets(line: str, forgets: bool) -> None:
    keyspace = after(line)

    assert errors(keyspace) == []
    assert (idmp(keyspace).producers == {}) is forgets


@pytest.mark.parametrize(
    "line",
    [
        "XCFGSET x",
        "XCFGSET x IDMP-DURATION 0",
        "XCFGSET x IDMP-DURATION 86401",
        "XCFGSET x IDMP-MAXSIZE 10001",
        "XCFGSET x IDMP-MAXSIZE 5 IDMP-MAXSIZE 5",
        "XCFGSET none IDMP-MAXSIZE 5",
        "XADD x IDMP '' i 2-1 f v",
        "XADD x IDMP p '' 2-1 f v",
        "XADD x IDMPAUTO p IDMP p i 2-1 f v",
        "XIDMPRECORD x p j 9-9",
        "XIDMPRECORD x '' j 1-1",
        "XIDMPRECORD none p j 1-1",
    ],
)
def test_bad_arguments_change_nothing(line: str) -> None:
    keyspace = after(line)

    assert len(errors(keyspace)) == 1
    assert idmp(keyspace) == idmp(after())


def test_a_record_of_a_rewrite_is_taken_once() -> None:
    keyspace = after(
        "XADD x 2-1 f v", "XIDMPRECORD x p j 2-1", "XIDMPRECORD x p j 2-1", "XIDMPRECORD x p i 2-1"
    )

    assert len(errors(keyspace)) == 1
    assert idmp(keyspace).producers == {b"p": {b"i": StreamId(1, 1), b"j": StreamId(2, 1)}}


def test_a_copy_goes_its_own_way() -> None:
    keyspace = after("COPY x y", "XADD y IDMP p j 2-1 f v")

    assert b"j" not in idmp(keyspace).producers[b"p"]
    assert b"j" in idmp(keyspace, "y").producers[b"p"]


def test_older_servers_take_the_words_for_ids() -> None:
    keyspace = run("XADD x IDMP p i 1-1 f v", flavour="redis-8.4")

    assert len(errors(keyspace)) == 1
    assert value(keyspace, "x") is None

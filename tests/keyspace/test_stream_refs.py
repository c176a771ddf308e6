"""Entries that groups refer to: KEEPREF, DELREF and ACKED of Redis 8.2."""

from __future__ import annotations

import pytest

from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.values import StreamValue
from tests.keyspace.running import errors, run, value

ENTRIES = [f"XADD x {number}-1 f v" for number in (1, 2, 3, 4)]
# The group has read 1 to 3; 2 is acknowledged, 4 never read.
READ = ["XGROUP CREATE x g 0", *(f"XCLAIM x g c 0 {n}-1 TIME 5 FORCE JUSTID LASTID {n}-1" for n in (1, 2, 3))]
SET_UP = [*ENTRIES, *READ, "XACK x g 2-1"]


def after(*lines: str, flavour: str = "redis-8.2") -> Keyspace:
    return run(*SET_UP, *lines, flavour=flavour)


def left(keyspace: Keyspace) -> tuple[str, str]:
    """Return the entries that are there and those that are pending, as numbers."""
    stream = value(keyspace, "x")
    assert isinstance(stream, StreamValue)
    pending = sorted(entry_id.ms for entry_id in stream.groups[b"g"].pel)
    return " ".join(str(i.ms) for i in stream.entries), " ".join(map(str, pending))


@pytest.mark.parametrize(
    ("line", "entries", "pending"),
    [
        ("XDELEX x IDS 2 1-1 2-1", "3 4", "1 3"),
        ("XDELEX x KEEPREF IDS 1 1-1", "2 3 4", "1 3"),
        ("XDELEX x DELREF IDS 2 1-1 9-9", "2 3 4", "3"),
        ("XDELEX x IDS 4 1-1 2-1 3-1 4-1 acked", "1 3 4", "1 3"),
        ("XACKDEL x g IDS 2 1-1 2-1", "2 3 4", "3"),
        ("XACKDEL x g ACKED IDS 3 1-1 2-1 4-1", "2 3 4", "3"),
        ("XACKDEL x none IDS 1 1-1", "1 2 3 4", "1 3"),
        ("XTRIM x MAXLEN 1", "4", "1 3"),
        ("XTRIM x MAXLEN 1 DELREF", "4", ""),
        ("XTRIM x ACKED MAXLEN 0", "1 3 4", "1 3"),
        ("XTRIM x ACKED MAXLEN 3", "1 3 4", "1 3"),
        ("XTRIM x MINID = 4-0 ACKED", "1 3 4", "1 3"),
        ("XADD x DELREF MAXLEN = 2 5-1 f v", "4 5", ""),
        ("XADD x NOMKSTREAM KEEPREF MAXLEN 2 5-1 f v", "4 5", "1 3"),
    ],
)
def test_what_goes_hangs_on_the_references(line: str, entries: str, pending: str) -> None:
    keyspace = after(line)

    assert (left(keyspace), errors(keyspace)) == ((entries, pending), [])


def test_entries_deleted_by_id_are_remembered_and_trimmed_ones_are_not() -> None:
    stream = value(after("XDELEX x IDS 1 1-1", "XTRIM x DELREF MAXLEN 1"), "x")

    assert stream.max_deleted_id.ms == 1


@pytest.mark.parametrize(
    "line",
    [
        "XDELEX x KEEPREF ACKED IDS 1 1-1",
        "XDELEX x IDS 2 1-1",
        "XDELEX x IDS 0 1-1",
        "XDELEX x KEEPREF 1-1 2-1",
        "XDELEX x IDS 1 bad",
        "XACKDEL x g IDS 1 1-1 more",
        "XTRIM x KEEPREF ACKED MAXLEN 1",
        "XADD x KEEPREF ACKED 9-1 f v",
    ],
)
def test_bad_arguments_change_nothing(line: str) -> None:
    keyspace = after(line)

    assert len(errors(keyspace)) == 1
    assert left(keyspace) == ("1 2 3 4", "1 3")


def test_a_trim_that_depends_on_nodes_is_not_guessed() -> None:
    many = [f"XADD x {number}-1 f v" for number in range(5, 120)]

    with pytest.raises(ReplayStopError) as caught:
        after(*many, "XTRIM x ACKED MAXLEN 110", "XGROUP SETID x g 119-1", "XTRIM x ACKED MAXLEN 110")

    assert caught.value.reason == "random"


def test_older_servers_take_the_words_for_ids() -> None:
    keyspace = after("XTRIM x ACKED MAXLEN 1", "XADD x KEEPREF 9-1 f v", flavour="redis-8.0")

    assert len(errors(keyspace)) == 2
    assert left(keyspace) == ("1 2 3 4", "1 3")

"""Commands that empty slots of a cluster."""

from __future__ import annotations

import pytest

from aoftool.commands.slots import emptied_slots, slot_of
from tests.keyspace.running import errors, keys, run

# foo lies in slot 12182, bar in 5061.
TWO = ["SET foo 1", "SET {foo}x 1", "SET bar 1"]


@pytest.mark.parametrize(
    ("flavour", "line", "left"),
    [
        ("redis-8.4", "TRIMSLOTS RANGES 1 12182 12182", {b"bar"}),
        ("redis-8.6", "trimslots ranges 2 13000 16383 0 6000", {b"foo", b"{foo}x"}),
        ("redis-8.6", "TRIMSLOTS RANGES 1 1 2", {b"foo", b"{foo}x", b"bar"}),
        ("redis-8.0", "SFLUSH 0 16383 ASYNC", set()),
        ("valkey-9", "CLUSTER FLUSHSLOT 5061 SYNC", {b"foo", b"{foo}x"}),
    ],
)
def test_the_keys_of_the_slots_go(flavour: str, line: str, left: set[bytes]) -> None:
    keyspace = run(*TWO, line, flavour=flavour)

    assert (keys(keyspace), errors(keyspace)) == (left, [])


@pytest.mark.parametrize(
    "line",
    [
        "TRIMSLOTS RANGES 2 12182 12182",
        "TRIMSLOTS RANGES 1 12182 16384",
        "TRIMSLOTS RANGES 1 9 8",
        "TRIMSLOTS RANGES 2 0 9 5 20000",
        "TRIMSLOTS RANGES 2 0 16383 5 6",
        "TRIMSLOTS SLOTS 1 0 16383",
        "SFLUSH 0 x",
    ],
)
def test_bad_ranges_remove_nothing(line: str) -> None:
    keyspace = run(*TWO, line, flavour="redis-8.6")

    assert len(keys(keyspace)) == 3
    assert len(errors(keyspace)) == 1


def test_slots_are_those_of_a_cluster() -> None:
    assert [slot_of(key) for key in (b"foo", b"bar", b"{foo}x", b"{}foo")] == [12182, 5061, 12182, 9500]
    assert emptied_slots([b"SFLUSH", b"5", b"9", b"0", b"1"]) == [range(2), range(5, 10)]
    assert emptied_slots([b"DEL", b"5"]) is None

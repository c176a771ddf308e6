"""SORT with STORE."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.keyspace.algorithms.partial_sort import partial_sort
from aoftool.keyspace.refusal import ReplayStopError
from tests.keyspace.running import FUTURE_MS, errors, expire_at_ms, keys, run, value

SETUP = [
    "RPUSH l 3 1 2 10",
    "MSET w1 c w2 b w3 a w10 d",
    "HSET h1 f x",
    "HSET h2 f y",
    "SADD s 3 1 2",
    "ZADD z 3 a 2 b 1 c",
]


def stored(line: str, **options: str) -> str | None:
    found = value(run(*SETUP, f"SORT {line} STORE d", **options), "d")
    return None if found is None else b",".join(found).decode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("l", "1,2,3,10"),
        ("l DESC", "10,3,2,1"),
        ("l ALPHA", "1,10,2,3"),
        ("l LIMIT 1 2", "2,3"),
        ("l BY nosort", "3,1,2,10"),
        ("l BY nosort DESC", "10,2,1,3"),
        ("l BY nosort LIMIT 1 2", "1,2"),
        ("l BY w* ALPHA", "3,2,1,10"),
        ("l BY w* ALPHA DESC LIMIT 0 2", "10,1"),
        ("l BY h*->f ALPHA", "3,10,1,2"),
        ("l GET # GET w*", "1,c,2,b,3,a,10,d"),
        ("l GET h*->f LIMIT 0 3", "x,y,"),
        ("l GET plain LIMIT 0 1", ""),
        ("s BY nosort", "1,2,3"),
        ("z BY nosort", "c,b,a"),
        ("z BY nosort DESC", "a,b,c"),
        ("z ALPHA", "a,b,c"),
        ("l LIMIT 9 1", None),
        ("nothing", None),
        ("l LIMIT 0 0", None),
    ],
)
def test_results(line: str, expected: str | None) -> None:
    assert stored(line) == expected


@pytest.mark.parametrize("line", ["z", "l NO", "l LIMIT x 1", "w1", "l BY", "l LIMIT 1"])
def test_refused_sort_keeps_the_target(line: str) -> None:
    keyspace = run(*SETUP, "SET d old", f"SORT {line}{' STORE d' if line != 'l BY' else ''}")

    assert value(keyspace, "d") == b"old"
    assert len(errors(keyspace)) == 1


def test_target_is_replaced_with_its_expire_time() -> None:
    keyspace = run(
        *SETUP, "SET d 1", f"PEXPIREAT d {FUTURE_MS}", "SORT l STORE d", "SET e 1", "SORT no STORE e"
    )

    assert expire_at_ms(keyspace, "d") is None
    assert b"e" not in keys(keyspace)


def test_ties_over_a_set_cannot_be_followed() -> None:
    with pytest.raises(ReplayStopError, match="SORT: a server chooses"):
        run("SADD s a b", "SORT s BY w* ALPHA STORE d")


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("redis-7.0", " 1", True),
        ("redis-8.0", "0x1", False),
        ("valkey-9.1", "1e400", False),
        ("redis-8.0", "1e400", True),
        ("redis-7.0", "4e-324", False),
        ("valkey-9.1", "4e-324", True),
        ("valkey-9.1", "", False),
        ("redis-8.0", "", True),
    ],
)
def test_numbers_are_read_as_each_server_reads_them(name: str, text: str, accepted: bool) -> None:
    keyspace = run(["RPUSH", "l", text, "5"], "SORT l STORE d", flavour=name)

    assert (b"d" in keys(keyspace)) == accepted


@given(st.lists(st.tuples(st.integers(0, 3), st.integers()), max_size=120), st.data())
def test_partial_sort_puts_its_range_right(items: list[tuple[int, int]], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, max(len(items) - 1, 0)))
    last = data.draw(st.integers(first, max(len(items) - 1, 0)))
    mixed = list(items)

    partial_sort(mixed, lambda a, b: a[0] - b[0], first, last)

    assert sorted(mixed) == sorted(items)
    expected = sorted(items, key=lambda item: item[0])
    assert [a for a, _ in mixed[first : last + 1]] == [a for a, _ in expected[first : last + 1]]

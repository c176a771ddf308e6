"""What a replay keeps beside the values goes where they go, and is gone when they are."""

from __future__ import annotations

import os
from typing import Any

import pytest

from aoftool.keyspace.engine import Keyspace
from tests.builders import to_bytes
from tests.servers import Server

AT_MS = 4_102_444_800_000
Argv = tuple[Any, ...]


def replayed(*commands: Argv) -> Keyspace:
    keyspace = Keyspace("redis-7.4", 16, allow_random=True, stands_in=True)
    for argv in commands:
        keyspace.execute([to_bytes(word) for word in argv])
    return keyspace


MEMBERS = [("SADD", "s", "m", "n"), ("PEXPIREMEMBERAT", "s", "m", AT_MS)]


@pytest.mark.parametrize(
    ("commands", "left"),
    [
        ([], [(0, b"s", b"m")]),
        ([("DEL", "s"), ("SADD", "s", "m")], []),
        ([("UNLINK", "s"), ("SADD", "s", "m")], []),
        ([("SET", "s", 1), ("DEL", "s"), ("SADD", "s", "m")], []),
        ([("FLUSHALL",), ("SADD", "s", "m")], []),
        ([("FLUSHDB",), ("SADD", "s", "m")], []),
        ([("RENAME", "s", "t"), ("SADD", "s", "m")], [(0, b"t", b"m")]),
        ([("SADD", "t", "m"), ("RENAME", "t", "s")], []),
        ([("COPY", "s", "t")], [(0, b"s", b"m"), (0, b"t", b"m")]),
        ([("COPY", "s", "t"), ("PERSIST", "s", "m")], [(0, b"t", b"m")]),
        ([("MOVE", "s", 3), ("SADD", "s", "m")], [(3, b"s", b"m")]),
        ([("SWAPDB", 0, 5)], [(5, b"s", b"m")]),
        ([("SUNIONSTORE", "s", "s")], []),
        ([("SREM", "s", "m")], []),
        ([("SREM", "s", "m"), ("SADD", "s", "m")], [(0, b"s", b"m")]),
        ([("PERSIST", "s")], []),
        ([("PEXPIREMEMBERAT", "s", "n", AT_MS), ("PERSIST", "s", "m")], [(0, b"s", b"n")]),
    ],
    ids=lambda value: "-".join(str(argv[0]) for argv in value) if isinstance(value, list) else None,
)
def test_expire_times_of_members(commands: list[Argv], left: list[tuple[int, bytes, bytes]]) -> None:
    keyspace = replayed(*MEMBERS, *commands)

    assert sorted(keyspace.member_times) == left
    assert set(keyspace.member_times.values()) <= {AT_MS}


def test_persist_of_a_member_leaves_the_time_of_the_key() -> None:
    keyspace = replayed(*MEMBERS, ("PEXPIREAT", "s", AT_MS), ("PERSIST", "s", "m"))

    assert keyspace.databases[0].expires == {b"s": AT_MS}


def test_values_that_are_gone_are_let_go_of() -> None:
    keyspace = replayed(*(argv for _ in range(3_000) for argv in (*MEMBERS, ("DEL", "s"))))

    assert len(keyspace._context.member_times._times) <= 1_025


SERIES = [("TS.CREATE", "a"), ("TS.CREATE", "b"), ("TS.CREATERULE", "a", "b", "AGGREGATION", "sum", 10)]


def _rules(server: Server, key: str) -> set[bytes]:
    try:
        told = server.send("TS.INFO", key)
    except Exception:
        return set()
    facts = dict(zip(told[::2], told[1::2], strict=True))
    return {os.fsencode(rule[0]) if isinstance(rule[0], str) else rule[0] for rule in facts[b"rules"]}


@pytest.mark.server
@pytest.mark.parametrize(
    "commands",
    [
        [],
        [("TS.DELETERULE", "a", "b")],
        [("DEL", "b"), ("TS.CREATE", "b")],
        [("DEL", "a"), ("TS.CREATE", "a")],
        [("SET", "b", 1)],
        [("FLUSHALL",), ("TS.CREATE", "a"), ("TS.CREATE", "b")],
        [("RENAME", "a", "c")],
        [("RENAME", "b", "c")],
        [("TS.CREATE", "c"), ("RENAME", "c", "b")],
        [("TS.CREATE", "c"), ("RENAMENX", "a", "c")],
        [("RENAME", "a", "c"), ("TS.CREATE", "a")],
        [("TS.CREATE", "c"), ("TS.CREATERULE", "a", "c", "AGGREGATION", "sum", 10), ("DEL", "b")],
    ],
    ids=lambda commands: "-".join(argv[0] for argv in commands) or "none",
)
def test_rules_of_time_series(commands: list[Argv], stack: Server) -> None:
    """Held against what a server says of its rules."""
    for argv in (*SERIES, *commands):
        stack.send(*argv)
    keyspace = replayed(*SERIES, *commands)

    compactions = keyspace._context.compactions
    for key in ("a", "b", "c"):
        ours = {target for _, target in compactions.of((0, key.encode()))}
        assert ours == _rules(stack, key), key


def test_rules_go_with_their_database() -> None:
    keyspace = replayed(*SERIES, ("SWAPDB", 0, 2), ("SELECT", 2))
    before = keyspace.databases[2].values[b"b"]

    keyspace.execute([b"TS.ADD", b"a", b"1", b"2"])

    assert keyspace.databases[2].values[b"b"] != before

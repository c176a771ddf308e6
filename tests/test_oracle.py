"""The oracle sees every difference that a log can carry, also those that the digest leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.corpus import FIXTURES, Case, case_params
from tests.oracle import assert_same_state, diff_states, digest, dump_state
from tests.servers import Build, Server, find_build, server_params

FUTURE_MS = 4_102_444_800_000

EVERYTHING: list[tuple[Any, ...]] = [
    ("SET", b"bytes \xff\x00", b"\r\n", "PXAT", FUTURE_MS),
    ("RPUSH", "list", "a", "b", "a"),
    ("SADD", "numbers", 1, 2, 3),
    ("SADD", "words", "x", "y"),
    ("HSET", "hash", "f", "1", "g", "2"),
    ("ZADD", "zset", "0.1", "a", "-inf", "b", "3.141592653589793", "c"),
    ("XADD", "stream", "1-1", "f", "v"),
    ("XADD", "stream", "1-2", "f", "v"),
    ("XGROUP", "CREATE", "stream", "group", "0"),
    ("XREADGROUP", "GROUP", "group", "alice", "COUNT", "1", "STREAMS", "stream", ">"),
    ("PFADD", "hll", "a", "b"),
]


def fill(server: Server) -> None:
    for command in EVERYTHING:
        server.send(*command)


def test_state_survives_a_restart_from_the_log(server_build: Build) -> None:
    with Server(server_build) as server:
        fill(server)
        server.send("SET", "elsewhere", "1", db=40)
        # Redis 7.0.15 forgets entries-read of a group when it reads its own XCLAIM ... LASTID again,
        # so the state to hold on to is the one after the first load.
        server.restart()
        before = dump_state(server)

        server.restart()

        assert_same_state(before, dump_state(server))
        assert before.sizes == {0: 8, 40: 1}


def test_state_holds_every_value_in_full(live_server: Server) -> None:
    fill(live_server)

    keys = dump_state(live_server).databases[0]

    assert keys[b"bytes \xff\x00"].value == b"\r\n"
    assert keys[b"bytes \xff\x00"].expire_at_ms == FUTURE_MS
    assert keys[b"list"].value == [b"a", b"b", b"a"]
    assert keys[b"numbers"].value == {b"1", b"2", b"3"}
    assert keys[b"hash"].value == {b"f": b"1", b"g": b"2"}
    assert keys[b"zset"].value == {b"a": 0.1, b"b": float("-inf"), b"c": 3.141592653589793}
    assert keys[b"stream"].value["entries"] == [(b"1-1", (b"f", b"v")), (b"1-2", (b"f", b"v"))]
    pending = keys[b"stream"].value["groups"][b"group"]["pending"]
    assert [(entry[0], entry[1], entry[3]) for entry in pending] == [(b"1-1", b"alice", 1)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("RPUSH", "list", "c"), "3 and 4 items, first difference at 3"),
        (("SREM", "words", "x"), "only left [b'x']"),
        (("HSET", "hash", "f", "3"), "b'1' != b'3'"),
        (("ZINCRBY", "zset", "1", "a"), "0.1 != 1.1"),
        (("DEL", "hll"), "only left, string"),
        (("SET", "new", "1"), "only right, string"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_difference_of_data_is_told(live_server: Server, change: tuple[str, ...], words: str) -> None:
    fill(live_server)
    before = dump_state(live_server)

    live_server.send(*change)
    differences = diff_states(before, dump_state(live_server))

    assert any(words in line for line in differences), differences
    assert any(line.startswith("digest") for line in differences)


@pytest.mark.parametrize(
    "change",
    [
        ("PEXPIREAT", b"bytes \xff\x00", FUTURE_MS + 1),
        ("XACK", "stream", "group", "1-1"),
        ("XSETID", "stream", "9-9"),
        ("XGROUP", "SETID", "stream", "group", "1-2"),
        ("XGROUP", "CREATECONSUMER", "stream", "group", "bob"),
    ],
    ids=lambda change: "-".join(str(word) for word in change[:2] if isinstance(word, str)),
)
def test_difference_that_the_digest_leaves_out_is_told(
    live_server: Server, change: tuple[str | bytes | int, ...]
) -> None:
    fill(live_server)
    before = dump_state(live_server)

    live_server.send(*change)
    after = dump_state(live_server)

    assert before.digest == after.digest
    assert diff_states(before, after) != []


@pytest.mark.server
def test_field_expire_times_are_compared() -> None:
    build = find_build("valkey-9") or find_build("redis-8")
    if build is None:
        pytest.skip("no server with field expire times")

    with Server(build) as server:
        fill(server)
        server.send("HPEXPIREAT", "hash", FUTURE_MS, "FIELDS", "1", "f")
        before = dump_state(server)
        server.send("HPEXPIREAT", "hash", FUTURE_MS + 1, "FIELDS", "1", "f")
        after = dump_state(server)

    assert before.databases[0][b"hash"].field_expire_at_ms == {b"f": FUTURE_MS}
    assert len(diff_states(before, after)) == 1


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_functions_are_compared_with_their_code(live_server: Server) -> None:
    before = dump_state(live_server)

    live_server.send(
        "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    )
    after = dump_state(live_server)

    assert [line.split(":")[0] for line in diff_states(before, after)] == ["function b'lib'"]


@pytest.mark.server
@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_fixture_gives_the_digest_that_was_measured(case: Case) -> None:
    build = find_build(case.server)
    measured = case.after_load(case.server)
    if build is None:
        pytest.skip(f"no {case.server} on this machine")

    with Server(build, source=case.source) as server:
        assert digest(server) == measured["digest"]
        assert sum(dump_state(server).sizes.values()) == measured["keys_total"]

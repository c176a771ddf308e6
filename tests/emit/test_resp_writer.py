"""Command bases: the same commands a server's own rewrite writes, and a server loads ours with all data."""

from __future__ import annotations

import io
import math
import random
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.emit.resp_writer import RespWriter, value_commands
from aoftool.errors import UnsupportedError
from aoftool.rdb.encode.payload import decode_payload
from aoftool.rdb.encode.score_text import score_text
from aoftool.rdb.encode.targets import TARGETS
from aoftool.rdb.encode.writer import ByteCounter
from aoftool.values import (
    Consumer,
    ConsumerGroup,
    HashValue,
    ListValue,
    ModuleValue,
    PendingEntry,
    StreamId,
    StreamIdmp,
    StreamValue,
    Value,
    ZSetValue,
)
from tests.oracle import assert_same_state, dump_state
from tests.servers import Build, Server, server_params

AT = 4102444800123


def commands(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Yield the commands of canonical bytes."""
    stream = io.BytesIO(data)
    while head := stream.readline():
        if head.startswith(b"#"):
            continue
        argv = []
        for _ in range(int(head[1:])):
            size = int(stream.readline()[1:])
            argv.append(stream.read(size))
            assert stream.read(2) == b"\r\n"
        yield tuple(argv)


def texts(value: Value, name: str) -> list[str]:
    """Return the commands for a key `k` as readable lines."""
    return [b" ".join(argv).decode() for argv in value_commands(b"k", value, TARGETS[name])]


def hash_of(pairs: dict[bytes, bytes], expires: dict[bytes, int]) -> HashValue:
    """Return a hash with expire times of fields."""
    value = HashValue(pairs)
    value.expires = expires
    return value


# --- by hand ----------------------------------------------------------------------------------


def test_long_list_is_pushed_64_at_a_time() -> None:
    sizes = [len(argv) for argv in value_commands(b"k", ListValue([b"e"] * 130), TARGETS["redis-7.0"])]

    assert sizes == [66, 66, 4]


def test_scores_are_printed_as_the_target_does() -> None:
    value = ZSetValue({b"a": 0.1, b"b": 1e30, b"c": float("-inf")})

    assert texts(value, "redis-7.0") == ["ZADD k 0.10000000000000001 a 1e+30 b -inf c"]
    assert texts(value, "valkey-9.0") == ["ZADD k 0.1 a 1e+30 b -inf c"]


def test_field_expire_times_are_set_as_the_target_does() -> None:
    value = hash_of({b"f": b"v", b"g": b"w"}, {b"g": AT})

    assert texts(value, "valkey-9.0") == [f"HSETEX k PXAT {AT} FIELDS 1 g w", "HMSET k f v"]
    assert texts(value, "redis-8.0") == ["HMSET k f v", "HMSET k g w", f"HPEXPIREAT k {AT} FIELDS 1 g"]


def test_empty_stream_is_made_and_numbered() -> None:
    value = StreamValue(last_id=StreamId(5, 5), max_deleted_id=StreamId(5, 5), entries_added=1)

    assert texts(value, "redis-7.0") == [
        "XADD k MAXLEN 0 0-1 x y",
        "XSETID k 5-5 ENTRIESADDED 1 MAXDELETEDID 5-5",
    ]
    assert texts(value, "redis-6.2") == ["XADD k MAXLEN 0 0-1 x y", "XSETID k 5-5"]


def recorded(**change: Any) -> StreamValue:
    """Return a stream of two entries from one producer, with something else about its producers."""
    held = {b"p": {b"i": StreamId(1, 0), b"j": StreamId(2, 0)}}
    idmp = StreamIdmp(**{"producers": held, "iids_added": 2, **change})
    fields: tuple[tuple[bytes, bytes], ...] = ((b"f", b"v"),)
    entries = {StreamId(1, 0): fields, StreamId(2, 0): fields}
    return StreamValue(entries, last_id=StreamId(2, 0), entries_added=2, idmp=idmp)


def test_what_producers_sent_is_recorded_behind_the_entries() -> None:
    target = replace(TARGETS["redis-8.0"], stream_version=4)

    written = list(value_commands(b"x", recorded(duration_s=7), target))

    assert [argv[0] for argv in written[:3]] == [b"XADD", b"XADD", b"XSETID"]
    assert written[3:] == [
        (b"XCFGSET", b"x", b"IDMP-DURATION", b"7", b"IDMP-MAXSIZE", b"100"),
        (b"XIDMPRECORD", b"x", b"p", b"i", b"1-0"),
        (b"XIDMPRECORD", b"x", b"p", b"j", b"2-0"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"iids_added": 5},
        {"iids_duplicates": 1},
        {"producers": {b"p": {b"i": StreamId(9, 9)}}, "iids_added": 1},
        {"producers": {b"p": {}}, "iids_added": 0},
    ],
)
def test_what_no_command_says_of_producers_takes_a_payload(change: dict[str, Any]) -> None:
    target = replace(TARGETS["redis-8.0"], stream_version=4)

    (written,) = value_commands(b"x", recorded(**change), target)

    assert written[0] == b"RESTORE"


def test_pending_entries_that_are_gone_are_claimed_before_the_others_and_trimmed() -> None:
    pending = {StreamId(1, n): PendingEntry(b"c", 9, 1) for n in range(1, 4)}
    group = ConsumerGroup(StreamId(1, 3), 3, pel={**pending, StreamId(2, 0): PendingEntry(b"c", 9, 1)})
    group.consumers = {b"c": Consumer(), b"idle": Consumer()}
    value = StreamValue({StreamId(1, 2): ((b"f", b"v"),)}, StreamId(1, 5), entries_added=4)
    value.groups = {b"g": group}

    assert texts(value, "redis-7.0") == [
        "XADD k 1-1 x y",
        "XADD k 1-3 x y",
        "XADD k 2-0 x y",
        "XGROUP CREATE k g 1-3 ENTRIESREAD 3",
        "XCLAIM k g c 0 1-1 1-3 TIME 9 RETRYCOUNT 1 JUSTID FORCE",
        "XCLAIM k g c 0 2-0 TIME 9 RETRYCOUNT 1 JUSTID FORCE",
        "XTRIM k MAXLEN 0",
        "XSETID k 0-0",
        "XADD k 1-2 f v",
        "XSETID k 1-5 ENTRIESADDED 4 MAXDELETEDID 0-0",
        "XCLAIM k g c 0 1-2 TIME 9 RETRYCOUNT 1 JUSTID FORCE",
        "XGROUP CREATECONSUMER k g idle",
    ]
    # Redis 6.0 makes a consumer only for one that reads.
    assert texts(value, "redis-6.0")[-1] == "XREADGROUP GROUP g idle STREAMS k 0"


@pytest.mark.parametrize(
    "value",
    [
        ZSetValue({b"a": 0.0, b"b": -0.0}),
        StreamValue(last_id=StreamId(5, 0), max_deleted_id=StreamId(6, 0), entries_added=1),
        StreamValue({StreamId(5, 0): ((b"f", b"v"),)}, StreamId(5, 0), entries_added=0),
    ],
    ids=["minus-zero", "last-below-deleted", "more-than-added"],
)
def test_what_commands_lose_is_restored_from_a_payload(value: Value) -> None:
    def names(target: str) -> list[bytes]:
        return [argv[0] for argv in value_commands(b"k", value, TARGETS[target])]

    assert names("redis-7.0") == names("valkey-9.0") == [b"RESTORE"]
    assert b"RESTORE" not in names("redis-6.2")


def test_zero_alone_needs_no_payload() -> None:
    assert texts(ZSetValue({b"a": 0.0}), "redis-7.0") == ["ZADD k 0 a"]


def test_database_is_selected_with_its_first_key() -> None:
    out = io.BytesIO()
    writer = RespWriter(out, TARGETS["redis-7.0"], 1_700_000_000)
    writer.function(b"#!lua name=l\n")
    writer.select(0)
    writer.select(3)
    writer.key(b"k", b"v", expire_at_ms=AT)

    size = writer.close()

    assert out.getvalue().startswith(b"#TS:1700000000\r\n*3\r\n$8\r\nFUNCTION\r\n")
    assert size == len(out.getvalue())
    assert [argv[0] for argv in commands(out.getvalue())] == [b"FUNCTION", b"SELECT", b"SET", b"PEXPIREAT"]


def test_aggregate_without_elements_is_an_error() -> None:
    with pytest.raises(ValueError, match="without elements"):
        RespWriter(ByteCounter(), TARGETS["redis-7.0"]).key(b"k", ListValue())


def test_nothing_written_is_an_empty_file() -> None:
    assert RespWriter(ByteCounter(), TARGETS["redis-6.2"], 1_700_000_000).close() == 0


def test_strings_in_one_go_are_those_of_one_key_after_the_other() -> None:
    rows = [(b"a", b"", None), (b"", b"\r\n", AT), (b"c", b"x" * 300, -1)]
    sinks = io.BytesIO(), io.BytesIO()
    at_once, one_by_one = (RespWriter(sink, TARGETS["valkey-9.1"]) for sink in sinks)
    for writer in (at_once, one_by_one):
        writer.select(3)
    at_once.strings([])
    at_once.strings(rows)
    for key, value, expire_at_ms in rows:
        one_by_one.key(key, value, expire_at_ms=expire_at_ms)

    assert at_once.close() == one_by_one.close()
    assert sinks[0].getvalue() == sinks[1].getvalue()
    assert sinks[0].getvalue().startswith(b"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n")


def test_what_the_target_cannot_hold_is_refused_by_name() -> None:
    writer = RespWriter(ByteCounter(), TARGETS["redis-6.2"])
    writer.function(b"#!lua name=l\n")
    writer.key(b"h", hash_of({b"f": b"v"}, {b"f": AT}))
    writer.key(b"vec", ModuleValue("vectorset", 0, b""))

    with pytest.raises(UnsupportedError, match="3 of the items"):
        writer.close()
    assert [name for _, name, _ in writer.refused] == [b"#!lua name=l", b"h", b"vec"]


# --- against servers --------------------------------------------------------------------------


def _target(build: Build) -> Any:
    return TARGETS[build.release]


def fill(server: Server) -> None:
    """Make keys of every type, with everything a rewrite has to say about them."""
    names = [b"m:%d" % i for i in range(200)]
    send: list[tuple[Any, ...]] = [
        ("SET", "i", "12345"),
        ("SETEX", "s", 100_000, b"bin\x00\r\n"),
        ("RPUSH", "l", *names),
        ("SADD", "set", *names),
        ("SADD", "ints", *range(100)),
        ("HSET", "h", *(x for n in names for x in (n, n))),
        ("HSET", "h2", "a", "1"),
    ]
    scores = ["0.1", "1", "inf", "-inf", "3e-300", "1e20", "1e21", "1e22", "1.5e23", "123456789012345680000"]
    scores += [
        "0.00001",
        "0.000001",
        "0.0000001",
        "1.25e-7",
        "4503599627370496",
        "-4503599627370497",
        "1e15",
        "1e17",
    ]
    scores += [
        "9007199254740993",
        "0.30000000000000004",
        "5e-324",
        "1.7976931348623157e308",
        "-0.5",
        "100",
        "1e16",
    ]
    scores += [
        "12345678.9",
        "123456789.125",
        "0.00012345",
        "1.0000000000000002",
        "3.141592653589793",
        "-1e-5",
    ]
    send.append(("ZADD", "z", *(x for i, score in enumerate(scores) for x in (score, b"z:%d" % i))))
    send.append(("ZADD", "zbig", *(x for i, n in enumerate(names) for x in (i / 3, n))))
    send += [("XADD", "x", f"{i}-1", "f", i, "g", "v") for i in range(1, 21)]
    send += [("XGROUP", "CREATE", "x", "g", "0"), ("XGROUP", "CREATE", "x", "a", "7-1")]
    send += [("XREADGROUP", "GROUP", "g", "zoe", "COUNT", "5", "STREAMS", "x", ">")]
    send += [("XREADGROUP", "GROUP", "g", "bob", "COUNT", "4", "STREAMS", "x", ">")]
    send += [
        ("XGROUP", "CREATECONSUMER", "x", "g", "idle"),
        ("XADD", "xe", "5-5", "f", "v"),
        ("XDEL", "xe", "5-5"),
    ]
    send += [("SELECT", "9"), ("SET", "far", "away"), ("SELECT", "0")]
    if server.build.version >= (7,):
        code = "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
        send.append(("FUNCTION", "LOAD", code))
    if _target(server.build).field_expiry:
        send += [
            ("HSET", "ttl", "a", "1", "b", "2", "c", "3"),
            ("HPEXPIREAT", "ttl", AT, "FIELDS", "2", "c", "a"),
        ]
    for reply in server.pipeline(send):
        assert not isinstance(reply, Exception), reply


def rewritten(server: Server) -> bytes:
    """Have the server write its commands anew and return them."""
    server.send("CONFIG", "SET", "aof-use-rdb-preamble", "no")
    server.send("BGREWRITEAOF")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        facts = server.info("persistence")
        if str(facts["aof_rewrite_in_progress"]) == "0" and str(facts["aof_rewrite_scheduled"]) == "0":
            break
        time.sleep(0.02)
    if not server.build.multi_part:
        return (server.log_directory / "appendonly.aof").read_bytes()
    (base,) = server.log_directory.glob("*.base.aof")
    return base.read_bytes()


def by_key(argvs: Iterator[tuple[bytes, ...]]) -> dict[bytes, list[tuple[bytes, ...]]]:
    """Group commands by key; those without one go under their name."""
    found: dict[bytes, list[tuple[bytes, ...]]] = {}
    for argv in argvs:
        name = (
            argv[2] if argv[0] == b"XGROUP" else argv[0] if argv[0] in (b"FUNCTION", b"SELECT") else argv[1]
        )
        found.setdefault(name, []).append(argv)
    return found


def unordered(argvs: list[tuple[bytes, ...]]) -> Any:
    """Forget the order of elements that a hash table does not keep."""
    name, per_item = argvs[0][0], {b"SADD": 1, b"ZADD": 2, b"HMSET": 2, b"HSETEX": 6}
    if name not in per_item:
        return argvs
    if any(argv[0] in (b"HPEXPIREAT", b"HSETEX") for argv in argvs):
        return sorted(argvs)
    width = per_item[name]
    items = [argv[at : at + width] for argv in argvs if argv[0] == name for at in range(2, len(argv), width)]
    return name, [len(argv) for argv in argvs], sorted(items), argvs[-1] if argvs[-1][0] != name else None


@pytest.mark.parametrize("server_build", server_params())
def test_commands_are_those_of_the_servers_own_rewrite(
    server_build: Build, start_server: Callable[..., Server]
) -> None:
    server = start_server(server_build)
    fill(server)
    target = _target(server_build)
    keys = server.send("KEYS", "*")

    theirs = by_key(commands(rewritten(server)))

    for key, dump in zip(keys, server.pipeline([("DUMP", key) for key in keys]), strict=True):
        mine = list(value_commands(key, decode_payload(dump), target))
        server_own = [argv for argv in theirs[key] if argv[0] != b"PEXPIREAT"]
        assert unordered(mine) == unordered(server_own), key


def random_scores(count: int) -> list[float]:
    """Return finite scores: any bits, short decimals, whole numbers, powers of ten."""
    source = random.Random(5)
    kinds: list[Callable[[], float]] = [
        lambda: struct.unpack("<d", source.randbytes(8))[0],
        lambda: source.uniform(-1000, 1000),
        lambda: round(source.uniform(-1e6, 1e6), source.randrange(8)),
        lambda: float(source.randrange(-(10**18), 10**18)),
        lambda: 10.0 ** source.randrange(-30, 30) * source.randrange(1, 1000),
    ]
    scores = [kinds[i % len(kinds)]() for i in range(count)]
    return [score if math.isfinite(score) else 0.5 for score in scores]


@pytest.mark.parametrize("server_build", server_params())
def test_scores_are_printed_as_the_server_prints_them(
    server_build: Build, start_server: Callable[..., Server]
) -> None:
    server = start_server(server_build)
    scores = random_scores(2000)
    server.send("ZADD", "z", *(part for i, score in enumerate(scores) for part in (repr(score), i)))
    shortest = _target(server_build).shortest_scores

    printed = {
        int(member): text
        for argv in commands(rewritten(server))
        if argv[0] == b"ZADD"
        for text, member in zip(argv[2::2], argv[3::2], strict=True)
    }

    different = [i for i, score in enumerate(scores) if printed[i] != score_text(score, shortest=shortest)]
    assert all(float(score_text(score, shortest=shortest)) == score for score in scores)
    # Grisu2 does not always find the shortest digits; 17 digits leave no choice.
    assert len(different) <= (len(scores) * 0.02 if shortest else 0)
    assert all(float(printed[i]) == scores[i] for i in different)


@pytest.mark.parametrize("server_build", server_params())
def test_server_loads_the_commands_with_all_data(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(server_build)
    fill(server)
    # Entries that are pending although they are gone: a server's own rewrite loses them.
    server.send("XDEL", "x", "2-1", "3-1", "7-1", "20-1")
    if server_build.id.startswith("redis-8"):
        server.send("VADD", "vec", "VALUES", "2", "1", "0.5", "e1")
    state = dump_state(server)
    target = _target(server_build)
    out = io.BytesIO()
    writer = RespWriter(out, target, 1_700_000_000)
    for code in state.functions.values():
        writer.function(code)
    for db in state.databases:
        keys = server.send("KEYS", "*", db=db)
        writer.select(db)
        for key, dump in zip(keys, server.pipeline([("DUMP", key) for key in keys], db=db), strict=True):
            writer.key(key, decode_payload(dump), expire_at_ms=state.databases[db][key].expire_at_ms)
    writer.close()
    path = tmp_path / "written.aof"
    path.write_bytes(out.getvalue())

    again = start_server(server_build, source=path)

    assert again.outcome is not None
    assert again.outcome.loaded, again.log_text()
    assert_same_state(state, dump_state(again))

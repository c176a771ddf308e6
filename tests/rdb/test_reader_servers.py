"""What we read in a server's RDB is what that server answers, for every type and encoding it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.files import open_source
from aoftool.rdb.records.reader import records
from aoftool.rdb.verify.record import verify
from tests.corpus import PeerFile, peer_files
from tests.oracle import State, dump_state
from tests.rdb.states import key_state
from tests.servers import Build, Server, builds

FAR_MS = 4102444800123
MODULE_TYPES = {"vectorset"}
# Encodings that the commands below bring about; the newest form a server knows replaces the older.
ALWAYS = {
    ("string", "raw"), ("string", "int"), ("string", "lzf"), ("set", "intset"), ("set", "plain"),
    ("zset", "binary"), ("hash", "plain"),
}  # fmt: skip
SINCE_7 = {
    ("list", "quicklist2"), ("hash", "listpack"), ("zset", "listpack"),
}  # fmt: skip
BEFORE_7 = {("list", "quicklist"), ("hash", "ziplist"), ("zset", "ziplist"), ("stream", "stream-v1")}


def commands() -> Iterator[tuple[Any, ...]]:
    """Yield writes that bring about every type in its small and its large form."""
    for number in (0, 5, -5, 300, 70000, -(2**31), 2**31, 2**63 - 1, -(2**63)):
        yield ("SET", f"int:{number}", number)
    texts = (b"", b"007", b"-0", b"+5", b"3.0", b"a" * 20, b"a" * 21, b"ab" * 5000, bytes(range(256)) * 40)
    for text in texts:
        yield ("SET", b"text:" + text[:8] + b"%d" % len(text), text)
    yield ("SET", b"k" * 300, "long key")
    yield ("SET", b"\x00\xff\r\n", b"\x1b[1m")
    yield ("SET", "123", "integer key", "PX", 10**12)
    yield ("RPUSH", "list:small", "a", "b", 1, -7, 300, 70000, 2**40, "", "x" * 70)
    yield ("RPUSH", "list:nodes", *[f"element {n}" * (n % 30) for n in range(900)])
    yield ("RPUSH", "list:huge", "a", "h" * 20000, "b" * 9000, "c")
    yield ("SADD", "set:int16", 1, -2, 300)
    yield ("SADD", "set:int32", 1, -70000)
    yield ("SADD", "set:int64", 1, 2**40, -(2**63))
    yield ("SADD", "set:text", "a", "b", 5, "")
    yield ("SADD", "set:large", *[f"m{n}" for n in range(700)])
    yield ("ZADD", "zset:small", "-inf", "c", 1, "a", 2.5, "b", 1e300, "d", -0.5, "5", 3, "", "inf", "z")
    yield ("ZADD", "zset:large", *[part for n in range(300) for part in (n / 7 - 9, f"member {n}")])
    yield ("HSET", "hash:small", "f", "v", "n", 12, "", "empty", "e", "", 5, -4097)
    yield ("HSET", "hash:large", *[part for n in range(700) for part in (f"f{n}", f"v{n}" * 9)])
    yield ("HSET", "hash:wide", "f", "w" * 70)


def stream_commands() -> Iterator[tuple[Any, ...]]:
    """Yield writes that bring about streams with deleted entries, groups and pending entries."""
    for entry_id, *fields in (("1-1", "a", 1, "b", 2), ("1-2", "a", 3, "b", 4), ("2-0", "c", "x")):
        yield ("XADD", "stream:small", entry_id, *fields)
    yield ("XDEL", "stream:small", "1-2")
    for number in range(500):
        yield ("XADD", "stream:large", f"{number // 3 + 1}-{number}", "f", number, f"g{number % 2}", "v" * 30)
    yield ("XTRIM", "stream:large", "MAXLEN", 400)
    yield ("XADD", "stream:empty", "7-7", "f", "v")
    yield ("XDEL", "stream:empty", "7-7")
    yield ("XGROUP", "CREATE", "stream:small", "g", "0")
    yield ("XGROUP", "CREATE", "stream:small", "at end", "$")
    yield ("XREADGROUP", "GROUP", "g", "alice", "COUNT", 1, "STREAMS", "stream:small", ">")
    yield ("XREADGROUP", "GROUP", "g", "bob", "STREAMS", "stream:small", ">")
    yield ("XGROUP", "CREATE", "stream:large", "g", "0")
    yield ("XREADGROUP", "GROUP", "g", "alice", "COUNT", 300, "STREAMS", "stream:large", ">")
    yield ("XACK", "stream:large", "g", "40-119")


def fill(server: Server) -> None:
    """Write every kind of data that the server knows."""
    build = server.build
    server.pipeline([*commands(), *stream_commands()])
    server.pipeline([("SET", "k", "v"), ("RPUSH", "l", "a"), ("PEXPIREAT", "l", FAR_MS)], db=3)
    server.send("SET", "last", "db", db=15)
    field_times_since = {"valkey": (9,), "redis": (7, 4)}
    if build.version >= field_times_since[build.kind]:
        server.send("HSET", "hash:expiring", "f", "v", "g", "w", "n", 5)
        server.send("HPEXPIREAT", "hash:expiring", FAR_MS, "FIELDS", 2, "f", "n")
        server.send("HSET", "hash:expiring:large", *[part for n in range(700) for part in (f"f{n}", n)])
        server.send("HPEXPIREAT", "hash:expiring:large", FAR_MS + 5, "FIELDS", 2, "f7", "f9")
        server.send("HPEXPIREAT", "hash:expiring:large", FAR_MS, "FIELDS", 1, "f600")
    if build.kind == "redis" and build.version >= (8,):
        server.send("VADD", "vectors", "VALUES", 3, 0.1, 0.2, 0.3, "element")


def expected_encodings(build: Build) -> set[tuple[str, str]]:
    """Return (type, encoding) pairs that the file of that server must hold."""
    if build.version < (7,):
        return ALWAYS | BEFORE_7
    found = ALWAYS | SINCE_7
    valkey = build.kind == "valkey"
    new = build.version >= (7, 2)
    found |= {("stream", "stream-v3"), ("set", "listpack")} if new else {("stream", "stream-v2")}
    if not valkey and build.version >= (8, 6):
        found = found - {("stream", "stream-v3")} | {("stream", "stream-v4")}
    if valkey and build.version >= (9,):
        found |= {("hash", "hash2")}
    if not valkey and build.version >= (7, 4):
        found |= {("hash", "plain-ttl"), ("hash", "listpack-ttl")}
    if not valkey and build.version >= (8,):
        found |= {("module", "vectorset")}
    return found


def assert_reads_as(path: Path, state: State, *, sound: bool = True) -> set[tuple[str, str]]:
    """Hold what we read in a file against what a server said; return the encodings seen."""
    ours: dict[tuple[int, bytes], Any] = {}
    seen: set[tuple[str, str]] = set()
    with open_source(path) as source:
        reader = records(source)
        for record in reader:
            seen.add((record.type_name, record.encoding))
            asked = state.databases.get(record.db, {}).get(record.key)
            if sound:
                assert verify(record) == []
            if asked is None or asked.type in MODULE_TYPES:
                ours[record.db, record.key] = asked
                continue
            ours[record.db, record.key] = key_state(record, asked)
    assert reader.summary.damage is None
    theirs = {(db, key): entry for db, keys in state.databases.items() for key, entry in keys.items()}
    # Keys that the server dropped for their age are ours alone.
    for place, entry in list(ours.items()):
        if place not in theirs:
            assert entry is None
            del ours[place]
    assert set(ours) == set(theirs)
    for place, entry in theirs.items():
        assert ours[place] == entry, place
    return seen


def test_every_type_and_encoding_reads_as_the_server_answers(live_server: Server) -> None:
    fill(live_server)

    live_server.send("SAVE")

    state = dump_state(live_server)
    assert sum(map(len, state.databases.values())) >= 40
    path = live_server.data_directory / "dump.rdb"
    seen = assert_reads_as(path, state)
    assert expected_encodings(live_server.build) <= seen


def _loadable() -> Iterator[Any]:
    """Yield the files of other projects, each with the newest server here that loads it."""
    for entry in peer_files():
        magic = entry.path.read_bytes()[:6]
        if not magic.startswith((b"REDIS", b"VALKEY")) or entry.path.suffix != ".rdb":
            continue
        for build in reversed(builds()):
            facts = entry.facts["servers"].get(build.id, {})
            if facts.get("as_primary", {}).get("loads"):
                yield pytest.param(entry, build, id=f"{entry.id}-{build.id}", marks=pytest.mark.corpus)
                break


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize(("entry", "build"), list(_loadable()))
def test_file_of_another_project_reads_as_its_server_answers(
    entry: PeerFile, build: Build, start_server: Callable[..., Server]
) -> None:
    server = start_server(build, source=entry.path)

    # Some of these files hold faults that this server lets pass.
    assert_reads_as(entry.path, dump_state(server), sound=False)

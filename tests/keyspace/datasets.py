"""Data sets in one plain form, from the engine and from a real server, so that they can be compared.

A server is asked through its own rewrite into commands, because that shows what replies hide: keys and
fields whose time is past, and whether a zero score is negative. The few commands of a rewrite are read by
code of their own here, so that a mistake of the engine cannot hide on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aoftool.keyspace.engine import Keyspace
from aoftool.values import (
    IDMP_DURATION_S,
    IDMP_MAX_ENTRIES,
    HashValue,
    ListValue,
    SetValue,
    StreamIdmp,
    StreamValue,
    ZSetValue,
)
from tests.builders import log, select
from tests.reloading import live_file
from tests.servers import Build, Server, ServerDied

REWRITE_SETTINGS = {"aof-use-rdb-preamble": "no", "hz": "500"}


def flavour_of(build: Build) -> str:
    """Return the name of the flavour of a build, with its patch number."""
    return f"{build.kind}-{build.number}"


@dataclass
class Key:
    """Hold one key in plain Python types."""

    kind: str
    value: Any
    expire_at_ms: int | None = None


@dataclass
class Dataset:
    """Hold all keys by (database, name), and the sources of all libraries."""

    keys: dict[tuple[int, bytes], Key] = field(default_factory=dict)
    libraries: frozenset[bytes] = frozenset()


def _signed(score: float) -> tuple[float, float]:
    """Tell 0 from -0."""
    return score, math.copysign(1.0, score)


# -- the engine's side -------------------------------------------------------------------------


def dataset_of(keyspace: Keyspace) -> Dataset:
    """Return what a keyspace holds."""
    found = Dataset(libraries=frozenset(library.code for library in keyspace.libraries.values()))
    counters = keyspace.flavour.version >= (7, 0)
    for number, database in enumerate(keyspace.databases):
        for name, entry in database.entries():
            found.keys[number, name] = Key(*_plain(entry.value, counters), entry.expire_at_ms)
    return found


def _plain(value: Any, counters: bool) -> tuple[str, Any]:
    if isinstance(value, bytes):
        return "string", value
    if isinstance(value, ListValue):
        return "list", list(value)
    if isinstance(value, SetValue):
        return "set", set(value)
    if isinstance(value, ZSetValue):
        return "zset", {member: _signed(score) for member, score in value.items()}
    if isinstance(value, HashValue):
        return "hash", {name: (content, value.expires.get(name)) for name, content in value.items()}
    assert isinstance(value, StreamValue)
    return "stream", _plain_stream(value, counters)


def _plain_stream(value: StreamValue, counters: bool) -> dict[str, Any]:
    groups = {
        name: {
            "last_id": group.last_id.encode(),
            "entries_read": group.entries_read if counters else None,
            "consumers": set(group.consumers),
            "pel": {
                entry_id.encode(): (row.consumer, row.delivery_time_ms, row.delivery_count)
                for entry_id, row in group.pel.items()
            },
        }
        for name, group in value.groups.items()
    }
    assert list(value.entries) == sorted(value.entries)
    idmp = value.idmp or StreamIdmp()
    return {
        "entries": {
            i.encode(): [part for pair in fields for part in pair] for i, fields in value.entries.items()
        },
        "last_id": value.last_id.encode(),
        "added": value.entries_added if counters else None,
        "max_deleted": value.max_deleted_id.encode() if counters else None,
        "groups": groups,
        "idmp": (idmp.duration_s, idmp.max_entries),
        # A rewrite of the server leaves out those whose entry is gone.
        "producers": {
            (producer, name): entry_id.encode()
            for producer, held in idmp.producers.items()
            for name, entry_id in held.items()
            if entry_id in value.entries
        },
    }


# -- the server's side -------------------------------------------------------------------------


class Loader:
    """Run one server that loads log after log and tells what it then holds."""

    def __init__(self, build: Build, databases: int = 64) -> None:
        self.build = build
        self.databases = databases
        self._server: Server | None = None

    def close(self) -> None:
        if self._server is not None:
            self._server.remove()
            self._server = None

    def _started(self) -> Server:
        if self._server is None:
            self._server = Server(self.build, settings=REWRITE_SETTINGS, databases=self.databases)
            self._server.start()
        return self._server

    def load(self, commands: Sequence[Sequence[bytes]]) -> Dataset | None:
        """Return the data set after loading a log; None when the server died of it."""
        # An empty file would be an error to 6.2.
        return self.load_files(b"", select(0) + log(*commands))

    def load_files(self, base: bytes, rest: bytes) -> Dataset | None:
        """Return the data set after loading two files, of which the first may have an RDB part."""
        server = self._started()
        try:
            server.empty()
            server.send("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            self._place(base, rest)
            server.send("DEBUG", "LOADAOF")
            server.rewrite()
        except ServerDied:
            self.close()
            return None
        return read_rewrite(_base_file(server).read_bytes())

    def _place(self, base: bytes, rest: bytes) -> None:
        """Make this the whole log, in place of what the last rewrite left."""
        server = self._started()
        if not server.build.multi_part:
            live_file(server).write_bytes(base + rest)
            return
        _base_file(server).write_bytes(base)
        live_file(server).write_bytes(rest)


def _base_file(server: Server) -> Path:
    if not server.build.multi_part:
        return server.log_directory / "appendonly.aof"
    return max(server.log_directory.glob("*.base.aof"), key=lambda path: path.stat().st_mtime_ns)


def commands_in(content: bytes) -> Iterator[list[bytes]]:
    """Yield the commands of a log as servers write it."""
    at = 0
    while at < len(content):
        line, at = _line(content, at)
        argv = []
        for _ in range(int(line[1:])):
            header, at = _line(content, at)
            size = int(header[1:])
            argv.append(content[at : at + size])
            at += size + 2
        yield argv


def _line(content: bytes, at: int) -> tuple[bytes, int]:
    end = content.index(b"\r\n", at)
    return content[at:end], end + 2


def read_rewrite(content: bytes) -> Dataset:
    """Return the data set that a server's rewrite into commands describes."""
    reader = _RewriteReader()
    for argv in commands_in(content):
        reader.read(argv)
    reader.found.libraries = frozenset(reader.codes)
    return reader.found


class _RewriteReader:
    def __init__(self) -> None:
        self.found = Dataset()
        self.codes: set[bytes] = set()
        self.db = 0

    def _key(self, name: bytes, kind: str, empty: Any) -> Key:
        return self.found.keys.setdefault((self.db, name), Key(kind, empty))

    def read(self, argv: list[bytes]) -> None:
        getattr(self, "_" + argv[0].decode().lower())(argv)

    def _select(self, argv: list[bytes]) -> None:
        self.db = int(argv[1])

    def _function(self, argv: list[bytes]) -> None:
        self.codes.add(argv[-1])

    def _set(self, argv: list[bytes]) -> None:
        self._key(argv[1], "string", argv[2])

    def _rpush(self, argv: list[bytes]) -> None:
        self._key(argv[1], "list", []).value.extend(argv[2:])

    def _sadd(self, argv: list[bytes]) -> None:
        self._key(argv[1], "set", set()).value.update(argv[2:])

    def _zadd(self, argv: list[bytes]) -> None:
        value = self._key(argv[1], "zset", {}).value
        for score, member in zip(argv[2::2], argv[3::2], strict=True):
            value[member] = _signed(float(score))

    def _hmset(self, argv: list[bytes]) -> None:
        value = self._key(argv[1], "hash", {}).value
        for name, content in zip(argv[2::2], argv[3::2], strict=True):
            value[name] = (content, None)

    def _hsetex(self, argv: list[bytes]) -> None:
        _, name, _, time_ms, _, _, hash_field, content = argv
        self._key(name, "hash", {}).value[hash_field] = (content, int(time_ms))

    def _hpexpireat(self, argv: list[bytes]) -> None:
        value = self._key(argv[1], "hash", {}).value
        value[argv[5]] = (value[argv[5]][0], int(argv[2]))

    def _pexpireat(self, argv: list[bytes]) -> None:
        self.found.keys[self.db, argv[1]].expire_at_ms = int(argv[2])

    def _stream(self, name: bytes) -> dict[str, Any]:
        plain = (IDMP_DURATION_S, IDMP_MAX_ENTRIES)
        empty: dict[str, Any] = {
            "entries": {},
            "last_id": b"0-0",
            "added": None,
            "max_deleted": None,
            "groups": {},
            "idmp": plain,
            "producers": {},
        }
        value: dict[str, Any] = self._key(name, "stream", empty).value
        return value

    def _xadd(self, argv: list[bytes]) -> None:
        stream = self._stream(argv[1])
        if argv[2] != b"MAXLEN":
            stream["entries"][argv[2]] = argv[3:]

    def _xsetid(self, argv: list[bytes]) -> None:
        stream = self._stream(argv[1])
        stream["last_id"] = argv[2]
        for word, text in zip(argv[3::2], argv[4::2], strict=True):
            if word == b"ENTRIESADDED":
                stream["added"] = int(text)
            else:
                stream["max_deleted"] = text

    def _xgroup(self, argv: list[bytes]) -> None:
        groups = self._stream(argv[2])["groups"]
        if argv[1] == b"CREATECONSUMER":
            groups[argv[3]]["consumers"].add(argv[4])
            return
        read = int(argv[6]) if len(argv) > 6 else -1
        groups[argv[3]] = {
            "last_id": argv[4],
            "entries_read": None if read < 0 else read,
            "consumers": set(),
            "pel": {},
        }

    def _xcfgset(self, argv: list[bytes]) -> None:
        self._stream(argv[1])["idmp"] = (int(argv[3]), int(argv[5]))

    def _xidmprecord(self, argv: list[bytes]) -> None:
        self._stream(argv[1])["producers"][argv[2], argv[3]] = argv[4]

    def _xclaim(self, argv: list[bytes]) -> None:
        group = self._stream(argv[1])["groups"][argv[2]]
        group["consumers"].add(argv[3])
        group["pel"][argv[5]] = (argv[3], int(argv[7]), int(argv[9]))


# -- comparing ---------------------------------------------------------------------------------


def differences(engine: Dataset, server: Dataset, tolerance_ms: int = 0) -> list[str]:
    """List what differs, in readable lines. Times may differ by the tolerance."""
    lines = []
    for place in sorted(engine.keys.keys() | server.keys.keys()):
        ours, theirs = engine.keys.get(place), server.keys.get(place)
        if ours is None or theirs is None:
            lines.append(f"{place}: engine {_short(ours)}, server {_short(theirs)}")
        elif not _same(ours, theirs, tolerance_ms):
            lines.append(f"{place}: engine {_short(ours)}\n    server {_short(theirs)}")
    if engine.libraries != server.libraries:
        lines.append(f"libraries: engine {engine.libraries}, server {server.libraries}")
    return lines


def _same(ours: Key, theirs: Key, tolerance_ms: int) -> bool:
    if not _close(ours.expire_at_ms, theirs.expire_at_ms, tolerance_ms) or ours.kind != theirs.kind:
        return False
    if tolerance_ms and ours.kind in ("hash", "stream"):
        return _close(ours.value, theirs.value, tolerance_ms)
    return bool(ours.value == theirs.value)


def _close(left: Any, right: Any, tolerance_ms: int) -> bool:
    """Compare two plain values, allowing large integers (times) to differ a little."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_close(left[k], right[k], tolerance_ms) for k in left)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_close, left, right, [tolerance_ms] * len(left)))
    if isinstance(left, int) and isinstance(right, int) and min(left, right) > 10**12:
        return abs(left - right) <= tolerance_ms
    return bool(left == right)


def _short(key: Key | None) -> str:
    text = repr(key)
    return text if len(text) <= 700 else f"{text[:700]}... ({len(text)} characters)"

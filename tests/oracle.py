"""Take the whole logical state of a real server, so that two states can be compared.

Knows what DEBUG DIGEST leaves out (expire times, hash field expire times, groups and ids of streams,
functions) and asks for those as well. Refuses to compare what is not data: encodings, LRU and LFU, and the
idle times of stream consumers.

    before = dump_state(server)
    ...
    assert_same_state(before, dump_state(other_server))

Digests are compared only between servers of one build; see the corpus README for why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis

from tests.servers import Build, Server

SCAN_COUNT = 5000
# One HPEXPIRETIME names at most this many fields, to keep a request small.
FIELDS_PER_REQUEST = 10_000
# Before 7.0 an expire time is PTTL plus a clock; a pair of TIME replies in one millisecond makes it exact.
CLOCK_ATTEMPTS = 50

# XINFO STREAM FULL: the fields that a log or an RDB carries. Lag, length and tree sizes follow from others.
_STREAM_FIELDS = (b"last-generated-id", b"max-deleted-entry-id", b"entries-added")
# Of Redis 8.6 and later; which idempotent IDs are held no reply tells, and by age they leave by themselves.
_IDMP_FIELDS = (b"idmp-duration", b"idmp-maxsize", b"iids-added", b"iids-duplicates")
_GROUP_FIELDS = (b"last-delivered-id", b"entries-read")


@dataclass(frozen=True)
class KeyState:
    """Hold one key: type, value in a canonical Python form, and every expire time in Unix milliseconds."""

    type: str
    value: Any
    expire_at_ms: int | None = None
    field_expire_at_ms: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """Hold the whole data set of one server."""

    build_id: str
    digest: str
    sizes: dict[int, int]
    databases: dict[int, dict[bytes, KeyState]]
    functions: dict[bytes, bytes]


def freeze_expiry(server: Server) -> None:
    """Stop the server from removing expired keys by itself."""
    server.send("DEBUG", "SET-ACTIVE-EXPIRE", "0")


def digest(server: Server) -> str:
    """Return DEBUG DIGEST of the whole data set as 40 hex digits."""
    return str(server.send("DEBUG", "DIGEST").decode())


def dump_state(server: Server) -> State:
    """Read everything the server holds.

    The digest and the sizes are taken first, before a look at a key can remove it for its age.
    """
    freeze_expiry(server)
    taken = digest(server)
    sizes = {
        int(name[2:]): int(dict(pair.split("=") for pair in facts.split(","))["keys"])
        for name, facts in server.info("keyspace").items()
        if name.startswith("db")
    }
    return State(
        build_id=server.build.id,
        digest=taken,
        sizes=sizes,
        databases={db: _dump_database(server, db) for db in sorted(sizes)},
        functions=_dump_functions(server),
    )


def _dump_database(server: Server, db: int) -> dict[bytes, KeyState]:
    keys = sorted(_scan_keys(server, db))
    types = [bytes(reply).decode() for reply in _replies(server, [("TYPE", key) for key in keys], db)]
    values = _replies(server, [_value_command(key, kind) for key, kind in zip(keys, types, strict=True)], db)
    expiries = _expire_times(server, keys, db)
    found: dict[bytes, KeyState] = {}
    for key, kind, reply, expire_at_ms in zip(keys, types, values, expiries, strict=True):
        if kind != "none":
            value = _canonical(kind, reply)
            fields = _field_expire_times(server, key, value, db) if kind == "hash" else {}
            if kind == "stream":
                value |= _stream_details(server, key, db)
            found[key] = KeyState(kind, value, expire_at_ms, fields)
    return found


def _replies(server: Server, commands: Iterable[Sequence[Any]], db: int) -> list[Any]:
    replies = server.pipeline(commands, db=db)
    for reply in replies:
        if isinstance(reply, redis.exceptions.ResponseError):
            raise reply
    return replies


def _scan_keys(server: Server, db: int) -> set[bytes]:
    keys: set[bytes] = set()
    cursor = b"0"
    while True:
        cursor, batch = server.send("SCAN", cursor, "COUNT", SCAN_COUNT, db=db)
        keys.update(batch)
        if cursor == b"0":
            return keys


def _value_command(key: bytes, kind: str) -> tuple[Any, ...]:
    commands: dict[str, tuple[Any, ...]] = {
        "string": ("GET", key),
        "list": ("LRANGE", key, "0", "-1"),
        "set": ("SMEMBERS", key),
        "hash": ("HGETALL", key),
        "zset": ("ZRANGE", key, "0", "-1", "WITHSCORES"),
        "stream": ("XRANGE", key, "-", "+"),
        "none": ("TYPE", key),
    }
    # Module values and vector sets have no reader of their own; their DUMP ends with version and checksum.
    return commands.get(kind, ("DUMP", key))


def _canonical(kind: str, reply: Any) -> Any:
    if kind == "set":
        return frozenset(reply)
    if kind == "hash":
        return dict(_pairs(reply))
    if kind == "zset":
        # Versions print scores differently, so they are compared as numbers; 0 and -0 count as equal.
        return {member: float(score) for member, score in _pairs(reply)}
    if kind == "stream":
        return {"entries": [(entry_id, tuple(fields)) for entry_id, fields in reply]}
    return reply


def _pairs(reply: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(reply[::2], reply[1::2], strict=True)


def _expire_times(server: Server, keys: Sequence[bytes], db: int) -> list[int | None]:
    if server.build.version >= (7,):
        times = _replies(server, [("PEXPIRETIME", key) for key in keys], db)
        return [time_ms if time_ms >= 0 else None for time_ms in times]
    found: dict[bytes, int | None] = {}
    for _ in range(CLOCK_ATTEMPTS):
        missing = [key for key in keys if key not in found]
        commands = [entry for key in missing for entry in (("TIME",), ("PTTL", key), ("TIME",))]
        replies = iter(_replies(server, commands, db))
        for key, before, left_ms, after in zip(missing, replies, replies, replies, strict=False):
            if left_ms < 0:
                found[key] = None
            elif _milliseconds(before) == _milliseconds(after):
                found[key] = _milliseconds(before) + left_ms
    return [found[key] for key in keys]


def _milliseconds(time_reply: Sequence[bytes]) -> int:
    seconds, microseconds = map(int, time_reply)
    return seconds * 1000 + microseconds // 1000


def keeps_field_times(build: Build) -> bool:
    """Tell whether a server keeps expire times of hash fields."""
    return build.version >= ((9,) if build.kind == "valkey" else (7, 4))


def _field_expire_times(server: Server, key: bytes, value: dict[bytes, bytes], db: int) -> dict[bytes, int]:
    if not keeps_field_times(server.build):
        return {}
    names = sorted(value)
    groups = [names[at : at + FIELDS_PER_REQUEST] for at in range(0, len(names), FIELDS_PER_REQUEST)]
    replies = _replies(server, [("HPEXPIRETIME", key, "FIELDS", len(group), *group) for group in groups], db)
    times = [time_ms for reply in replies for time_ms in reply or []]
    return {name: time_ms for name, time_ms in zip(names, times, strict=False) if time_ms >= 0}


def _stream_details(server: Server, key: bytes, db: int) -> dict[str, Any]:
    info = dict(_pairs(server.send("XINFO", "STREAM", key, "FULL", "COUNT", "0", db=db)))
    details = {name.decode(): info[name] for name in (*_STREAM_FIELDS, *_IDMP_FIELDS) if name in info}
    details["groups"] = {}
    for group in (dict(_pairs(reply)) for reply in info[b"groups"]):
        known = {name.decode(): group[name] for name in _GROUP_FIELDS if name in group}
        known["consumers"] = sorted(dict(_pairs(consumer))[b"name"] for consumer in group[b"consumers"])
        # Entry id, consumer, delivery time and delivery count, all of which XCLAIM writes into the log.
        known["pending"] = [tuple(entry) for entry in group[b"pending"]]
        details["groups"][group[b"name"]] = known
    return details


def _dump_functions(server: Server) -> dict[bytes, bytes]:
    if server.build.version < (7,):
        return {}
    libraries = (dict(_pairs(reply)) for reply in server.send("FUNCTION", "LIST", "WITHCODE"))
    return {library[b"library_name"]: library[b"library_code"] for library in libraries}


def diff_states(left: State, right: State, *, limit: int = 20) -> list[str]:
    """List the differences in readable lines, at most `limit` of them and a line on the rest."""
    lines: list[str] = []
    if left.build_id == right.build_id and left.digest != right.digest:
        lines.append(f"digest: {left.digest} != {right.digest}")
    for db in sorted(left.databases.keys() | right.databases.keys()):
        sides = left.databases.get(db, {}), right.databases.get(db, {})
        lines += _diff_databases(f"db{db}", *sides)
    for name in sorted(left.functions.keys() | right.functions.keys()):
        lines += _diff_values(f"function {name!r}", left.functions.get(name), right.functions.get(name))
    if left.sizes != right.sizes:
        lines.append(f"DBSIZE: {left.sizes} != {right.sizes}")
    if len(lines) > limit:
        lines[limit:] = [f"... and {len(lines) - limit} differences more"]
    return lines


def _diff_databases(where: str, left: dict[bytes, KeyState], right: dict[bytes, KeyState]) -> Iterator[str]:
    for key in sorted(left.keys() | right.keys()):
        name = f"{where} {key!r}"
        if key not in right:
            yield f"{name}: only left, {left[key].type}"
        elif key not in left:
            yield f"{name}: only right, {right[key].type}"
        else:
            yield from _diff_keys(name, left[key], right[key])


def _diff_keys(name: str, left: KeyState, right: KeyState) -> Iterator[str]:
    if left.type != right.type:
        yield f"{name}: type {left.type} != {right.type}"
        return
    yield from _diff_values(f"{name} ({left.type})", left.value, right.value)
    yield from _diff_values(f"{name} expire_at_ms", left.expire_at_ms, right.expire_at_ms)
    yield from _diff_values(f"{name} field expiry", left.field_expire_at_ms, right.field_expire_at_ms)


def _diff_values(where: str, left: Any, right: Any) -> Iterator[str]:
    if left == right:
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for part in sorted(left.keys() | right.keys()):
            yield from _diff_values(f"{where} [{part!r}]", left.get(part), right.get(part))
    elif isinstance(left, list) and isinstance(right, list):
        at = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), None)
        at = min(len(left), len(right)) if at is None else at
        yield (
            f"{where}: {len(left)} and {len(right)} items, first difference at {at}: "
            f"{_short(left[at : at + 1])} != {_short(right[at : at + 1])}"
        )
    elif isinstance(left, frozenset) and isinstance(right, frozenset):
        yield f"{where}: only left {_short(sorted(left - right))}, only right {_short(sorted(right - left))}"
    else:
        yield f"{where}: {_short(left)} != {_short(right)}"


def _short(value: Any, limit: int = 120) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def assert_same_state(left: State, right: State) -> None:
    """Fail with the readable differences when two servers do not hold the same data."""
    differences = diff_states(left, right)
    assert not differences, f"{left.build_id} and {right.build_id} differ:\n" + "\n".join(differences)

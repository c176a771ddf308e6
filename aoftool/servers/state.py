"""What a server holds after loading a log: everything a log carries, in a form that two loads can be held by.

Knows what DEBUG DIGEST does not see (expire times, field expire times, groups and counters of streams,
functions) and asks for those as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from aoftool.dataclass import dataclass, field
from aoftool.errors import VerifyError
from aoftool.escape import excerpt_key
from aoftool.rdb.encode.targets import Target
from aoftool.releases import Release
from aoftool.servers.confined import Running
from aoftool.units import counted

__all__ = ["ANSWER_S", "COMPARED", "ServerState", "dump_server", "not_told", "require_same"]

ANSWER_S = 900.0
"""So long one answer may take: the digest of all values reads them all."""
_SCAN_COUNT = 1000
_FIELDS_PER_REQUEST = 5000
# Times that loading sets from the clock, or that only describe the process.
_CLOCKED = frozenset(
    {b"seen-time", b"active-time", b"radix-tree-keys", b"radix-tree-nodes", b"length", b"lag"}
)
# What Redis 6.2 does not keep of a stream.
_COUNTERS_SINCE = 2
_COUNTERS = frozenset(
    {b"max-deleted-entry-id", b"entries-added", b"recorded-first-entry-id", b"entries-read"}
)


COMPARED = (
    "numbers of keys", "values", "expire times", "expire times of hash fields",
    "groups and counters of streams", "functions",
)  # fmt: skip
"""What two loads are held against each other by."""
_NOT_TOLD = (
    "when keys were last used",
    "how values are encoded",
    "when consumers were last seen",
    "cached scripts",
)
# Since 7.0 a server has functions and tells the absolute expire time of a key.
_TOLD_SINCE = (7, 0)
# Two readings of the clock and of what is left until a time round differently.
_ROUNDED_MS = 2


@dataclass
class ServerState:
    """What a server holds after loading a log.

    Attributes:
        server: name and version.
        release: the release it belongs to.
        digest: of all values; empty when forgiving.
        times: key with database to its expire times and, for streams, their counters and groups.
        values: sum of a digest of every key; only when forgiving.
        forgiving: what the target does not keep was left out.
    """

    server: str
    release: Release
    digest: bytes
    sizes: dict[int, int] = field(default_factory=dict)
    times: dict[tuple[int, bytes], Any] = field(default_factory=dict)
    functions: Any = None
    values: int = 0
    forgiving: bool = False


def not_told(release: Release, *, forgiving: bool = False) -> list[str]:
    """Return what a server of a release does not tell, and two loads may differ in."""
    left = list(_NOT_TOLD)
    if forgiving:
        left.append("counters of streams")
    if release.family == "redis" and release.version < _TOLD_SINCE:
        left.append("expire times to less than 2 ms")
    else:
        left.append("data of modules outside of keys")
    return left


def dump_server(redis: Any, client: Any, running: Running, target: Target | None = None) -> ServerState:
    """Ask a running server for all it holds.

    Memory grows with the number of keys that have expire times, and of streams.

    Args:
        redis: the client library, of which `client` is one client.
        target: what the result is for. Redis 6.2 has no counters of streams, and keeps a score of -0 where
            the server asked here may not: for it these are left out, and every value is asked for.
    """
    client.execute_command(running.debug, "SET-ACTIVE-EXPIRE", "0")
    release = running.server.release
    # First of all: a look at a key can remove it for its age.
    state = ServerState(running.server.name, release, client.execute_command(running.debug, "DIGEST"))
    state.forgiving = (
        target is not None and target.stream_version < _COUNTERS_SINCE and release.version >= _TOLD_SINCE
    )
    if release.version >= _TOLD_SINCE:
        libraries = client.execute_command("FUNCTION", "LIST", "WITHCODE")
        state.functions = sorted(_code(library) for library in libraries)
    if state.forgiving:
        state.digest = b""
    spaces = client.info("keyspace")
    for name in sorted(spaces):
        db = int(name.removeprefix("db"))
        state.sizes[db] = spaces[name]["keys"]
        with redis.Redis(unix_socket_path=str(running.socket), db=db, socket_timeout=ANSWER_S) as one:
            _dump_database(one, db, state, running.debug)
    return state


def _code(library: Any) -> bytes:
    pairs = library if isinstance(library, dict) else dict(zip(library[::2], library[1::2], strict=True))
    return bytes(pairs[b"library_code"])


def _dump_database(client: Any, db: int, state: ServerState, debug: str) -> None:
    cursor = 0
    expire_times = _expire_times if state.release.version >= _TOLD_SINCE else _expire_times_from_clock
    while True:
        cursor, keys = client.scan(cursor, count=_SCAN_COUNT)
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.execute_command("TYPE", key)
        for key, kind, expire_at_ms in zip(keys, pipe.execute(), expire_times(client, keys), strict=True):
            found = _details(client, key, bytes(kind))
            if state.forgiving:
                found = _without_counters(found)
                state.values += _value_digest(client, db, key, bytes(kind), debug)
            if expire_at_ms != -1 or found is not None:
                state.times[db, key] = (expire_at_ms, found)
        if not cursor:
            return


def _expire_times(client: Any, keys: Sequence[bytes]) -> list[int]:
    """Return the expire times of keys in Unix milliseconds, -1 for none."""
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.execute_command("PEXPIRETIME", key)
    return list(pipe.execute())


def _expire_times_from_clock(client: Any, keys: Sequence[bytes]) -> list[int]:
    """Return the same of a server that only tells how long it is until then; right to 2 ms."""
    found = []
    for key in keys:
        pipe = client.pipeline(transaction=True)
        pipe.execute_command("TIME")
        pipe.execute_command("PTTL", key)
        (seconds, microseconds), left_ms = pipe.execute()
        found.append(-1 if left_ms < 0 else int(seconds) * 1000 + int(microseconds) // 1000 + left_ms)
    return found


def _details(client: Any, key: bytes, kind: bytes) -> Any:
    """Return what the digest leaves out of one key: field times of a hash, all but entries of a stream."""
    if kind == b"stream":
        # In two words: the client library takes the reply of "XINFO STREAM" for the short form.
        return _stream(client.execute_command("XINFO", "STREAM", key, "FULL", "COUNT", "0"))
    if kind != b"hash":
        return None
    fields = sorted(client.hkeys(key))
    times: list[tuple[bytes, int]] = []
    for at in range(0, len(fields), _FIELDS_PER_REQUEST):
        group = fields[at : at + _FIELDS_PER_REQUEST]
        try:
            replies = client.execute_command("HPEXPIRETIME", key, "FIELDS", len(group), *group)
        except Exception as error:
            # A server without expire times of fields; of any other failure the times are not known.
            if "unknown command" not in str(error).lower():
                raise
            return None
        times += [(name, when) for name, when in zip(group, replies or (), strict=False) if when >= 0]
    return times or None


def _stream(reply: Any) -> dict[bytes, Any]:
    """Return the facts of a stream, its groups and consumers, without the clock of loading."""
    stream = _facts(reply)
    groups = [_facts(group) for group in stream.pop(b"groups", ())]
    for group in groups:
        group[b"consumers"] = [_facts(consumer) for consumer in group.pop(b"consumers", ())]
    return {**stream, b"groups": groups}


def _facts(reply: Any) -> dict[bytes, Any]:
    pairs = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
    named = (
        (name if isinstance(name, bytes) else str(name).encode(), value) for name, value in pairs.items()
    )
    return {name: value for name, value in named if name not in _CLOCKED}


def require_same(before: ServerState, after: ServerState) -> str:
    """Return one line for people when both states are the same.

    Raises:
        VerifyError: they are not.
    """
    for what in ("sizes", "digest", "values", "functions"):
        if getattr(before, what) != getattr(after, what):
            raise VerifyError(f"the rewrite does not hold the same data: {what} differ")
    for db, key in sorted(before.times.keys() | after.times.keys()):
        if not _same_times(before, before.times.get((db, key)), after.times.get((db, key))):
            raise VerifyError(
                f"the rewrite differs in times or counters of {excerpt_key(key, 1024)} in db {db}"
            )
    left = ", ".join(not_told(before.release, forgiving=before.forgiving))
    keys = sum(before.sizes.values())
    return f"{before.server} loads both and finds the same {counted(keys, 'key')}; it does not tell {left}"


def _same_times(state: ServerState, one: Any, other: Any) -> bool:
    """Compare expire times and facts of one key, as closely as the server tells them."""
    if one == other or state.release.version >= _TOLD_SINCE or one is None or other is None:
        return bool(one == other)
    (first, facts), (second, other_facts) = one, other
    return bool(facts == other_facts and min(first, second) >= 0 and abs(first - second) <= _ROUNDED_MS)


def _without_counters(facts: Any) -> Any:
    """Leave out of a stream what Redis 6.2 does not keep."""
    if not isinstance(facts, dict):
        return facts
    kept = {name: value for name, value in facts.items() if name not in _COUNTERS}
    kept[b"groups"] = [_without_counters(group) for group in facts.get(b"groups", ())]
    return kept


def _value_digest(client: Any, db: int, key: bytes, kind: bytes, debug: str) -> int:
    """Return a digest of one key with its name and type; 0 and -0 are one score."""
    told: Any
    if kind == b"zset":
        pairs = client.execute_command("ZRANGE", key, 0, -1, "WITHSCORES")
        told = sorted((bytes(member), float(score) + 0.0) for member, score in _pairs(pairs))
    else:
        (told,) = client.execute_command(debug, "DIGEST-VALUE", key)
    text = repr((db, key, kind, told)).encode()
    return int.from_bytes(hashlib.sha1(text, usedforsecurity=False).digest(), "big")


def _pairs(reply: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Return pairs, whether the client made pairs of them or not."""
    if reply and isinstance(reply[0], (list, tuple)):
        return [(one, two) for one, two in reply]
    return list(zip(reply[::2], reply[1::2], strict=True))

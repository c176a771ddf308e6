"""Hold a rewrite against the log on a real server: load both, compare everything a log carries.

Knows what DEBUG DIGEST does not see (expire times, field expire times, groups and counters of streams,
functions) and asks for those as well. Loading runs what a log says: one of unknown origin is not to be
verified on a machine that matters.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aoftool.aof.manifest import FileType, ManifestEntry, encode_manifest
from aoftool.aof.model import FileRole, Log
from aoftool.errors import MissingExtraError, VerifyError
from aoftool.escape import excerpt, excerpt_key
from aoftool.files.inplace import copy_file
from aoftool.repair.verify import find_server

__all__ = ["ServerState", "private_server", "read_state", "remove_output", "require_same"]

_WAIT_S = 3600.0
_POLL_S = 0.02
_SCAN_COUNT = 1000
_FIELDS_PER_REQUEST = 5000
_LOG_LINES = 5
# Times that loading sets from the clock, or that only describe the process.
_CLOCKED = frozenset(
    {b"seen-time", b"active-time", b"radix-tree-keys", b"radix-tree-nodes", b"length", b"lag"}
)


@dataclass
class ServerState:
    """What a server holds after loading a log.

    Attributes:
        server: name and version.
        times: key with database to its expire times and, for streams, their counters and groups.
    """

    server: str
    digest: bytes
    sizes: dict[int, int] = field(default_factory=dict)
    times: dict[tuple[int, bytes], Any] = field(default_factory=dict)
    functions: Any = None


def read_state(log: Log, databases: int) -> ServerState:
    """Load a log on a private server and return what it holds.

    Memory grows with the number of keys that have expire times, and of streams.

    Raises:
        MissingExtraError: no server or no client library.
        VerifyError: the server does not load the log.
    """
    with private_server(log, databases) as (redis, socket_path, version, _):
        client = redis.Redis(unix_socket_path=socket_path, socket_timeout=_WAIT_S)
        return _dump(redis, client, socket_path, version)


@contextmanager
def private_server(
    log: Log, databases: int, settings: dict[str, str] | None = None
) -> Iterator[tuple[Any, str, str, Path]]:
    """Load a copy of a log on a server of its own; give the client library, socket, version and folder.

    Args:
        settings: of the server, on top of those that keep it private.

    Raises:
        MissingExtraError: no server or no client library.
        VerifyError: the server does not load the log.
    """
    try:
        import redis
    except ImportError as error:
        raise MissingExtraError("no client for a server", hint="pip install 'aoftool[verify]'") from error
    binary = find_server()
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    with tempfile.TemporaryDirectory(prefix="aoftool-verify-") as folder:
        _place(log, Path(folder))
        with _running(binary, Path(folder), databases, log.path, settings or {}) as socket_path:
            yield redis, socket_path, version.strip().split(" sha=")[0], Path(folder)


def require_same(before: ServerState, after: ServerState) -> str:
    """Return one line for people when both states are the same.

    Raises:
        VerifyError: they are not.
    """
    for what in ("sizes", "digest", "functions"):
        if getattr(before, what) != getattr(after, what):
            raise VerifyError(f"the rewrite does not hold the same data: {what} differ")
    for db, key in sorted(before.times.keys() | after.times.keys()):
        if before.times.get((db, key)) != after.times.get((db, key)):
            raise VerifyError(
                f"the rewrite differs in times or counters of {excerpt_key(key, 1024)} in db {db}"
            )
    return f"{before.server} loads both and finds the same {sum(before.sizes.values()):,} keys"


def _place(log: Log, folder: Path) -> None:
    """Copy the files of a log where a server looks for them, under a manifest of our own."""
    inner = folder / "appendonlydir"
    inner.mkdir()
    entries = []
    for number, file in enumerate(log.files, 1):
        kind = FileType.INCR if number > 1 or file.role is FileRole.INCR else FileType.BASE
        name = f"part.{number}.aof"
        copy_file(file.path, str(inner / name))
        entries.append(ManifestEntry(name.encode(), number, kind))
    (inner / "appendonly.aof.manifest").write_bytes(encode_manifest(entries))


@contextmanager
def _running(binary: str, folder: Path, databases: int, path: str, extra: dict[str, str]) -> Iterator[str]:
    socket_path, output = folder / "s", folder / "log"
    settings = {
        "dir": str(folder),
        "appendonly": "yes",
        "unixsocket": str(socket_path),
        "port": "0",
        "save": "",
        "logfile": str(output),
        "databases": str(databases),
        "enable-debug-command": "local",
        **extra,
    }
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(process, str(socket_path), output, path)
        yield str(socket_path)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], socket_path: str, output: Path, path: str) -> None:
    import redis

    deadline = time.monotonic() + _WAIT_S
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            lines = output.read_bytes().splitlines()[-_LOG_LINES:] if output.exists() else []
            told = " | ".join(excerpt(line, 256) for line in lines) or "it said nothing"
            raise VerifyError(f"the server does not load the log: {told}", path=path)
        try:
            if redis.Redis(unix_socket_path=socket_path).ping():
                return
        except redis.RedisError:
            time.sleep(_POLL_S)


def _dump(redis: Any, client: Any, socket_path: str, version: str) -> ServerState:
    client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    # First of all: a look at a key can remove it for its age.
    state = ServerState(version, client.execute_command("DEBUG", "DIGEST"))
    state.functions = sorted(
        _code(library) for library in client.execute_command("FUNCTION", "LIST", "WITHCODE")
    )
    spaces = client.info("keyspace")
    for name in sorted(spaces):
        db = int(name.removeprefix("db"))
        state.sizes[db] = spaces[name]["keys"]
        with redis.Redis(unix_socket_path=socket_path, db=db, socket_timeout=_WAIT_S) as one:
            _dump_database(one, db, state)
    return state


def _code(library: Any) -> bytes:
    pairs = library if isinstance(library, dict) else dict(zip(library[::2], library[1::2], strict=True))
    return bytes(pairs[b"library_code"])


def _dump_database(client: Any, db: int, state: ServerState) -> None:
    cursor = 0
    while True:
        cursor, keys = client.scan(cursor, count=_SCAN_COUNT)
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.execute_command("TYPE", key)
            pipe.execute_command("PEXPIRETIME", key)
        replies = iter(pipe.execute())
        for key, kind, expire_at_ms in zip(keys, replies, replies, strict=False):
            found = _details(client, key, bytes(kind))
            if expire_at_ms != -1 or found is not None:
                state.times[db, key] = (expire_at_ms, found)
        if not cursor:
            return


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
        except Exception:
            return None  # a server without expire times of fields
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


def remove_output(paths: list[str]) -> None:
    """Remove files that did not verify, and their directory when it is empty then."""
    for path in paths:
        os.unlink(path)
    parents = {os.path.dirname(path) for path in paths}
    for parent in parents:
        if len(paths) > 1 and not os.listdir(parent):
            os.rmdir(parent)

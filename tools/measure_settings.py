"""Measure what settings and INFO fields a release has, and write them into `aoftool/advise/settings/`.

    python tools/measure_settings.py SERVER_BINARY...
    python tools/measure_settings.py VERSION=DIRECTORY...

A server binary is started on a private socket with no file and asked for `CONFIG GET *`, the hidden settings
by name, and every section of INFO. Then each name that only other releases have is put into a file, to see
whether the server still takes it: some names outlive their setting. A directory holds the same, recorded
elsewhere: `VERSION.txt` (`name default` lines, the hidden ones marked) and `VERSION-info-fields.txt`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import redis

from aoftool.releases import release_of

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "aoftool" / "advise" / "settings"
SCHEMA = "aoftool-settings/1"
START_TIMEOUT_S = 20.0
HIDDEN = ("aof-disable-auto-gc", "key-load-delay", "rdb-key-save-delay", "watchdog-period")
# What depends on where it runs.
PLACES = ("dir", "pidfile", "logfile", "unixsocket", "port", "save", "bind", "daemonize", "locale-collate")
Row = dict[str, Any]


def _config(client: Any, pattern: str) -> dict[str, Any]:
    found: dict[str, Any] = client.config_get(pattern)
    return found


def ask(binary: Path) -> Row:
    """Start a server and ask it."""
    with tempfile.TemporaryDirectory(prefix="aof") as folder:
        socket = f"{folder}/s"
        options = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--appendonly", "yes"]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        try:
            client = connect(socket)
            settings = _config(client, "*")
            hidden: dict[str, Any] = {}
            for name in HIDDEN:
                hidden |= _config(client, name)
            fields = set(client.info("everything")) | debug_fields(client)
        finally:
            process.terminate()
            process.wait()
        server = client_version(settings, binary)
    settings["appendonly"] = "no"
    return row(server[0], server[1], settings, {k: v for k, v in hidden.items() if k not in settings}, fields)


def client_version(_: Row, binary: Path) -> tuple[str, str]:
    """Return project and version, as the server says on its command line."""
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    version = said.partition("v=")[2].split()[0]
    return ("valkey" if "valkey" in said.lower() else "redis"), version


def debug_fields(client: redis.Redis) -> set[str]:
    """Return the fields that INFO gives only when asked for by name."""
    try:
        return set(client.info("debug"))
    except redis.ResponseError:
        return set()


def connect(socket: str) -> redis.Redis:
    """Wait for the server."""
    client = redis.Redis(unix_socket_path=socket, protocol=2, decode_responses=True)
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def row(family: str, version: str, settings: Row, hidden: Row, fields: set[str]) -> Row:
    """Return what is kept of a server."""
    return {
        "release": release_of(family, version).name,
        "measured_on": version,
        "settings": {
            name: None if name in PLACES else str(value) for name, value in sorted(settings.items())
        },
        "hidden": {name: str(value) for name, value in sorted(hidden.items())},
        "still_taken": [],
        "info": sorted(
            name for name in fields if not name.startswith(("db", "cmdstat_", "listener", "engine_"))
        ),
    }


def recorded(version: str, directory: Path) -> Row:
    """Read what was recorded of a server."""
    settings: Row = {}
    hidden: Row = {}
    for line in (directory / f"{version}.txt").read_text("utf-8").splitlines():
        name, _, value = line.partition(" ")
        value, marked, _ = value.partition("\t# hidden")
        (hidden if marked else settings)[name] = value
    lines = (directory / f"{version}-info-fields.txt").read_text("utf-8").splitlines()
    fields = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    family, _, number = version.partition("-")
    return row(family, number, settings, hidden, fields)


def still_taken(binary: Path, names: set[str], defaults: dict[str, str]) -> list[str]:
    """Return those of some names that a server takes in its file though it does not list them."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="aof") as folder:
        conf = Path(folder, "conf")
        for name in sorted(names):
            conf.write_text(f'{name} "{defaults[name]}"\nport 0\nno-such-setting 1\n', "utf-8")
            done = subprocess.run(
                [binary, conf], capture_output=True, text=True, timeout=20, cwd=folder, check=False
            )
            if f">>> '{name}" not in done.stdout + done.stderr or "wrong number" not in refusal(done, name):
                taken.append(name)
    return taken


def refusal(done: subprocess.CompletedProcess[str], name: str) -> str:
    """Return what a server said of a name; one that lists what no module took counts as refusing."""
    said = done.stdout + done.stderr
    return "wrong number" if "Unresolved" in said else said.partition(f">>> '{name}")[2]


def main(arguments: list[str]) -> None:
    """Measure what is named and write one file each."""
    rows: list[tuple[Row, Path | None]] = []
    for argument in arguments:
        version, is_recorded, directory = argument.partition("=")
        if is_recorded:
            rows.append((recorded(version, Path(directory)), None))
        else:
            rows.append((ask(Path(argument)), Path(argument)))
    defaults = {name: str(value or "") for found, _ in rows for name, value in found["settings"].items()}
    for found, binary in rows:
        if binary is not None:
            missing = set(defaults) - set(found["settings"]) - set(found["hidden"])
            found["still_taken"] = still_taken(binary, missing, defaults)
        target = TARGET / f"{found['release']}.json"
        target.write_text(json.dumps({"schema": SCHEMA, **found}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

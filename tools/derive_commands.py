"""Derive `aoftool/commands/commands.json` from running servers.

    python tools/derive_commands.py SERVER_BINARY... > aoftool/commands/commands.json

Each binary is started on a private socket and asked for COMMAND and, where it knows it, COMMAND DOCS.
Of a command that several servers have, the newest Valkey tells flags and key positions; numbers of
arguments that differ are kept for each server. Give every server the table is to speak of: names
that only some have are known by who has them. Servers before 7.0 do not report subcommands; theirs
are taken from the version a later server says a subcommand exists since.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

START_TIMEOUT_S = 20.0
# Commands of Redis versions that no build at hand has: name, arity, first version, group, flags. They
# take their key as first argument, or none. Source: Redis 8.x release notes and src/commands/*.json.
UNMEASURED = (
    ("DELEX", -2, "8.4.0", "string", ("fast", "write"), True),
    ("INCREX", -2, "8.6.0", "string", ("denyoom", "fast", "write"), True),
    ("SFLUSH", -3, "8.0.0", "server", ("write",), False),
    ("TRIMSLOTS", -5, "8.4.0", "server", ("write",), False),
    ("XACKDEL", -6, "8.2.0", "stream", ("fast", "write"), True),
    ("XCFGSET", -2, "8.6.0", "stream", ("fast", "write"), True),
    ("XDELEX", -5, "8.2.0", "stream", ("fast", "write"), True),
    ("XIDMPRECORD", 5, "8.6.2", "stream", ("denyoom", "fast", "write"), True),
    ("XNACK", -7, "8.6.0", "stream", ("fast", "write"), True),
)
# What COMMAND DOCS does not say: vector sets are a module that is part of Redis since 8.0, and STRALGO
# was gone when documentation came. Source: https://redis.io/docs/latest/commands/
UNDOCUMENTED = {"module": ("vector-set", "8.0.0"), "STRALGO": ("string", "6.0.0")}


def ask(binary: Path) -> tuple[str, str, list[Any], dict[str, Any]]:
    """Start a server; return project, version, and what COMMAND and COMMAND DOCS say."""
    with tempfile.TemporaryDirectory(prefix="aof") as folder:
        socket = f"{folder}/s"
        options = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--daemonize", "no"]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
        try:
            client = connect(socket)
            info = client.info("server")
            ask_for: Callable[[str], Any] = client.execute_command
            commands = text(ask_for("COMMAND"))
            docs = {} if info["redis_version"] < "7" else pairs(text(ask_for("COMMAND DOCS")))
        finally:
            process.terminate()
            process.wait()
    if "valkey_version" in info:
        return "valkey", info["valkey_version"], commands, docs
    return "redis", info["redis_version"], commands, docs


def connect(socket: str) -> redis.Redis:
    """Wait for the server; hand back plain replies."""
    client = redis.Redis(unix_socket_path=socket, protocol=2)
    client.response_callbacks.pop("COMMAND", None)
    end = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client.ping()
            return client
        except redis.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def text(reply: Any) -> Any:
    """Turn byte strings into text, at any depth."""
    if isinstance(reply, bytes):
        return reply.decode("utf-8")
    return [text(item) for item in reply] if isinstance(reply, list) else reply


def pairs(flat: Any) -> dict[str, Any]:
    """Turn a flat list of names and values into a mapping."""
    return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def key_rule(spec: Any) -> list[Any]:
    """Return `[begin, find, access]`: begin an index or [keyword, from], find as the servers do it."""
    fields = pairs(spec)
    begin, find = pairs(fields["begin_search"]), pairs(fields["find_keys"])
    where, how = pairs(begin["spec"]), pairs(find["spec"])
    access = next((flag for flag in fields["flags"] if flag in ("RO", "RW", "OW", "RM")), "")
    if begin["type"] == "index":
        start: Any = where["index"]
    else:
        start = [where["keyword"], where["startfrom"]] if begin["type"] == "keyword" else None
    if find["type"] == "range":
        span: Any = [how["lastkey"], how["keystep"], how["limit"]]
    elif find["type"] == "keynum":
        span = ["count", how["keynumidx"], how["firstkey"], how["keystep"]]
    else:
        span = None
    return [start, span, access]


def old_key_rule(first: int, last: int, step: int) -> list[list[Any]]:
    """Return the rule that first, last and step key position make; servers before 7.0 have no other."""
    if not first:
        return []
    return [[first, [last if last < 0 else last - first, step, 0], ""]]


def row_of(info: list[Any]) -> dict[str, Any]:
    """Return what one server says about one command."""
    rules = [key_rule(spec) for spec in info[8]] if len(info) > 8 else old_key_rule(*info[3:6])
    return {"arity": info[1], "flags": sorted(info[2]), "keys": rules}


def add(table: dict[str, Any], name: str, version: str, row: dict[str, Any]) -> dict[str, Any]:
    """Enter a row for a server; rows come newest server first, and the first one counts."""
    entry: dict[str, Any] = table.setdefault(name, {**row, "since": {}, "on": []})
    entry["on"].append(version)
    if row["arity"] != entry["arity"]:
        entry.setdefault("arity_on", {})[version] = row["arity"]
    return entry


def describe(entry: dict[str, Any], project: str, docs: dict[str, Any]) -> None:
    """Add group and first version from COMMAND DOCS."""
    if "since" in docs:
        entry["since"].setdefault(project, docs["since"])
    if "group" in docs:
        entry.setdefault("group", docs["group"].replace("_", "-"))


def version_key(version: str) -> tuple[int, ...]:
    """Return a version that compares."""
    return tuple(map(int, version.split(".")))


def derive(binaries: list[Path]) -> dict[str, Any]:
    """Return the whole table."""
    asked = sorted(map(ask, binaries), key=lambda found: version_key(found[1]), reverse=True)
    table: dict[str, Any] = {}
    for project, version, commands, docs in asked:
        for info in commands:
            name = info[0].upper()
            if name in ("HOST:", "POST"):
                continue  # not commands: 6.2 lists what it answers to HTTP with
            entry = add(table, name, version, row_of(info))
            own = pairs(docs.get(info[0], []))
            describe(entry, project, own)
            inner_docs = pairs(own.get("subcommands", []))
            for inner in info[9] if len(info) > 9 else ():
                inner_name = inner[0].split("|")[1].upper()
                held = add(entry.setdefault("subcommands", {}), inner_name, version, row_of(inner))
                describe(held, project, pairs(inner_docs.get(inner[0], [])))
    old = [version for _, version, _, docs in asked if not docs]
    for name, entry in table.items():
        add_old_servers(entry, old)
        if not entry["since"]:
            entry["group"], since = UNDOCUMENTED[entry.get("group", name)]
            entry["since"] = {"redis": since}
    for name, arity, since, group, flags, has_key in UNMEASURED:
        keys = [[1, [0, 1, 0], ""]] if has_key else []
        row = {"arity": arity, "flags": list(flags), "keys": keys, "since": {"redis": since}, "on": []}
        table.setdefault(name, {**row, "group": group})
    servers = [f"{project}-{version}" for project, version, _, _ in reversed(asked)]
    return {"schema": "aoftool-commands/1", "servers": servers, "commands": table}


def add_old_servers(entry: dict[str, Any], old: list[str]) -> None:
    """Enter servers before 7.0 for subcommands that are older than they are."""
    for inner in entry.get("subcommands", {}).values():
        since = inner["since"].get("redis") or inner["since"].get("valkey")
        for version in old:
            if version in entry["on"] and since and version_key(since) <= version_key(version):
                inner["on"].append(version)


def write(table: dict[str, Any]) -> None:
    """Print one command a line, names and versions in order, so that changes read well."""
    for entry in table["commands"].values():
        for held in (entry, *entry.get("subcommands", {}).values()):
            held["on"].sort(key=version_key)
    print(f'{{"schema": "{table["schema"]}",')
    print(f'"servers": {json.dumps(table["servers"])},')
    print('"commands": {')
    lines = [
        f"{json.dumps(name)}: {json.dumps(entry, sort_keys=True, separators=(',', ':'))}"
        for name, entry in sorted(table["commands"].items())
    ]
    print(",\n".join(lines))
    print("}}")


if __name__ == "__main__":
    write(derive([Path(name) for name in sys.argv[1:]]))

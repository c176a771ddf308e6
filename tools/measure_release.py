"""Measure what commands a release has, and write that into `aoftool/commands/commands.json`.

    python tools/measure_release.py SERVER_BINARY...
    python tools/measure_release.py redis-7.2=SOURCES/src/commands ...
    python tools/measure_release.py --fresh EVERY_BINARY_AND_SOURCE...

A server binary is started on a private socket and asked for COMMAND and, where it knows it, COMMAND DOCS;
its release is measured then. A release of which there is no server is read from the files of its sources
that describe its commands. What is left of the catalogue (`aoftool/releases.py`) is concluded: a release
has the commands of the one below it, and those that later ones say exist since then;
`tools/newer_commands.json` tells those of releases that nothing here was measured on.

Only the releases named change, and what is concluded from them. Of a command that several releases have,
the newest measured version tells flags and key positions; numbers of arguments are kept for each. Commands
of modules are left out, but for vector sets, which are part of Redis since 8.0. Servers before 7.0 do not
report subcommands; theirs are taken from the version a later server says a subcommand exists since.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from aoftool.commands.spans import join_releases, split_releases
from aoftool.releases import NAMES, RELEASES, Release, release_of

START_TIMEOUT_S = 20.0
ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "aoftool" / "commands" / "commands.json"
NEWER = ROOT / "tools" / "newer_commands.json"
# Fewer are a part of a release: the table would say that it lacks all others.
_LEAST = 150
SCHEMA = "aoftool-commands/2"
# What COMMAND DOCS does not say. Source: https://redis.io/docs/latest/commands/
GROUPS = {"module": "vector-set", "STRALGO": "string"}
BUILT_IN_MODULES = ("vectorset",)
NOT_COMMANDS = ("HOST:", "POST")
"""What Redis before 7.0 answers to HTTP with; it lists both as commands."""
ACCESS = ("RO", "RW", "OW", "RM")

Row = dict[str, Any]


@dataclass
class Told:
    """What one server, or the sources of one release, say: rows by name, subcommands inside."""

    release: Release
    version: str
    measured: bool
    rows: dict[str, Row] = field(default_factory=dict)


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
    access = next((flag for flag in fields["flags"] if flag in ACCESS), "")
    return rule_of(begin["type"], where, find["type"], how, access)


def rule_of(begin: str, where: Row, find: str, how: Row, access: str) -> list[Any]:
    """Return a key rule from its two halves, whose fields are named as COMMAND names them."""
    start: Any = None
    if begin == "index":
        start = where["index"]
    elif begin == "keyword":
        start = [where["keyword"], where["startfrom"]]
    span: Any = None
    if find == "range":
        span = [how["lastkey"], how["keystep"], how["limit"]]
    elif find == "keynum":
        span = ["count", how["keynumidx"], how["firstkey"], how["keystep"]]
    return [start, span, access]


def old_key_rule(first: int, last: int, step: int) -> list[list[Any]]:
    """Return the rule that first, last and step key position make; servers before 7.0 have no other."""
    if not first:
        return []
    return [[first, [last if last < 0 else last - first, step, 0], ""]]


def row_of(info: list[Any], docs: Row) -> Row:
    """Return what a server says about one command."""
    rules = [key_rule(spec) for spec in info[8]] if len(info) > 8 else old_key_rule(*info[3:6])
    row: Row = {"arity": info[1], "flags": sorted(info[2]), "keys": rules}
    if "group" in docs:
        row["group"] = docs["group"].replace("_", "-")
    if "since" in docs:
        row["since"] = docs["since"]
    return row


def measure(binary: Path) -> Told:
    """Ask a server what commands it has."""
    project, version, commands, docs = ask(binary)
    told = Told(release_of(project, version), version, measured=True)
    for info in commands:
        own = pairs(docs.get(info[0], []))
        if info[0].upper() in NOT_COMMANDS or own.get("module", "vectorset") not in BUILT_IN_MODULES:
            continue
        row = told.rows[info[0].upper()] = row_of(info, own)
        inner_docs = pairs(own.get("subcommands", []))
        for inner in info[9] if len(info) > 9 else ():
            name = inner[0].split("|")[1].upper()
            held = row_of(inner, pairs(inner_docs.get(inner[0], [])))
            row.setdefault("subcommands", {})[name] = held
    return told


def read(release: Release, folder: Path) -> Told:
    """Read what commands a release has from the files of its sources that describe them."""
    told = Told(release, str(folder), measured=False)
    inner: list[tuple[str, str, Row]] = []
    for path in sorted(folder.glob("*.json")):
        for name, spec in json.loads(path.read_text(encoding="utf-8")).items():
            flags = {flag.lower() for flag in spec.get("command_flags", ())}
            if spec["group"] == "sentinel" or flags & {"only_sentinel", "experimental"}:
                continue
            row = {
                "arity": spec["arity"],
                "flags": sorted(flags),
                "keys": [source_rule(rule) for rule in spec.get("key_specs", ())],
                "group": spec["group"].replace("_", "-"),
                "since": spec["since"],
            }
            if "container" in spec:
                inner.append((spec["container"], name.upper(), row))
            else:
                told.rows[name.upper()] = row
    for container, name, row in inner:
        if container.upper() in told.rows:
            told.rows[container.upper()].setdefault("subcommands", {})[name] = row
    return told


def source_rule(rule: Row) -> list[Any]:
    """Return a key rule from the form that the sources have it in."""
    begin, where = next(iter(rule["begin_search"].items()))
    find, how = next(iter(rule["find_keys"].items()))
    where, how = dict(where or {}), dict(how or {})
    if "pos" in where:
        where["index"] = where.pop("pos")
    if "step" in how:
        how["keystep"] = how.pop("step")
    access = next((flag for flag in rule.get("flags", ()) if flag in ACCESS), "")
    return rule_of(begin, where, find, how, access)


class Catalogue:
    """Hold the whole table; numbers of arguments by release, which also say who has a command."""

    def __init__(self) -> None:
        self.measured: dict[str, str] = {}
        self.read: list[str] = []
        self.rows: dict[str, Row] = {}

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read a table as `write` makes it."""
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["schema"] == SCHEMA, data["schema"]
        self = cls()
        self.measured, self.read, self.rows = data["measured"], data["read"], data["commands"]
        for row in self.rows.values():
            for held in (row, *row.get("subcommands", {}).values()):
                differing = {
                    release: arity
                    for spans, arity in held.pop("arity_on", {}).items()
                    for release in split_releases(spans)
                }
                arity = held["arity"]
                held["on"] = {name: differing.get(name, arity) for name in split_releases(held["on"])}
        return self

    def enter(self, told: Told) -> None:
        """Take in what a server or sources say of a release, in place of what was known of it."""
        name = told.release.name
        self.measured.pop(name, None)
        self.read = [release for release in self.read if release != name]
        if told.measured:
            self.measured[name] = told.version
        else:
            self.read.append(name)
        enter_rows(self.rows, told, self._known())

    def conclude(self, newer: dict[str, dict[str, Row]]) -> None:
        """Fill in the releases that nothing was measured or read of.

        Args:
            newer: rows by family and name of commands that came after the newest releases known.
        """
        known = self._known()
        drop_unknown(self.rows, known)
        for family, rows in newer.items():
            announce(self.rows, family, rows)
        for old in [name for name in known if NAMES[name].version < (7, 0)]:
            conclude_old_subcommands(self.rows, old)
        for release in RELEASES:
            if release.name not in known:
                conclude_release(self.rows, release)
        for row in self.rows.values():
            for held in (row, *row.get("subcommands", {}).values()):
                settle(held, known)

    def _known(self) -> set[str]:
        return {*self.measured, *self.read}

    def write(self, path: Path) -> None:
        """Write one command a line, names in order, so that changes read well."""
        lines = [
            f"{json.dumps(name)}: {json.dumps(entry, sort_keys=True, separators=(',', ':'))}"
            for name, entry in sorted((name, self._written(row)) for name, row in self.rows.items())
        ]
        ordered = {release.name: self.measured.get(release.name) for release in RELEASES}
        measured = {name: version for name, version in ordered.items() if version}
        path.write_text(
            f'{{"schema": "{SCHEMA}",\n'
            f'"measured": {json.dumps(measured)},\n'
            f'"read": {json.dumps([name for name in ordered if name in self.read])},\n'
            '"commands": {\n' + ",\n".join(lines) + "\n}}\n",
            encoding="utf-8",
        )

    def _written(self, row: Row) -> Row:
        arity, on = row["arity"], row["on"]
        differing: dict[int, list[str]] = {}
        for name, number in on.items():
            if number != arity:
                differing.setdefault(number, []).append(name)
        out = {key: row[key] for key in ("arity", "flags", "group", "keys", "since")}
        out["on"] = join_releases(on)
        if differing:
            out["arity_on"] = {join_releases(names): number for number, names in differing.items()}
        if row.get("subcommands"):
            out["subcommands"] = {name: self._written(inner) for name, inner in row["subcommands"].items()}
        return out


def rank(name: str, known: Iterable[str]) -> tuple[bool, tuple[int, int], bool]:
    """Return what orders releases by how much they are believed on flags and keys of a command."""
    release = NAMES[name]
    return name in known, release.version, release.family == "valkey"


def is_later(name: str, release: Release) -> bool:
    """Tell whether a release is a later one of the same family, which is believed first."""
    other = NAMES[name]
    return other.family == release.family and other.version > release.version


def enter_rows(rows: dict[str, Row], told: Told, known: set[str]) -> None:
    """Enter the rows of one release, at one level of the table."""
    name = told.release.name
    for held in rows.values():
        held["on"].pop(name, None)
        for inner in held.get("subcommands", {}).values():
            inner["on"].pop(name, None)
    for command, row in told.rows.items():
        held = enter_row(rows, command, row, told.release, known)
        for inner_name, inner in row.get("subcommands", {}).items():
            enter_row(held.setdefault("subcommands", {}), inner_name, inner, told.release, known)


def enter_row(rows: dict[str, Row], name: str, row: Row, release: Release, known: set[str]) -> Row:
    """Enter what one release says about one command."""
    held = rows.setdefault(name, {"on": {}, "since": {}, "arity": row["arity"]})
    best = max((rank(other, known) for other in held["on"] if other in known), default=None)
    if best is None or rank(release.name, known) > best:
        held["flags"], held["keys"] = row["flags"], row["keys"]
        group = row.get("group") or ("module" if "module" in row["flags"] else name)
        held["group"] = GROUPS.get(group, row.get("group") or held.get("group"))
    held["on"][release.name] = row["arity"]
    later = [other for other in held["on"] if other in known and is_later(other, release)]
    if "since" in row and not (later and release.family in held["since"]):
        held["since"][release.family] = row["since"]
    return held


def drop_unknown(rows: dict[str, Row], known: set[str]) -> None:
    """Forget what was concluded before; commands that no known release has go too."""
    for name, row in list(rows.items()):
        row["on"] = {release: arity for release, arity in row["on"].items() if release in known}
        drop_unknown(row.get("subcommands", {}), known)
        if not row["on"]:
            del rows[name]


def announce(rows: dict[str, Row], family: str, newer: dict[str, Row]) -> None:
    """Enter commands that releases beyond those known have; what is known of one stands."""
    for name, row in newer.items():
        held = rows.setdefault(name, {"on": {}, "since": {}, "arity": row["arity"]})
        held["since"].setdefault(family, row["since"])
        held.setdefault("announced", {})[family] = row["arity"]
        for key in ("flags", "keys", "group"):
            held.setdefault(key, row[key])
        announce(held.setdefault("subcommands", {}), family, row.get("subcommands", {}))


def conclude_old_subcommands(rows: dict[str, Row], old: str) -> None:
    """Enter a release before 7.0 for subcommands that are older than it is."""
    for row in rows.values():
        for inner in row.get("subcommands", {}).values():
            since = inner["since"].get("redis") or inner["since"].get("valkey")
            if old in row["on"] and since and series(since) <= NAMES[old].version:
                inner["on"].setdefault(old, arity_near(inner, NAMES[old]))


def conclude_release(rows: dict[str, Row], release: Release) -> None:
    """Enter a release of which nothing is known: what the one below has, and what came since then."""
    below = [r for r in RELEASES if r.family == release.family and r.version < release.version][-1]
    for row in rows.values():
        since = row["since"].get(release.family)
        came = since is not None and below.version < series(since) <= release.version
        if below.name in row["on"] or (came and "hidden" not in row["flags"]):
            row["on"][release.name] = arity_near(row, release)
        conclude_release(row.get("subcommands", {}), release)


def arity_near(row: Row, release: Release) -> int:
    """Return the number of arguments that the nearest release of the family says, or else any."""
    family = [other for other in RELEASES if other.family == release.family and other.name in row["on"]]
    below = [other for other in family if other.version < release.version]
    above = [other for other in family if other.version > release.version]
    if below:
        return int(row["on"][below[-1].name])
    if above:
        return int(row["on"][above[0].name])
    return int(row.get("announced", {}).get(release.family, row["arity"]))


def settle(row: Row, known: set[str]) -> None:
    """Say how many arguments the newest release measured wants, and since when a command is there."""
    row.pop("announced", None)
    row["on"] = {name: row["on"][name] for name in NAMES if name in row["on"]}
    for family in ("valkey", "redis"):
        first = next((NAMES[name] for name in row["on"] if NAMES[name].family == family), None)
        said = row["since"].get(family)
        # Some are there before their own documentation says so, and some have none.
        late = series(said) > first.version if first and said else not row["since"]
        if first is not None and first.name in known and late:
            row["since"][family] = ".".join(map(str, (*first.version, 0)))
    if row["on"]:
        row["arity"] = row["on"][max(row["on"], key=lambda name: rank(name, known))]


def series(version: str) -> tuple[int, ...]:
    """Return the series of a version, such as (7, 2) of 7.2.4."""
    return tuple(int(part) for part in version.split(".")[:2])


def main(arguments: list[str]) -> None:
    """Bring the table up to date with the servers and sources named."""
    fresh = "--fresh" in arguments
    catalogue = Catalogue() if fresh else Catalogue.load(TABLE)
    for argument in arguments:
        if argument == "--fresh":
            continue
        name, is_source, folder = argument.partition("=")
        told = read(NAMES[name], Path(folder)) if is_source else measure(Path(argument))
        if len(told.rows) < _LEAST:
            sys.exit(
                f"{argument}: {len(told.rows)} commands are not all that a release has; name the whole folder"
            )
        catalogue.enter(told)
        print(f"{told.release.name}: {len(told.rows)} commands, {'measured' if told.measured else 'read'}")
        if told.measured and told.release.measured_on != told.version:
            print(f"  measured on {told.version}; aoftool/releases.py: {told.release.measured_on!r}")
    catalogue.conclude(json.loads(NEWER.read_text(encoding="utf-8")))
    catalogue.write(TABLE)


if __name__ == "__main__":
    main(sys.argv[1:])

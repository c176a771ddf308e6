"""The command table says what the servers say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.commands.spans import join_releases, split_releases
from aoftool.commands.table import (
    CONTAINERS,
    MEASURED_ON,
    all_commands,
    lookup,
    lookup_argv,
    names_everywhere,
)
from aoftool.releases import NAMES, RELEASES
from tests.corpus import corpus_root
from tests.servers import Server

REFERENCE_VARIABLE = "AOFTOOL_REFERENCE"
REFERENCE_SERVERS = ("6.2.5", "7.0.15", "8.0.6", "8.1.1", "9.1.2")


def reference(name: str) -> Any:
    """Return a reference file that stands beside the corpus, or skip."""
    root = corpus_root()
    folder = Path(os.environ.get(REFERENCE_VARIABLE) or (root.parent / "reference" if root else "absent"))
    if not (folder / name).is_file():
        pytest.skip(f"no reference file {name}")
    return json.loads((folder / name).read_text(encoding="utf-8"))


def words(text: str) -> list[bytes]:
    return [b"" if word == "''" else word.encode() for word in text.split()]


def test_lookup_ignores_case_and_knows_nothing_else() -> None:
    spec = lookup(b"sEt")

    assert spec is not None
    assert (spec.name, spec.arity, spec.group, spec.is_write) == (b"SET", -3, "string", True)
    assert spec is lookup(b"SET")
    for name in (b"", b"SETT", b"MINE.SET", b"\xff\x00", b"S" * 100_000):
        assert lookup(name) is None


def test_containers_hold_subcommands() -> None:
    create = lookup(b"xgroup", b"create")

    assert create is not None
    assert (create.name, create.subcommand, create.full_name) == (b"XGROUP", b"CREATE", b"XGROUP CREATE")
    assert lookup(b"XGROUP", b"NOPE") is None
    assert lookup(b"SET", b"x") is None
    assert {b"XGROUP", b"FUNCTION", b"SCRIPT", b"CONFIG", b"CLIENT"} <= CONTAINERS
    assert b"SET" not in CONTAINERS


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("set k v", b"SET"),
        ("xgroup Create k g $", b"XGROUP CREATE"),
        ("XGROUP", b"XGROUP"),
        ("XGROUP NOPE k", None),
        ("COMMAND", b"COMMAND"),
        ("NOPE", None),
        ("", None),
    ],
)
def test_a_command_is_looked_up_as_servers_do(command: str, found: bytes | None) -> None:
    spec = lookup_argv(words(command))

    assert (spec.full_name if spec else None) == found


def test_arity_is_exact_or_a_minimum() -> None:
    get, mset, select = lookup(b"GET"), lookup(b"MSET"), lookup(b"SELECT")
    assert get is not None
    assert mset is not None
    assert select is not None

    assert [get.arity_ok(n) for n in (1, 2, 3)] == [False, True, False]
    assert [mset.arity_ok(n) for n in (2, 3, 4, 1000)] == [False, True, True, True]
    assert select.arity_ok(2)


def test_arity_differs_between_servers() -> None:
    expire = lookup(b"PEXPIREAT")
    assert expire is not None

    assert expire.arity_ok(4)
    assert expire.arity_ok(4, "redis-7.0")
    assert not expire.arity_ok(4, "redis-6.2")
    assert expire.arity_ok(3, "redis-6.0")


@pytest.mark.parametrize(
    ("name", "subcommand", "releases"),
    [
        (b"SET", None, "redis-6.0+ valkey-7.2+"),
        (b"FUNCTION", b"LOAD", "redis-7.0+ valkey-7.2+"),
        (b"XGROUP", b"CREATE", "redis-6.0+ valkey-7.2+"),
        (b"XGROUP", b"CREATECONSUMER", "redis-6.2+ valkey-7.2+"),
        (b"HPEXPIREAT", None, "redis-7.4+ valkey-9.0+"),
        (b"HGETDEL", None, "redis-8.0+ valkey-9.1+"),
        (b"DELIFEQ", None, "valkey-9.0+"),
        (b"CLUSTER", b"SYNCSLOTS", "redis-8.4+ valkey-9.0+"),
        (b"VADD", None, "redis-8.0+"),
        (b"STRALGO", None, "redis-6.0..6.2"),
        (b"XDELEX", None, "redis-8.2+"),
        (b"DELEX", None, "redis-8.4+ valkey-9.2"),
        (b"XIDMPRECORD", None, "redis-8.6+"),
        (b"ARSET", None, "redis-8.8+"),
        (b"HIMPORT", b"SET", "redis-8.10+"),
        (b"SEXPIRE", None, "redis-8.12"),
        (b"PHSET", None, "valkey-9.2"),
        (b"SFLUSH", None, ""),
    ],
)
def test_who_has_a_command(name: bytes, subcommand: bytes | None, releases: str) -> None:
    spec = lookup(name, subcommand)
    assert spec is not None

    assert spec.available_on == split_releases(releases)
    assert {release for release in NAMES if spec.exists_on(release)} == split_releases(releases)


def test_spans_of_releases_are_written_as_short_as_they_are_read() -> None:
    for spans in ("redis-6.0+ valkey-7.2+", "redis-6.0..6.2 redis-7.2", "valkey-9.2+", "redis-8.8..8.10", ""):
        assert join_releases(split_releases(spans)) == spans
    assert split_releases("valkey-8.0..9.0") == {"valkey-8.0", "valkey-8.1", "valkey-9.0"}


def test_the_table_was_made_from_the_servers_that_the_catalogue_names() -> None:
    measured = {release.name: release.measured_on for release in RELEASES if release.is_measured}

    assert measured == MEASURED_ON


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("SET k v", [1]),
        ("PING", []),
        ("DEL a b c", [1, 2, 3]),
        ("MSET a 1 b 2", [1, 3]),
        ("BITOP AND d a b", [2, 3, 4]),
        ("EVAL script 2 a b c", [3, 4]),
        ("EVAL script 0", []),
        ("EVAL script 3 a b", []),
        ("EVAL script -1 a b", []),
        ("EVAL script 99999999999999999999 a", []),
        ("EVAL script", []),
        ("FCALL f 1 k x", [3]),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", [1, 3, 4]),
        ("XREADGROUP GROUP g c STREAMS a b 1 2", [5, 6]),
        ("xreadgroup group g c count 1 streams a 1", [7]),
        ("XREADGROUP GROUP g c COUNT 1", []),
        ("XGROUP CREATE k g $", [2]),
        ("XINFO STREAM k", [2]),
        ("OBJECT ENCODING k", [2]),
        ("SORT k", [1]),
        ("SORT k BY w GET p LIMIT 0 1 STORE d", [1, 10]),
        ("SORT k STORE a STORE b", [1, 5]),
        ("SORT k BY store GET store", [1]),
        ("MIGRATE h 1 k 0 10", [3]),
        ("MIGRATE h 1 '' 0 10 KEYS a b", [7, 8]),
        ("GEORADIUS k 1 2 3 m STORE d", [1, 7]),
        ("RENAME a b", [1, 2]),
        ("LMPOP 2 a b LEFT", [2, 3]),
        ("SELECT 1", []),
        ("GET", []),
    ],
)
def test_keys_are_found(command: str, keys: list[int]) -> None:
    argv = words(command)
    spec = lookup_argv(argv)
    assert spec is not None

    assert spec.keys(argv) == keys


def test_what_every_release_has_is_told_without_making_its_commands() -> None:
    whole = {spec.name for spec in all_commands() if len(spec.available_on) == len(RELEASES)}

    assert names_everywhere() == whole
    assert b"SET" in whole
    assert b"XACKDEL" not in whole


def test_every_row_is_whole() -> None:
    for spec in all_commands():
        for row in (spec, *spec.subcommands.values()):
            assert row.arity != 0
            assert row.group
            assert row.since
            assert row.available_on <= set(NAMES)
            assert set(row.arity_on) <= row.available_on
            assert row.full_name == row.full_name.upper()


def release_of_version(version: str) -> str:
    """Return the release measured on a version; the reference names servers by version alone."""
    return next(release for release, measured in MEASURED_ON.items() if measured == version)


def recorded_commands() -> Iterator[tuple[str, str, list[bytes]]]:
    for sample in reference("propagation-samples.json"):
        if sample["kind"] != "propagation" or not isinstance(sample.get("aof"), list):
            continue
        for argv in sample["aof"]:
            if argv[0].startswith("#"):
                continue  # an annotation
            yield sample["server"], sample["case"], [word.encode(sample["encoding"]) for word in argv]


@pytest.mark.corpus
def test_every_command_that_servers_recorded_is_known_to_them() -> None:
    count = 0
    for server, case, argv in recorded_commands():
        spec = lookup_argv(argv)

        assert spec is not None, (server, case, argv)
        release = release_of_version(server)
        assert spec.exists_on(release), (server, case, argv)
        assert spec.arity_ok(len(argv), release), (server, case, argv)
        count += 1
    assert count > 1000


@pytest.mark.corpus
def test_the_reference_agrees() -> None:
    for row in reference("commands.json"):
        spec = lookup(row["name"].encode(), row["subcommand"] and row["subcommand"].encode())

        assert spec is not None, row["name"]
        newest = [release_of_version(version) for version in row["available_on"]][-1:]
        assert [spec.arity_on.get(release, spec.arity) for release in newest] in ([], [row["arity"]]), row[
            "name"
        ]
        told = {release_of_version(version) for version in row["available_on"]}
        asked = {release_of_version(version) for version in REFERENCE_SERVERS}
        assert spec.available_on & asked == told, row["name"]


def test_a_server_lists_the_same_commands(live_server: Server) -> None:
    build = live_server.build
    told = {row[0].upper(): row for row in live_server.send("COMMAND")}
    if build.has_modules:
        told = {name: row for name, row in told.items() if b"module" not in map(bytes, row[2])}

    names = {name for name in told if name not in (b"HOST:", b"POST")}
    assert names == {spec.name for spec in all_commands() if spec.exists_on(build.release)}
    for name in names:
        spec = lookup(name)
        assert spec is not None
        assert spec.arity_on.get(build.release, spec.arity) == told[name][1], name
        if len(told[name]) > 9:
            inner = {row[0].upper().split(b"|")[1] for row in told[name][9]}
            assert inner == {key for key, sub in spec.subcommands.items() if sub.exists_on(build.release)}

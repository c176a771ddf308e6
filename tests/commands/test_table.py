"""The command table says what the servers say."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.commands.table import CONTAINERS, SERVERS, all_commands, lookup, lookup_argv
from tests.corpus import corpus_root
from tests.servers import Server

REFERENCE_VARIABLE = "AOFTOOL_REFERENCE"


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
    for name in (b"", b"SETT", b"JSON.SET", b"\xff\x00", b"S" * 100_000):
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
    assert expire.arity_ok(4, "7.0.15")
    assert not expire.arity_ok(4, "6.2.5")
    assert expire.arity_ok(3, "6.2.5")


@pytest.mark.parametrize(
    ("name", "subcommand", "servers"),
    [
        (b"SET", None, {"6.2.5", "7.0.15", "8.0.6", "8.1.1", "9.1.2"}),
        (b"FUNCTION", b"LOAD", {"7.0.15", "8.0.6", "8.1.1", "9.1.2"}),
        (b"XGROUP", b"CREATE", {"6.2.5", "7.0.15", "8.0.6", "8.1.1", "9.1.2"}),
        (b"HPEXPIREAT", None, {"8.0.6", "9.1.2"}),
        (b"VADD", None, {"8.0.6"}),
        (b"STRALGO", None, {"6.2.5"}),
        (b"XDELEX", None, set()),
    ],
)
def test_who_has_a_command(name: bytes, subcommand: bytes | None, servers: set[str]) -> None:
    spec = lookup(name, subcommand)
    assert spec is not None

    assert {server for server in SERVERS if spec.exists_on(server)} == servers


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


def test_every_row_is_whole() -> None:
    for spec in all_commands():
        for row in (spec, *spec.subcommands.values()):
            assert row.arity != 0
            assert row.group
            assert row.since
            assert row.available_on <= set(SERVERS)
            assert set(row.arity_on) <= row.available_on
            assert row.full_name == row.full_name.upper()


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
        assert spec.exists_on(server), (server, case, argv)
        assert spec.arity_ok(len(argv), server), (server, case, argv)
        count += 1
    assert count > 1000


@pytest.mark.corpus
def test_the_reference_agrees() -> None:
    for row in reference("commands.json"):
        spec = lookup(row["name"].encode(), row["subcommand"] and row["subcommand"].encode())

        assert spec is not None, row["name"]
        assert spec.arity == row["arity"], row["name"]
        assert spec.available_on == set(row["available_on"]), row["name"]


def test_a_server_lists_the_same_commands(live_server: Server) -> None:
    version = live_server.build.id.partition("-")[2]
    if version not in SERVERS:
        pytest.skip(f"the table was not made from {live_server.build}")

    told = {row[0].upper(): row for row in live_server.send("COMMAND")}

    names = {name for name in told if name not in (b"HOST:", b"POST")}
    assert names == {spec.name for spec in all_commands() if spec.exists_on(version)}
    for name in names:
        spec = lookup(name)
        assert spec is not None
        assert spec.arity_on.get(version, spec.arity) == told[name][1], name
        if len(told[name]) > 9:
            inner = {row[0].upper().split(b"|")[1] for row in told[name][9]}
            assert inner == {key for key, sub in spec.subcommands.items() if sub.exists_on(version)}

"""Function libraries and the script cache."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import OpaqueCommandError, ReplayStopError
from aoftool.rdb.encode.payload import encode_functions
from aoftool.rdb.encode.targets import find_target
from tests.keyspace.running import errors, run


def library(name: str, function: str = "f", text: str = "return 1") -> bytes:
    return f"#!lua name={name}\nredis.register_function('{function}', function() {text} end)".encode()


def test_library_is_replaced_only_when_told() -> None:
    keyspace = run(
        ["FUNCTION", "LOAD", library("a")],
        ["FUNCTION", "LOAD", library("a", text="return 2")],
        ["FUNCTION", "LOAD", library("b", "g")],
        ["function", "load", "replace", library("b", "g", "return 3")],
    )

    assert {name: lib.code for name, lib in keyspace.libraries.items()} == {
        b"a": library("a"),
        b"b": library("b", "g", "return 3"),
    }
    assert errors(keyspace) == ["ERR Library 'a' already exists"]


def test_function_of_another_library_may_not_be_taken() -> None:
    keyspace = run(["FUNCTION", "LOAD", library("a")], ["FUNCTION", "LOAD", "REPLACE", library("b")])

    assert set(keyspace.libraries) == {b"a"}
    assert errors(keyspace) == ["ERR Function f already exists"]


@pytest.mark.parametrize(
    "code",
    [
        b"",
        b"return 1",
        b"#!lua\nregister_function('f')",
        b"#!lua name=a-b\nregister_function('f')",
        b"#!js name=a\nregister_function('f')",
        b"#!lua name=a x=b\nregister_function('f')",
        b"#!lua name=a\n",
    ],
)
def test_bad_libraries_are_refused(code: bytes) -> None:
    keyspace = run(["FUNCTION", "LOAD", code])

    assert not keyspace.libraries
    assert len(errors(keyspace)) == 1


def test_functions_survive_a_flush_of_all_databases() -> None:
    keyspace = run(["FUNCTION", "LOAD", library("a")], "FLUSHALL", "FUNCTION DELETE no", "FUNCTION FLUSH NO")

    assert set(keyspace.libraries) == {b"a"}
    assert len(errors(keyspace)) == 2
    keyspace.execute([b"FUNCTION", b"DELETE", b"a"])
    assert not keyspace.libraries


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ([], {b"a", b"c"}),
        (["APPEND"], {b"a", b"c"}),
        (["flush"], {b"b"}),
        (["REPLACE"], {b"a", b"b", b"c"}),
        (["NO"], {b"a", b"c"}),
    ],
)
def test_restore_is_all_or_nothing(policy: list[str], expected: set[bytes]) -> None:
    payload = encode_functions([library("b", "g")], find_target("redis-7.0"))
    clash = ["FUNCTION", "LOAD", library("c", "g" if policy in ([], ["APPEND"]) else "h")]

    keyspace = run(["FUNCTION", "LOAD", library("a")], clash, ["FUNCTION", "RESTORE", payload, *policy])

    assert set(keyspace.libraries) == expected


def test_damaged_restore_is_refused() -> None:
    payload = encode_functions([library("b")], find_target("redis-7.0"))

    keyspace = run(["FUNCTION", "RESTORE", payload[:-1] + b"?"], ["FUNCTION", "RESTORE", b""])

    assert len(errors(keyspace)) == 2


def test_calling_a_function_cannot_be_followed() -> None:
    with pytest.raises(OpaqueCommandError):
        run(["FUNCTION", "LOAD", library("a")], "FCALL f 0")


def test_read_only_subcommands_do_nothing_and_unknown_ones_stop() -> None:
    assert errors(run("FUNCTION LIST", "FUNCTION STATS", "SCRIPT EXISTS 0", "SCRIPT FLUSH")) == []
    with pytest.raises(ReplayStopError):
        run("SCRIPT NOSUCH")


def lines_run(keyspace: Keyspace, code: bytes) -> int:
    """Return how many lines of Python one FUNCTION LOAD takes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        keyspace.execute((b"FUNCTION", b"LOAD", code))
    finally:
        sys.settrace(None)
    return count


def test_a_load_costs_the_same_behind_many_libraries() -> None:
    few, many = (
        run(*(["FUNCTION", "LOAD", library(f"l{number}", f"f{number}")] for number in range(count)))
        for count in (10, 1000)
    )

    assert lines_run(few, library("new", "new")) == lines_run(many, library("new", "new")) > 0


def test_what_only_a_server_can_refuse_is_not_refused() -> None:
    lua = b"local n = 'f' redis.register_function(n, function() return 1 end)"
    keyspace = run(["FUNCTION", "LOAD", library("a")], ["FUNCTION", "LOAD", b"#!lua name=b\n" + lua])

    assert set(keyspace.libraries) == {b"a", b"b"}
    assert errors(keyspace) == []


@pytest.mark.parametrize(("flavour", "refused"), [("redis-8.0", True), ("valkey-8", False)])
def test_the_server_object_is_refused_where_it_is_not_there(flavour: str, refused: bool) -> None:
    code = library("a").replace(b"redis.", b"server.")

    assert bool(errors(run(["FUNCTION", "LOAD", code], flavour=flavour))) is refused
    assert errors(run(["FUNCTION", "LOAD", code], flavour=flavour, trusts_log=True)) == []


def test_a_replaced_library_gives_its_functions_back() -> None:
    keyspace = run(
        ["FUNCTION", "LOAD", library("a", "f")],
        ["FUNCTION", "LOAD", "REPLACE", library("a", "g")],
        ["FUNCTION", "LOAD", library("b", "f")],
        ["FUNCTION", "LOAD", library("c", "g")],
    )

    assert set(keyspace.libraries) == {b"a", b"b"}
    assert errors(keyspace) == ["ERR Function g already exists"]

"""Function libraries and the script cache."""

from __future__ import annotations

import pytest

from aoftool.keyspace import OpaqueCommandError, ReplayStopError
from aoftool.rdb.payload import encode_functions
from aoftool.rdb.targets import find_target
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

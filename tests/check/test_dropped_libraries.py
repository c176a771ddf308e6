"""Servers that load a log without some of its function libraries are named, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Level, Outcome, Report
from tests.builders import command, log, select
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server

CALLED = b"#!lua name=mylib\nserver.register_function('f', function(keys, args) return 1 end)"
NAMED = b"#!lua name=odd\nlocal s = 1\nserver.register_function('g', function() return s end)"
PLAIN = b"#!lua name=plain\nredis.register_function('h', function(keys, args) return 1 end)"


def checked(tmp_path: Path, *codes: bytes, level: Level = Level.FULL) -> Report:
    path = tmp_path / "appendonly.aof"
    loads = [command("FUNCTION", "LOAD", "REPLACE", code) for code in codes]
    path.write_bytes(log(select(0), command("SET", "k", "v"), *loads))
    return check(find_log(path), level)


def told(report: Report) -> dict[str, tuple[str, ...]]:
    return {row.target: row.notes for row in report.outcomes if any("librar" in note for note in row.notes)}


def test_servers_without_the_object_are_named(tmp_path: Path) -> None:
    found = told(checked(tmp_path, CALLED, PLAIN))

    assert {"redis-7.0", "redis-8.0", "redis-8.6"} <= set(found)
    assert not {"valkey-8.0", "valkey-8.1", "valkey-9.0", "valkey-9.1"} & set(found)
    assert not {"redis-6.0", "redis-6.2"} & set(found), "these refuse the log"
    assert set(found.values()) == {("drops library mylib, which uses `server`",)}


def test_what_only_a_server_can_tell_is_said_so(tmp_path: Path) -> None:
    found = told(checked(tmp_path, NAMED))

    assert set(found.values()) == {("may drop library odd, which uses `server`",)}


@pytest.mark.parametrize("level", [Level.QUICK, Level.FULL])
def test_others_have_no_note(tmp_path: Path, level: Level) -> None:
    codes = [PLAIN] if level is Level.FULL else [CALLED]

    assert told(checked(tmp_path, *codes, level=level)) == {}


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_a_server_does_as_was_foretold(server_build: Build, tmp_path: Path) -> None:
    report = checked(tmp_path, CALLED, PLAIN)
    (row,) = (row for row in report.outcomes if row.target == server_build.id.rpartition(".")[0])
    content = (tmp_path / "appendonly.aof").read_bytes()

    with Server(server_build) as server:
        (path,) = server.log_directory.glob("*.incr.aof")
        path.write_bytes(content)
        server.send("DEBUG", "LOADAOF")
        libraries = server.send("FUNCTION", "LIST")

    assert row.outcome is Outcome.LOAD
    names = {b"mylib", b"plain"} - ({b"mylib"} if row.notes else set())
    assert {name for name in (b"mylib", b"plain") if name in repr(libraries).encode()} == names

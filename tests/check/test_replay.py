"""What a deep check learns by replaying the log: errors that loading servers skip in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.loaders import replay
from aoftool.check.loaders.targets import targets_named
from aoftool.check.model import Finding, Level, Report, Severity
from aoftool.releases import NAMES
from tests.builders import command, log, rdb, rdb_string, select, transaction
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server

CODES = {"command-refused", "command-without-effect", "keys-expired", "replay-ended", "replay-skipped"}


def deep(tmp_path: Path, content: bytes, level: Level = Level.DEEP) -> Report:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(content)
    return check(find_log(path), level)


def told(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.code in CODES]


def test_a_command_of_the_wrong_type_is_a_warning_with_its_places(tmp_path: Path) -> None:
    start = log(select(0), command("SET", "k", "v"))

    report = deep(tmp_path, start + command("RPUSH", "k", 1) * 3)

    (finding,) = told(report)
    assert (finding.code, finding.severity, finding.start) == (
        "command-refused",
        Severity.WARNING,
        len(start),
    )
    assert "3 times" in finding.message
    assert "every server" in finding.message
    assert finding.evidence.startswith("WRONGTYPE")
    assert report.intact


def test_an_error_inside_a_transaction_has_the_place_of_its_command(tmp_path: Path) -> None:
    start = log(command("SET", "k", "v"), command("MULTI"), command("INCR", "n"))

    report = deep(tmp_path, start + log(command("LPOP", "k"), command("INCR", "n"), command("EXEC")))

    (finding,) = told(report)
    assert finding.start == len(start)
    assert "1 of them in transactions" in finding.message


def test_only_servers_that_answer_with_an_error_are_named(tmp_path: Path) -> None:
    report = deep(tmp_path, log(command("SET", "k", "v"), command("SET", "k", "w", "NX", "GET")))

    refused = [finding for finding in told(report) if finding.code == "command-refused"]
    assert [finding.message.rpartition("by ")[2] for finding in refused] == ["redis-6.2"]


def test_a_server_that_was_asked_for_alone_is_named(tmp_path: Path) -> None:
    code = b"#!lua name=l\nserver.register_function('f', function() return 1 end)"
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(command("FUNCTION", "LOAD", code)))

    report = check(find_log(path), Level.DEEP, targets=targets_named("redis-8.0"))

    (finding,) = told(report)
    assert finding.message.endswith("while loading, by redis-8.0")


def test_a_delete_of_nothing_is_a_note(tmp_path: Path) -> None:
    (finding,) = told(deep(tmp_path, log(command("SET", "k", "v"), command("DEL", "other"))))

    assert (finding.code, finding.severity) == ("command-without-effect", Severity.NOTE)


def test_nothing_is_claimed_behind_a_script(tmp_path: Path) -> None:
    script = command("EVAL", "return 1", 0)

    (finding,) = told(deep(tmp_path, log(command("SET", "k", "v"), script, command("RPUSH", "k", 1))))

    assert finding.code == "replay-ended"
    assert finding.start == len(command("SET", "k", "v"))


def test_keys_that_have_expired_are_counted(tmp_path: Path) -> None:
    (finding,) = told(deep(tmp_path, log(command("SET", "a", 1, "PXAT", 1), command("SET", "b", 2))))

    assert finding.message.startswith("1 of 2 keys has expired")


def test_a_large_log_is_not_replayed_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MAX_REPLAY_BYTES", 10)

    (finding,) = told(deep(tmp_path, command("SET", "k", "v")))

    assert finding.code == "replay-skipped"


def test_the_usual_level_replays_nothing(tmp_path: Path) -> None:
    content = log(command("SET", "k", "v"), command("RPUSH", "k", 1))

    assert told(deep(tmp_path, content, Level.FULL)) == []


# Redis 6.0 tells only of some of the errors.
@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.2"), ids=str)
def test_a_server_skips_as_many_commands_as_was_foretold(server_build: Build, tmp_path: Path) -> None:
    bad = [command("RPUSH", "k", 1), command("INCR", "k"), command("XADD", "k", "1-1", "a", "b")]
    content = log(select(0), command("SET", "k", "v"), *bad, *bad[:2], select(99))
    rows = told(deep(tmp_path, content))

    with Server(server_build, source=tmp_path / "appendonly.aof", databases=16) as server:
        assert server.outcome is not None
        seen = server.outcome.log.count("sending an error to its AOF-loading-client")

    assert seen == 6
    assert [row.message.split(" is answered")[0] for row in rows] == ["RPUSH", "INCR", "XADD", "SELECT"]


def test_a_transaction_that_runs_whole_has_no_finding(tmp_path: Path) -> None:
    content = log(select(0), transaction(command("SET", "k", 1), command("INCR", "k")))

    assert told(deep(tmp_path, content)) == []


def test_libraries_of_the_rdb_part_are_there_when_commands_call_them(tmp_path: Path) -> None:
    library = b"#!lua name=lib\nlocal r=redis.register_function\nr('f',function() return 1 end)"
    base = rdb(b"\xf5" + rdb_string(library), magic=b"REDIS0010")
    report = deep(tmp_path, base + log(select(0), command("FCALL", "f", 0), command("SET", "a", 1)))

    assert {finding.code for finding in told(report)} == {"replay-ended"}


def test_a_script_of_the_rdb_part_is_there_for_servers_that_load_it(tmp_path: Path) -> None:
    script = b"return redis.call('SET', KEYS[1], '1')"
    base = rdb(b"\xfa" + rdb_string("lua") + rdb_string(script), magic=b"REDIS0009")
    call = command("EVALSHA", hashlib.sha1(script).hexdigest(), 1, "a")

    refused, ended = told(deep(tmp_path, base + log(select(0), call)))

    # Measured: Redis 6.0.16, 6.2.5, 6.2.14 run it; 7.0.15 to 8.6.3, Valkey 8.1.1, 9.1.2 answer NOSCRIPT.
    assert "and skipped while loading, by redis-7.0" in refused.message
    assert "redis-6" not in refused.message
    assert (ended.code, "redis-6.2" in ended.message) == ("replay-ended", True)


@pytest.mark.parametrize("argv", [("FLUSHALL",), ("FLUSHDB",), ("SWAPDB", 0, 1), ("FUNCTION", "FLUSH")])
def test_commands_that_servers_always_log_are_no_news(
    tmp_path: Path, start_server: Callable[..., Server], newest_build: Build, argv: tuple[str, ...]
) -> None:
    server = start_server(newest_build)
    server.send(*argv)
    server.stop()
    path = max(server.log_directory.glob("*.incr.aof"), default=server.log_directory / "appendonly.aof")
    content = path.read_bytes()

    report = deep(tmp_path, content)

    assert argv[0].encode() in content.upper()
    assert told(report) == []


def test_a_legal_library_raises_no_finding(tmp_path: Path) -> None:
    library = "#!lua name='lib'\nlocal r=redis.register_function\nr('f',function() return 1 end)"
    report = deep(tmp_path, log(select(0), command("FUNCTION", "LOAD", library), command("SET", "a", 1)))

    assert told(report) == []


def test_of_releases_that_load_alike_one_that_was_measured_is_replayed() -> None:
    chosen = replay.to_replay(list(NAMES))

    assert all(NAMES[name].is_measured for name in chosen)
    assert {"redis-6.2", "redis-7.0", "redis-8.0", "valkey-8.1", "valkey-9.1"} <= set(chosen)
    assert len(chosen) < len(NAMES) / 2
    assert replay.to_replay(["redis-8.12"]) == ["redis-8.12"]

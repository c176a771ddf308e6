"""RESTORE payloads that servers refuse: found by place, told apart by who refuses, and true of servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Finding, Level, Report, Severity
from aoftool.rdb.encode.payload import encode_functions, encode_payload
from aoftool.rdb.encode.targets import find_target
from aoftool.rdb.walk.checksum import crc64
from aoftool.values import HashValue
from tests.builders import command, log, select, transaction
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server

OLD, NEW = find_target("redis-6.2"), find_target("valkey-9")
SOUND = encode_payload(b"a value", OLD)
CODE = b"#!lua name=one\nserver.register_function('f', function() return 1 end)"


def flipped(payload: bytes, at: int = 2) -> bytes:
    return payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]


def sealed(body: bytes, version: int = 9) -> bytes:
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def restore(key: str, payload: bytes, name: str = "RESTORE") -> bytes:
    return command(name, key, 0, payload)


def report_on(folder: Path, data: bytes, level: Level = Level.FULL) -> Report:
    path = folder / "appendonly.aof"
    path.write_bytes(data)
    return check(find_log(os.fspath(path)), level)


def found_in(folder: Path, data: bytes, level: Level = Level.FULL) -> list[Finding]:
    return [f for f in report_on(folder, data, level).findings if f.code == "restore-payload"]


@pytest.mark.parametrize("level", [Level.FULL, Level.DEEP])
def test_sound_payloads_that_every_server_takes_are_no_finding(tmp_path: Path, level: Level) -> None:
    data = log(select(0), restore("k", SOUND), restore("l", SOUND, "RESTORE-ASKING"))

    assert report_on(tmp_path, data, level).findings == []


@pytest.mark.parametrize("name", ["RESTORE", "restore", "RESTORE-ASKING"])
@pytest.mark.parametrize("payload", [flipped(SOUND), flipped(SOUND, -1), SOUND[:-1], b"", b"short"], ids=repr)
def test_a_wrong_checksum_is_damage_at_its_place(tmp_path: Path, name: str, payload: bytes) -> None:
    before = log(select(0), command("SET", "a", "1"))
    bad = restore("lost", payload, name)

    (found,) = found_in(tmp_path, before + bad + command("SET", "b", "2"))

    assert found.severity is Severity.DAMAGE
    assert (found.start, found.end) == (len(before), len(before) + len(bad))
    assert found.command_index == 2
    assert "RESTORE" in found.message
    assert "lost" in found.message
    assert found.message.endswith("by redis-6.0 to 8.12, valkey-7.2 to 9.2")


def test_a_version_above_a_servers_own_is_a_warning_that_names_it(tmp_path: Path) -> None:
    newer = encode_payload(b"a value", find_target("redis-7.2"))

    found = found_in(tmp_path, log(restore("a", newer), restore("b", newer)))

    assert [f.severity for f in found] == [Severity.WARNING]
    assert "redis-6.0 to 7.0 (2 times)" in found[0].message
    assert "valkey" not in found[0].message


def test_a_type_of_one_server_is_a_warning(tmp_path: Path) -> None:
    value = HashValue({b"f": b"v"})
    value.expires[b"f"] = 4_000_000_000_000
    payload = encode_payload(value, NEW)

    (found,) = found_in(tmp_path, log(restore("h", payload)))

    assert found.severity is Severity.WARNING
    assert found.message.endswith("by redis-6.0 to 8.12, valkey-7.2 to 8.1")


def test_a_broken_value_under_a_right_checksum_is_seen_by_deep_only(tmp_path: Path) -> None:
    data = log(restore("k", sealed(b"\x00\x41")))

    assert found_in(tmp_path, data) == []
    assert [f.severity for f in found_in(tmp_path, data, Level.DEEP)] == [Severity.DAMAGE]


def test_functions_are_looked_at_too(tmp_path: Path) -> None:
    sound = encode_functions([CODE], find_target("redis-7.0"))

    assert found_in(tmp_path, log(command("FUNCTION", "RESTORE", sound))) == []
    (found,) = found_in(tmp_path, log(command("FUNCTION", "RESTORE", flipped(sound, 9))))

    assert found.severity is Severity.DAMAGE
    assert "the functions are skipped" in found.message


def test_a_payload_in_a_transaction_is_found(tmp_path: Path) -> None:
    data = log(transaction(restore("k", flipped(SOUND))))

    assert len(found_in(tmp_path, data)) == 1


def test_many_warnings_do_not_hide_the_damage_and_findings_are_bounded(tmp_path: Path) -> None:
    newer = encode_payload(b"a value", find_target("redis-8.0"))
    data = log(*(restore(f"w{n}", newer) for n in range(300)), *(restore(f"d{n}", b"") for n in range(300)))

    report = report_on(tmp_path, data)

    assert sum(f.severity is Severity.WARNING for f in report.findings) == 1
    assert sum(f.severity is Severity.DAMAGE for f in report.findings) < 300
    assert len(report.findings) + sum(report.omitted.values()) == 301


def test_quick_does_not_look(tmp_path: Path) -> None:
    assert found_in(tmp_path, log(restore("k", b"")), Level.QUICK) == []


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="6.0"), ids=str)
def test_a_server_loads_on_without_the_key(server_build: Build, tmp_path: Path) -> None:
    data = log(select(0), restore("kept", SOUND), restore("lost", flipped(SOUND)), command("SET", "z", "1"))
    (found,) = found_in(tmp_path, data)

    with Server(server_build, source=tmp_path / "appendonly.aof") as server:
        assert server.outcome is not None
        assert server.outcome.loaded
        there = [server.send("EXISTS", key) for key in ("kept", "lost", "z")]

    assert there == [1, 0, 1]
    assert found.severity is Severity.DAMAGE

"""Running servers are asked with the least rights; secrets stay where they are."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from aoftool.advise.model import Advice
from aoftool.captures.lines import text_of
from aoftool.collecting.address import Address, parse_address
from aoftool.collecting.questions import Asked, ask_server
from aoftool.collecting.talking import ALLOWED, Talk
from aoftool.errors import InputError, UsageError
from tests.captured import advice_of
from tests.servers import Build, Server, server_params

RIGHTS = (
    "+ping +info +config|get +latency|latest +latency|history +latency|doctor +slowlog|get +memory|stats"
    " +memory|doctor"
)


def ask(server: Server, seconds: float = 0, **who: Any) -> Asked:
    talk = Talk(Address(socket=str(server.directory / "s"), **who))
    try:
        return ask_server(talk, seconds, sleep=lambda _: None)
    finally:
        talk.close()


def advice(asked: Asked) -> Advice:
    return advice_of(tuple(text_of(name, raw) for name, raw in asked.texts.items()))


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_the_least_rights_are_enough(server_build: Build, start_server: Callable[..., Server]) -> None:
    server = start_server(server_build, settings={"latency-monitor-threshold": "10"})
    server.send("ACL", "SETUSER", "aoftool", "on", ">pw", "resetkeys", "-@all", *RIGHTS.split())
    server.send("CONFIG", "SET", "masterauth", "planted-secret")
    server.send("SET", "planted:key", "planted-value")
    server.send("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    server.send("CONFIG", "RESETSTAT")

    asked = ask(server, user="aoftool", password="pw")

    assert asked.left_out == []
    assert {"info-before.txt", "info.txt", "config.txt", "latency-doctor.txt"} <= set(asked.texts)
    assert b"planted" not in b"".join(raw for name, raw in asked.texts.items() if name != "slowlog.txt")
    stats = server.send("INFO", "commandstats").decode()
    used = set(re.findall(r"cmdstat_([a-z|]+):", stats))
    ours = used - {"auth", "config|resetstat"}
    assert ours <= {"|".join(filter(None, pair)).lower() for pair in ALLOWED}
    assert set(re.findall(r"rejected_calls=(\d+)", stats)) <= {"0"}


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_a_command_that_sleeps_is_named(server_build: Build, start_server: Callable[..., Server]) -> None:
    server = start_server(server_build, settings={"latency-monitor-threshold": "10"})
    server.send("DEBUG", "SLEEP", "0.4")

    found = advice(ask(server))

    assert found.ledger[0].label == "DEBUG"
    assert found.ledger[0].worst_s >= 0.4
    assert "slow-commands" in {finding.code for finding in found.findings}
    assert found.server.version == server_build.number


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_keys_that_expire_at_once_are_named(server_build: Build, start_server: Callable[..., Server]) -> None:
    server = start_server(server_build, settings={"latency-monitor-threshold": "1"})
    fill = "local t = redis.call('TIME')[1] + 6 for i = 1, 300000 do redis.call('SET', i, i, 'EXAT', t) end"
    server.send("EVAL", fill, "0")

    def until_gone(_: float) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and server.send("DBSIZE"):
            time.sleep(0.2)

    talk = Talk(Address(socket=str(server.directory / "s")))
    try:
        found = advice(ask_server(talk, 5, sleep=until_gone))
    finally:
        talk.close()

    assert "expiry-storm" in {finding.code for finding in found.findings}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/run/valkey.sock", Address(socket="/run/valkey.sock")),
        ("unix:/run/valkey.sock", Address(socket="/run/valkey.sock")),
        ("db1", Address(host="db1")),
        ("db1:7000", Address(host="db1", port=7000)),
        ("[::1]:7000", Address(host="::1", port=7000)),
        ("rediss://me:s%40@db1:7001", Address(host="db1", port=7001, tls=True, user="me", password="s@")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "a b", "db1:0", "db1:99999", "http://db1", "valkey://", "x:y:z"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(UsageError) as refused:
        parse_address("http://me:secret@db1")

    assert "secret" not in str(refused.value)


def test_nobody_answers(tmp_path: Any) -> None:
    with pytest.raises(InputError):
        Talk(Address(socket=str(tmp_path / "none")))

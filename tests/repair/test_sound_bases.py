"""Bases that agree with their checksum and still stop a server: what a salvage makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.rdb.walk.checksum import crc64
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.repair.undo import undo_repair
from tests.repair.test_damaged_bases import contents
from tests.repair.workbench import plan_for, snapshot
from tests.servers import server_params
from tests.servers.discovery import Build
from tests.servers.process import Server


def base_of(records: bytes) -> bytes:
    fields = b"\xfa\x09redis-ver\x056.2.5\xfa\x0caof-preamble\xc0\x01"
    body = b"REDIS0009" + fields + b"\xfe\x00" + records + b"\xff"
    return body + crc64(body).to_bytes(8, "little")


def string(key: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(key)]) + key + bytes([len(value)]) + value


TWICE = base_of(
    string(b"one", b"first") + b"\x01\x01l\x01\x01a" + string(b"one", b"last") + b"\x01\x01l\x01\x01b"
)
# A hash as a ziplist whose field comes twice; servers from 7.0 on refuse it.
FIELD_TWICE = base_of(
    string(b"k", b"value")
    + b"\x0d\x01h\x17\x17\x00\x00\x00\x13\x00\x00\x00\x04\x00"
    + b"\x00\x01f\x03\x01a\x03\x01f\x03\x01b\xff"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "appendonly.aof"


def test_the_last_of_two_records_of_a_key_is_kept_and_the_other_set_aside(log: Path) -> None:
    log.write_bytes(TWICE + b"*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$1\r\n1\r\n")
    before = snapshot(log.parent)
    plan = plan_for(log)

    receipt = apply_plan(plan)

    assert {edit.code for _, edit in plan.edits()} == {"duplicate-key"}
    found = {key: value for (_, key), (value, _) in contents(log).items()}
    assert (found[b"one"], list(found[b"l"]), found[b"z"]) == (b"last", [b"b"], b"1")
    assert (plan.statistics.keys_kept, plan.statistics.keys_lost) == (2, 2)
    lost = Path(receipt.directory, "lost-and-found.bin").read_bytes()
    assert lost == string(b"one", b"first") + b"\x01\x01l\x01\x01a"
    undo_repair(receipt)
    assert snapshot(log.parent) == before


def test_without_salvage_a_sound_base_is_left_alone(log: Path) -> None:
    log.write_bytes(TWICE)

    assert plan_for(log, Choice()).empty


def test_a_snapshot_with_a_key_twice_stays_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    body = TWICE[:-8].replace(b"aof-preamble", b"aof-postfix!")
    path.write_bytes(body + crc64(body).to_bytes(8, "little"))
    plan = plan_for(path)

    apply_plan(plan)

    assert path.read_bytes().startswith(b"REDIS0009")
    assert contents(path).keys() == {(0, b"one"), (0, b"l")}
    assert plan_for(path).empty


@pytest.mark.server
@pytest.mark.parametrize("build", server_params())
@pytest.mark.parametrize("data", [TWICE, FIELD_TWICE], ids=["key-twice", "field-twice"])
def test_every_server_loads_what_a_salvage_makes(build: Build, data: bytes, log: Path) -> None:
    log.write_bytes(data)
    apply_plan(plan_for(log))

    with Server(build, source=log) as server:
        assert server.outcome is not None
        assert server.outcome.loaded, server.outcome.log[-500:]
        assert int(server.send("DBSIZE")) == 2

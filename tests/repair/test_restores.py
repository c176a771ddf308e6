"""Damaged RESTORE payloads: put right where their checksum proves it, else set aside by a salvage."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.rdb.encode.payload import encode_functions, encode_payload
from aoftool.rdb.encode.targets import find_target
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.resp.encode import encode_command
from tests.repair.workbench import plan_for

TARGET = find_target("redis-7.0")
PAYLOADS = {
    "value": encode_payload(b"a value of some length, to be told apart", TARGET),
    "functions": encode_functions([b"#!lua name=lib\nredis.register_function('f', function() end)"], TARGET),
}


def log_with(kind: str, payload: bytes) -> bytes:
    command = (b"RESTORE", b"key", b"0", payload) if kind == "value" else (b"FUNCTION", b"RESTORE", payload)
    return b"".join(map(encode_command, ((b"SET", b"a", b"1"), command, (b"SET", b"b", b"2"))))


@pytest.mark.parametrize("kind", PAYLOADS)
@pytest.mark.parametrize("seed", range(10))
def test_short_damage_to_a_payload_is_put_right_without_salvage(kind: str, seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    payload = bytearray(PAYLOADS[kind])
    at = rng.randrange(len(payload) - 2)
    for place in range(at, at + rng.randint(1, 2)):
        payload[place] ^= rng.randrange(1, 256)
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log_with(kind, bytes(payload)))

    apply_plan(plan_for(path, Choice()))

    assert path.read_bytes() == log_with(kind, PAYLOADS[kind])


@pytest.mark.parametrize("kind", PAYLOADS)
def test_longer_damage_is_set_aside_by_a_salvage_only(kind: str, tmp_path: Path) -> None:
    payload = bytearray(PAYLOADS[kind])
    for place in (3, 12, 20, 27):
        payload[place] ^= 0x11
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log_with(kind, bytes(payload)))

    assert plan_for(path, Choice()).empty
    apply_plan(plan_for(path))

    kept = (b"SET", b"a", b"1"), (b"SET", b"b", b"2")
    assert path.read_bytes() == b"".join(map(encode_command, kept))
    assert plan_for(path).empty

"""Commands are asked who wrote a log beside the reading of what they do: the same answer, and errors."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import ReadFailedError, RespError
from aoftool.progress import Progress
from aoftool.rdb.encode.payload import encode_payload
from aoftool.rdb.encode.targets import find_target
from aoftool.replay.evidence import Evidence
from aoftool.rewrite import witness
from aoftool.rewrite.model import RewriteOptions, RewriteSummary
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.witness import Witness
from aoftool.values import SetValue
from tests.builders import log

PLAIN = ([b"SET", b"k", b"v"], [b"RPUSH", b"l", b"1"])
LATE = ([b"SET", b"k", b"v"], [b"HPEXPIREAT", b"h", b"1", b"FIELDS", b"1", b"f"])
OF_8_2 = encode_payload(SetValue({b"m": None}), find_target("redis-8.2"))
# Valkey refuses the payload, so that the first SET is dead only for who knows that Redis wrote the log.
RESTORED = ([b"SET", b"k", b"old"], [b"RESTORE", b"k", b"0", OF_8_2, b"REPLACE"])


def planned(path: Path, least: int, monkeypatch: pytest.MonkeyPatch) -> RewriteSummary:
    monkeypatch.setattr(witness, "_WORTH_A_THREAD", least)
    with plan_rewrite(find_log(str(path)), RewriteOptions()) as plan:
        plan.summary.elapsed_s = 0.0
        return plan.summary


@pytest.mark.parametrize("commands", [PLAIN, LATE, RESTORED])
def test_the_writer_and_the_plan_are_those_of_one_reading_after_the_other(
    commands: tuple[list[bytes], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*commands))

    beside = planned(path, 0, monkeypatch)

    assert beside == planned(path, 1 << 30, monkeypatch)
    assert beside.writer is not None
    if commands is RESTORED:
        assert beside.writer.release.family == "redis"
        assert beside.tail.live == 1


def test_what_fails_there_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*PLAIN))

    def failing(_self: Witness, _progress: Progress) -> Evidence:
        raise ReadFailedError("the disk is gone", path=str(path), offset=3)

    monkeypatch.setattr(Witness, "hear", failing)

    with pytest.raises(ReadFailedError, match="the disk is gone"):
        planned(path, 0, monkeypatch)


def test_nobody_is_left_reading_where_the_log_makes_no_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*PLAIN) + b"damage\r\n")
    went_on = threading.Event()

    def waiting(_self: Witness, progress: Progress) -> Evidence:
        while True:
            went_on.set()
            time.sleep(0.001)
            progress(0)

    monkeypatch.setattr(Witness, "hear", waiting)

    with pytest.raises(RespError):
        planned(path, 0, monkeypatch)

    assert went_on.is_set()
    assert not [thread for thread in threading.enumerate() if "who wrote" in thread.name]

"""A log that is compressed, or comes through a pipe, is checked as the plain file is."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Level
from aoftool.errors import SinkError
from aoftool.files import spool
from aoftool.report.findings import findings_json
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select

SETS = [command("SET", f"key:{n}", f"value {n}") for n in range(200)]
BASE = rdb(b"\xfa\x08aof-base\xc0\x01", rdb_database(0, rdb_record(0, "k", rdb_string("v"))))
LOGS = {
    "healthy": log(select(0), *SETS),
    "hurt twice": log(select(0), *SETS[:50]) + b"junk" + log(*SETS[50:99]) + b"\0\0" + log(*SETS[99:]),
    "unknown command": log(select(0), *SETS[:9], command("FROB", "x"), *SETS[9:]),
    "wrong arity": log(select(0), *SETS[:9], command("SET", "a"), *SETS[9:]),
    "torn": log(select(0), *SETS)[:-5],
    "hurt behind a base": BASE + log(select(0), *SETS[:50]) + b"junk" + log(*SETS[50:]),
    "hurt base": BASE[:-12] + b"\xc3" + BASE[-11:] + log(select(0), *SETS[:50]),
    "empty": b"",
}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "stdin": bytes,
}


def logs_of(path: str, level: Level) -> dict[str, Any]:
    body: dict[str, Any] = findings_json([check(find_log(path), level)])["logs"][0]
    return body


def without_path(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in ("path", "role")} for row in rows]


@pytest.mark.parametrize("level", [Level.FULL, Level.DEEP])
@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize("kind", LOGS)
def test_findings_and_outcomes_are_those_of_the_plain_file(
    kind: str, how: str, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, other = tmp_path / "plain" / "log.aof", tmp_path / "packed" / "log.aof"
    for path, data in ((plain, LOGS[kind]), (other, PACK[how](LOGS[kind]))):
        path.parent.mkdir()
        path.write_bytes(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOGS[kind])))

    wanted = logs_of(str(plain), level)
    found = logs_of("-" if how == "stdin" else str(other), level)

    assert without_path(found["findings"]) == without_path(wanted["findings"])
    assert without_path(found["files"]) == without_path(wanted["files"])
    told = [(row["outcome"], row["cut_to"]) for row in found["servers"]]
    assert told == [(row["outcome"], row["cut_to"]) for row in wanted["servers"]]
    assert not list(tmp_path.rglob(".aoftool-*"))


def test_the_quick_level_makes_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(gzip.compress(LOGS["hurt twice"]))
    monkeypatch.setattr(spool, "spooled", None)

    found = logs_of(str(path), Level.QUICK)

    assert [finding["start"] for finding in found["findings"]][:1] == [len(log(select(0), *SETS[:50]))]


def test_a_copy_takes_half_of_the_free_space_at_most_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, room = tmp_path / "log.aof", tmp_path / "room"
    path.write_bytes(gzip.compress(LOGS["healthy"]))
    room.mkdir()
    monkeypatch.setenv("TMPDIR", str(room))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=2000))

    with pytest.raises(SinkError, match="more than 1,000 bytes, half of what is free"):
        check(find_log(str(path)))

    assert os.listdir(room) == []


def test_truncated_compression_is_a_finding_beside_those_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(gzip.compress(LOGS["hurt twice"])[:-20])

    codes = [finding["code"] for finding in logs_of(str(path), Level.FULL)["findings"]]

    assert codes == ["inline-text", "zero-block", "torn-tail", "read-changed"]

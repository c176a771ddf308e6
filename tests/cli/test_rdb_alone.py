"""An RDB alone: verbs about commands say that there are none, and what they cannot tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import rdb, rdb_database, rdb_record, rdb_string

TOLD = {
    "audit": "no commands to look at: an RDB part holds the data, and not what was done to it",
    "growth": "no commands: an RDB part holds the data, and not how it grew",
    "log": "there are no commands: an RDB part holds the data, and not what was done to it",
    "inspect": "db 0 2 keys in the RDB part, db 3 1 key in the RDB part",
    "inspect --by prefix": "no commands, and so no prefix of them",
}


@pytest.mark.parametrize("verb", ["audit", "growth", "log"])
def test_an_empty_file_holds_no_data(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.aof"
    path.touch()

    assert run([verb, str(path)]) == 0

    shown = capsys.readouterr()
    assert "no commands" in shown.out + shown.err
    assert "RDB part" not in shown.out + shown.err


def test_of_a_damaged_part_alone_nothing_is_called_quiet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb(rdb_database(0, rdb_record(0, "a", rdb_string("v" * 50))))[:-40])

    assert run(["audit", str(path)]) == 1

    shown = capsys.readouterr()
    assert shown.out.startswith("no commands to look at: an RDB part holds the data")
    assert "rdb-truncated" in shown.err


@pytest.mark.parametrize("verb", TOLD)
def test_what_cannot_be_told_is_said(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dump.rdb"
    records = [rdb_record(0, name, rdb_string("v")) for name in ("a", "b", "c")]
    path.write_bytes(rdb(rdb_database(0, *records[:2]) + rdb_database(3, records[2])))

    assert run([*verb.split(), str(path)]) == 0

    shown = capsys.readouterr()
    assert TOLD[verb] in " ".join((shown.out + shown.err).split())
    assert "0 commands" not in shown.out
    assert "nothing stands out" not in shown.out

"""However a part is read, ahead or not and in pieces of any size, its walk is the same."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from aoftool.errors import ReadFailedError
from aoftool.files import open_source
from aoftool.files.source import Source
from aoftool.files.threads import ahead as read_ahead
from aoftool.rdb.walk import feed
from aoftool.rdb.walk.summary import RdbWalk
from aoftool.rdb.walk.walk import StructurePass, walk
from tests.builders import rdb, rdb_database, rdb_record, rdb_string

RECORDS = [rdb_record(0, b"key:%d" % at, rdb_string(b"v" * (at % 90))) for at in range(200)]
PART = rdb(
    rdb_database(0, *RECORDS, rdb_record(0, "long", rdb_string(b"x" * 5000))), rdb_database(3, RECORDS[7])
)


def walked(path: Path, *, ahead: bool) -> tuple[RdbWalk, int]:
    with open_source(str(path)) as source:
        return walk(source, 0, ahead=ahead), source.tell()


@pytest.mark.parametrize("end", [len(PART), len(PART) - 4, len(PART) - 3000, len(PART) - 5200])
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize(("piece", "margin"), [(1, 65536), (13, 65536), (700, 5), (100, 0), (1 << 20, 65536)])
def test_reading_ahead_changes_nothing(
    end: int, before: int, piece: int, margin: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(PART[:end] + b"*1\r\n$4\r\nPING\r\n" * (end == len(PART)))
    plain = walked(path, ahead=False)
    monkeypatch.setattr(feed, "_WINDOWS_BEFORE", before)
    monkeypatch.setattr(feed, "_AHEAD_BYTES", piece)
    for module in (feed, read_ahead):
        monkeypatch.setattr(module, "MARGIN_BYTES", margin)

    assert walked(path, ahead=True) == plain


def test_a_walk_that_is_left_early_reads_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(PART)
    monkeypatch.setattr(feed, "_WINDOWS_BEFORE", 0)
    monkeypatch.setattr(feed, "_AHEAD_BYTES", 64)
    with open_source(str(path)) as source:
        windows = StructurePass(source, 0, ahead=True).windows()
        next(windows)
        thread = next(one for one in threading.enumerate() if one.name == "reading ahead")

        windows.close()

        assert not thread.is_alive()


def test_what_cannot_be_read_ahead_is_told_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(PART)
    monkeypatch.setattr(feed, "_WINDOWS_BEFORE", 0)
    monkeypatch.setattr(feed, "_AHEAD_BYTES", 64)
    with open_source(str(path)) as source:
        read_into = Source.read_into

        def shrinks(self: Source, buffer: memoryview) -> int:
            if self.tell() > len(PART) // 2:
                path.write_bytes(PART[: len(PART) // 2])
            return read_into(self, buffer)

        monkeypatch.setattr(Source, "read_into", shrinks)

        with pytest.raises(ReadFailedError):
            walk(source, 0, ahead=True)

"""When a server rewrites a log by itself: at twice its size after the last rewrite, and 64 MiB at least."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from aoftool.analysis.clock.model import Axis
from aoftool.analysis.growth.model import Bucket, Growth
from aoftool.analysis.inspect.model import CommandRow, Overview, RdbPart, RowKind
from aoftool.analysis.inspect.next_rewrite import next_rewrite_of
from aoftool.cli.app import run
from aoftool.report.inspect.contents import next_rewrite_line
from tests.builders import log

MIB = 1 << 20


def overview(size: int, base: int) -> Overview:
    rows = [CommandRow(b"SET", RowKind.COMMAND, 1, size - base, size - base)]
    parts = [RdbPart("a.rdb", "REDIS0012", base, 1, 0, "ok")] if base else []
    return Overview("a", "single", size, [], [], None, None, rows, [], parts)


def growth(seconds: int, size: int) -> Growth:
    bucket = Bucket(0, seconds, 1, size, None, None)
    return Growth(Axis.TIME, "prefix", seconds, 1, size, buckets=[bucket])


@pytest.mark.parametrize(
    ("size", "base", "due", "words"),
    [
        (10 * MIB, 5 * MIB, 64 * MIB, "at 64.0 MiB, 54.0 MiB from now, in 5 min 24 s at the mean pace"),
        (150 * MIB, 100 * MIB, 200 * MIB, "at 200 MiB, 50.0 MiB from now"),
        (200 * MIB, 100 * MIB, 200 * MIB, "due: by default settings (100 % and 64.0 MiB at least)"),
        (10 * MIB, 0, 64 * MIB, "at 64.0 MiB"),
    ],
)
def test_a_rewrite_is_due_at_twice_the_base(size: int, base: int, due: int, words: str) -> None:
    found = next_rewrite_of(overview(size, base), growth(60, 10 * MIB))

    assert found is not None
    assert found.due_bytes == due
    assert words in next_rewrite_line(found)


def test_a_short_log_tells_no_pace() -> None:
    found = next_rewrite_of(overview(10 * MIB, 0), growth(5, 10 * MIB))

    assert found is not None
    assert "pace" not in next_rewrite_line(found)


@pytest.mark.parametrize(
    ("size", "base", "matters"),
    [
        (10 * MIB, 5 * MIB, False),
        (57 * MIB, 5 * MIB, False),
        (58 * MIB, 5 * MIB, True),
        (300 * MIB, 100 * MIB, True),
        (1023 * MIB, 1000 * MIB, False),
        (1025 * MIB, 1024 * MIB, True),
    ],
)
def test_a_rewrite_matters_when_it_is_near_or_writes_much(size: int, base: int, matters: bool) -> None:
    found = next_rewrite_of(overview(size, base), growth(60, 10 * MIB))

    assert found is not None
    assert found.matters is matters


@pytest.mark.parametrize("path_name", ["a.aof", "it's due.aof"])
def test_a_rewrite_that_is_near_has_a_line_that_can_be_pasted(
    path_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(path_name).write_bytes(log(*[("SET", f"k{number}", "v" * 100) for number in range(50)]))
    assert run(["inspect", path_name]) == 0
    assert "aoftool simulate" not in capsys.readouterr().out

    monkeypatch.setattr("aoftool.analysis.inspect.next_rewrite.LEAST_BYTES", 1000)
    assert run(["inspect", path_name]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line.strip() for line in lines if "aoftool simulate" in line)

    assert lines[[text.strip() for text in lines].index(line) - 1] != ""
    assert run(shlex.split(line)[1:]) == 0


def test_no_line_is_proposed_that_would_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    commands = [("SET", f"k{number}", "v" * 100) for number in range(50)]
    path.write_bytes(log(*commands, ("EVAL", "return redis.call('SET','a','b')", "0")))
    monkeypatch.setattr("aoftool.analysis.inspect.next_rewrite.LEAST_BYTES", 1000)

    run(["inspect", str(path)])

    shown = capsys.readouterr().out
    assert "rewrite " in shown
    assert "aoftool simulate" not in shown

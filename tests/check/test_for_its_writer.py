"""A log in good order that no server which may have written it loads: verdict and exit code say so."""

from __future__ import annotations

from pathlib import Path

from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.verbs import ask


def part(version: str, magic: bytes, key: str) -> bytes:
    return rdb(rdb_database(0, rdb_record(0, key, rdb_string("1"))), magic=magic, aux={"redis-ver": version})


def put(folder: Path, behind: bytes) -> Path:
    incrs = [log(select(0), command("SET", "k", "v")), behind]
    return write_multi_part(
        folder, base=part("7.0.15", b"REDIS0010", "a"), incrs=incrs, base_is_rdb=True
    ).parent


def test_a_part_that_the_writer_does_not_open(tmp_path: Path) -> None:
    folder = put(tmp_path / "log", part("8.0.6", b"REDIS0012", "b"))

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    looked = ask(("inspect", "IN"), folder, tmp_path / "out")

    assert (checked.code, looked.code) == (1, 1)
    assert "no server that may have written this log loads it: redis-7.0 [not-for-its-writer]" in checked.out
    assert "\nhint: load it on redis-7.4, and rewrite it there: nothing here can be repaired\n" in checked.out


def test_a_part_that_it_opens_is_no_damage(tmp_path: Path) -> None:
    folder = put(tmp_path / "log", part("7.0.15", b"REDIS0010", "b"))

    assert ask(("check", "IN"), folder, tmp_path / "out").code == 0


def test_what_hangs_on_settings_says_nothing_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    far = rdb_database(40, rdb_record(0, "a", rdb_string("1")))
    path.write_bytes(rdb(far, magic=b"REDIS0010", aux={"redis-ver": "7.0.15"}))

    assert ask(("check", "IN"), path, tmp_path / "out").code == 0

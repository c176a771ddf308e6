"""Who wrote a log that a rewrite salvages: the base says it, although what is kept of it may not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select
from tests.verbs import ask


def damaged_base(path: Path) -> Path:
    records = [rdb_record(0, f"key:{number}", rdb_string("x" * 30)) for number in range(40)]
    base = bytearray(rdb(rdb_database(0, *records), magic=b"REDIS0012", aux={"redis-ver": "8.0.6"}))
    base[600:700] = bytes(100)
    path.write_bytes(bytes(base) + log(select(0), command("SET", "k", "v")))
    return path


def test_the_base_names_the_writer(tmp_path: Path) -> None:
    path = damaged_base(tmp_path / "appendonly.aof")

    answer = ask(("rewrite", "--dry-run", "--salvage", "--json", "IN"), path, tmp_path / "out")
    shown = ask(("rewrite", "--dry-run", "--salvage", "IN"), path, tmp_path / "out")

    writer = json.loads(answer.out)["writer"]
    assert (writer["release"], writer["certainty"], writer["version"]) == ("redis-8.0", "named", "8.0.6")
    assert "as you say" not in shown.out


def test_the_user_knows_better(tmp_path: Path) -> None:
    path = damaged_base(tmp_path / "appendonly.aof")

    words = ("rewrite", "--dry-run", "--salvage", "--written-by", "redis-8.2", "IN")

    assert "written by  Redis 8.2, as you say" in ask(words, path, tmp_path / "out").out


def test_what_stands_behind_a_snapshot_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(rdb(rdb_database(0, rdb_record(0, "a", rdb_string("1"))), magic=b"REDIS0010") + b"junk")

    answer = ask(("rewrite", "-o", "OUT", "IN"), path, tmp_path / "out")

    assert answer.code == 0, answer.err

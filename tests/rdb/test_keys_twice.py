"""Keys that stand twice in a part are found at the speed of a walk, and where a deep check finds them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.files import open_source
from aoftool.rdb.verify.across_records import KeyCheck
from aoftool.rdb.verify.keys_twice import first_key_twice
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, select


def part(*databases: list[str]) -> bytes:
    rows = [
        rdb_database(db, *(rdb_record(0, key, rdb_string("v")) for key in keys))
        for db, keys in enumerate(databases)
    ]
    return rdb(*rows, aux={"redis-ver": "7.0.15"}, magic=b"REDIS0010")


def found(path: Path, data: bytes) -> int | None:
    path.write_bytes(data)
    with open_source(str(path)) as source:
        return first_key_twice(source)


def test_the_second_record_of_a_key_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.rdb"
    long = "k" * 300

    assert found(path, part(["a", "b", "ab", "1", "12", long], ["a", "b", long])) is None
    once = part(["a", "b"])
    assert found(path, part(["a", "b", "a"])) == len(once) - 9
    assert found(path, part(["a", long, "b", long])) is not None
    assert found(path, part(["12", "13", "12"])) is not None
    assert found(path, part([], ["x", "x"])) is not None
    assert found(path, part()) is None


def test_many_keys_of_one_shape_are_told_apart_across_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A second pass is for suspects only: without one there are no two digests alike.
    monkeypatch.setattr(KeyCheck, "add", lambda *_: pytest.fail("a false suspect"))
    rng = random.Random(7)
    keys = list({f"user:{rng.randrange(10**9):09d}:{rng.choice('abc')}" for _ in range(30_000)})

    assert found(tmp_path / "x.rdb", part(keys)) is None


def test_a_repeat_far_behind_is_found(tmp_path: Path) -> None:
    keys = [f"user:{number}" for number in range(30_000)]

    assert found(tmp_path / "x.rdb", part([*keys, "user:7"])) is not None


@pytest.mark.parametrize("call", [("keys",), ("audit",), ("rewrite", "-n"), ("history", "b"), ("simulate",)])
def test_verbs_that_answer_of_keys_say_what_a_check_says(
    call: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.aof"
    path.write_bytes(part(["a", "b", "a"]) + log(select(0), ("SET", "a", 1)))

    code = run([*call, str(path)])

    err = capsys.readouterr().err
    assert code == 1
    assert "the same key stands twice in one database [duplicate-key]" in err
    assert f"next: aoftool fix --dry-run --salvage {path}" in err

"""Collections without elements in an RDB part: servers since 7.0 leave them out, and so does every verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import builders
from tests.builders import rdb_length, rdb_record, rdb_string
from tests.verbs import CALLS, ask

LISTPACK = bytes.fromhex("07000000 0000 ff")
ZIPLIST = bytes.fromhex("0b000000 0a000000 0000 ff")
# An LZF string of the listpack: one run of seven literal bytes.
PACKED = b"\xc3" + rdb_length(8) + rdb_length(7) + b"\x06" + LISTPACK
EMPTY: dict[str, tuple[int, bytes]] = {
    "list": (1, rdb_length(0)),
    "set": (2, rdb_length(0)),
    "hash": (4, rdb_length(0)),
    "zset": (5, rdb_length(0)),
    "list-ziplist": (10, rdb_string(ZIPLIST)),
    "zset-ziplist": (12, rdb_string(ZIPLIST)),
    "hash-ziplist": (13, rdb_string(ZIPLIST)),
    "quicklist": (14, rdb_length(2) + 2 * rdb_string(ZIPLIST)),
    "hash-listpack": (16, rdb_string(LISTPACK)),
    "zset-listpack": (17, rdb_string(LISTPACK)),
    "quicklist2": (18, rdb_length(1) + rdb_length(2) + rdb_string(LISTPACK)),
    "set-listpack": (20, rdb_string(LISTPACK)),
    "hash-listpack-packed": (16, PACKED),
    "quicklist2-packed": (18, rdb_length(1) + rdb_length(2) + PACKED),
}


def _base() -> bytes:
    entries = [rdb_record(type_id, name, value) for name, (type_id, value) in EMPTY.items()]
    first, last = rdb_record(0, "first", rdb_string("1")), rdb_record(0, "last", rdb_string("2"))
    return builders.rdb(builders.rdb_database(0, first, *entries, last))


@pytest.fixture(params=["alone", "followed"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give an RDB of empty collections between two strings: alone, and with writes to two of them."""
    if request.param == "alone":
        path = tmp_path / "dump.rdb"
        path.write_bytes(_base())
        return path
    path = tmp_path / "appendonly.aof"
    tail = builders.log(("SELECT", 0), ("SADD", "hash", "x"), ("RPUSH", "list", "y"), ("APPEND", "last", "2"))
    path.write_bytes(_base() + tail)
    return path


def _keys(log: Path, out: Path) -> dict[str, Any]:
    answer = ask(("keys", "--json", "--values", "IN"), log, out)
    assert answer.code == 0, answer
    return {row["key"]: row["type"] for row in map(json.loads, answer.out.splitlines())}


def _held(log: Path) -> dict[str, str]:
    held = {"first": "string", "last": "string"}
    return held if log.suffix == ".rdb" else held | {"hash": "set", "list": "list"}


def test_keys_leaves_them_out_and_says_so(log: Path, tmp_path: Path) -> None:
    answer = ask(("keys", "IN"), log, tmp_path / "out")

    assert _keys(log, tmp_path / "out") == _held(log)
    assert f"{len(EMPTY)} keys of the RDB part hold no elements" in answer.err


@pytest.mark.parametrize("form", ["rdb", "resp"])
@pytest.mark.parametrize("limits", [(), ("--memory-limit", "64MB"), ("--db", "0")], ids=" ".join)
def test_a_rewrite_leaves_them_out_and_says_so(
    form: str, limits: tuple[str, ...], log: Path, tmp_path: Path
) -> None:
    from aoftool.cli.app import run

    out = tmp_path / "out.aof"
    said = ask(("rewrite", "--dry-run", "--json", *limits, "IN"), log, tmp_path / "none")

    assert run(["rewrite", "--format", form, *limits, str(log), "-o", str(out)]) == 0
    assert _keys(out, tmp_path / "none") == _held(log)
    (note,) = (note for note in json.loads(said.out)["notes"] if "no elements" in note)
    assert note.startswith(f"{len(EMPTY)} keys ")


def test_diff_and_history_do_not_know_them(log: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.aof"
    empty.write_bytes(b"")

    compared = json.loads(ask(("diff", "--json", "IN", str(empty)), log, tmp_path / "out").out)
    told = ask(("history", "--json", "hash", "IN"), log, tmp_path / "out")

    assert {change["key"] for change in compared["changes"]} == set(_held(log))
    steps = [json.loads(line) for line in told.out.splitlines()]
    assert len(steps) == ("hash" in _held(log))


def test_every_verb_has_an_answer(log: Path, tmp_path: Path) -> None:
    from tests.verbs import CALLS

    problems = [answer for call in CALLS if (answer := ask(call, log, tmp_path / "out")).problem()]

    assert problems == []


# The header counts 65,533 entries, and the end mark stands in place of the first.
OVERCOUNTED = bytes.fromhex("0c000000 0a000000 fdff ff ff")


@pytest.mark.parametrize("number", [10, 12, 13], ids=["list", "zset", "hash"])
def test_a_collection_that_counts_elements_and_has_none_is_damage(number: int, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    base = builders.rdb(builders.rdb_database(0, rdb_record(number, "key:1", rdb_string(OVERCOUNTED))))
    path.write_bytes(base + builders.log(("SELECT", 0), ("EXPIRE", "key:1", "100000")))
    calls = [
        *CALLS[number % 3 :: 3],
        ("rewrite", "--format", "resp", "--layout", "single", "-o", "OUT", "IN"),
    ]

    answers = [ask(call, path, tmp_path / "out") for call in calls]

    assert [(answer.call, answer.problem()) for answer in answers if answer.problem()] == []
    assert ask(("check", "--level", "deep", "IN"), path, tmp_path / "out").code == 1

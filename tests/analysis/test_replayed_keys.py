"""Plain keys are listed and compared beside those of modules, of KeyDB, and behind emptied slots."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.commands.slots import slot_of
from tests.builders import command, log, select
from tests.rewrite.test_modules import words
from tests.servers import Server

AT_MS = 4_102_444_800_000
TYPES = {
    "ReJSON-RL", "TSDB-TYPE", "MBbloom--", "MBbloomCF", "CMSk-TYPE", "TopK-TYPE", "TDIS-TYPE", "trietype0",
}  # fmt: skip


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[bytes, dict[str, Any]]:
    capsys.readouterr()
    assert run(["keys", "--json", "--values", *arguments]) == 0
    rows = map(json.loads, capsys.readouterr().out.splitlines())
    return {row["key"].encode(): row for row in rows}


def drawn(source: random.Random, number: int) -> Iterator[tuple[Any, ...]]:
    """Yield commands of modules and plain ones, and such as meet both."""
    if source.random() < 0.6:
        yield from words(source, number)
        return
    kinds = ("plain", "doc", "json", "ts", "bf", "cf", "cms", "topk", "td", "sug")
    one, other = (f"{source.choice(kinds)}:{source.choice('abc')}" for _ in range(2))
    yield source.choice(
        [
            ("PEXPIREAT", one, AT_MS),
            ("PERSIST", one),
            ("RENAME", one, other),
            ("COPY", one, other, "REPLACE"),
            ("JSON.DEL", one, *source.choice([(), ("$",), (".",), ("$.n",)])),
            ("JSON.MERGE", one, "$", "null"),
            ("JSON.SET", one, "$", '{"n":1}'),
            ("TDIGEST.MERGE", one, 1, "td:a", *source.choice([(), ("OVERRIDE",)])),
            ("FT.SUGDEL", one, "word1"),
            ("INCR", f"plain:{source.choice('abc')}"),
        ]
    )


@pytest.mark.server
@pytest.mark.parametrize("seed", range(8))
def test_keys_are_those_of_the_server(
    seed: int, stack: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = random.Random(seed)
    stack.send("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    accepted = [command("SET", "plain:a", 1)]
    stack.send("SET", "plain:a", 1)
    for number in range(1, 200):
        for argv in drawn(source, number):
            if argv[-1] == "DD":
                # An index takes documents along that nothing names: the listing would end there.
                continue
            try:
                stack.send(*argv)
            except Exception:
                # A live server logs no command that it refuses.
                continue
            accepted.append(command(*argv))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), *accepted))

    ours = listed(capsys, str(path))

    assert set(ours) == set(stack.send("KEYS", "*"))
    for key, row in ours.items():
        kind = bytes(stack.send("TYPE", key)).decode()
        assert (row["encoding"] if row["type"] == "module" else row["type"]) == kind
        assert (row["type"] == "module") == (kind in TYPES)
        assert (row["expire_at_ms"] or -1) == stack.send("PEXPIRETIME", key)
        if kind == "string":
            assert row["value"] == bytes(stack.send("GET", key)).decode()
    assert {key for key in ours if key.startswith(b"plain:")} == set(
        listed(capsys, "--match", "plain:*", str(path))
    )
    assert run(["diff", str(path), str(path)]) == 0


def test_a_diff_tells_what_is_different_beside_modules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = [
        ("SET", "a", 1),
        ("JSON.SET", "j", "$", "1"),
        ("TS.ADD", "t", 1, 1),
        ("SELECT", 2),
        ("SET", "b", 1),
    ]
    paths = []
    for name, more in (("one", []), ("two", [("SET", "b", 2), ("SELECT", 0), ("JSON.SET", "j", "$", "2")])):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(log(select(0), *(command(*argv) for argv in (*common, *more))))
    one, two = map(str, paths)

    assert run(["diff", "--json", one, two]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {(row["db"], row["key"]) for row in told["changes"]} == {(0, "j"), (2, "b")}
    assert run(["diff", "--db", "2", one, two]) == 1
    assert run(["diff", "--match", "[at]", one, two]) == 0


@pytest.mark.parametrize("name", ["TRIMSLOTS", "SFLUSH", "CLUSTER"])
def test_emptied_slots_are_empty(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [f"k{number}" for number in range(40)]
    slot = slot_of(b"k7")
    emptied = {
        "TRIMSLOTS": ("TRIMSLOTS", "RANGES", 1, slot, slot),
        "SFLUSH": ("SFLUSH", slot, slot),
        "CLUSTER": ("CLUSTER", "FLUSHSLOT", slot),
    }[name]
    path = tmp_path / "appendonly.aof"
    made = [command("SET", key, 1) for key in keys]
    path.write_bytes(log(select(0), *made, command(*emptied), command("SET", "later", 1)))
    writer = "valkey-9.1" if name == "CLUSTER" else "redis-8.6"

    left = {key.encode() for key in keys if slot_of(key.encode()) != slot} | {b"later"}
    assert set(listed(capsys, "--written-by", writer, str(path))) == left


def test_an_import_of_slots_hides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Measured on a node of Valkey 9.1.2: a loader keeps the keys, whatever became of their import."""
    job = "c" * 40
    begin = command(
        "CLUSTER", "SYNCSLOTS", "ESTABLISH", "SOURCE", "a" * 40, "NAME", job, "SLOTSRANGE", 0, 16383
    )
    end = command("CLUSTER", "SYNCSLOTS", "FINISH", "STATE", "FAILED", "NAME", job, "MESSAGE", "")
    path = tmp_path / "appendonly.aof"
    path.write_bytes(
        log(select(0), begin, command("SET", "a", 1), command("SET", "a", 2), end, command("DEL", "b"))
    )

    assert set(listed(capsys, str(path))) == {b"a"}
    assert run(["rewrite", "--dry-run", str(path)]) == 0
    assert "may do anything" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("REPLCONF", "TIMESTAMP", 1), ("SCRIPT", "LOAD", "return 1"), ("SCRIPT", "FLUSH"),
        ("PUBLISH", "c", "m"), ("SPUBLISH", "c", "m"), ("PING",), ("OPINFO", "x"),
        ("CLIENT", "SETNAME", "x"), ("ACL", "WHOAMI"), ("BGREWRITEAOF",), ("UNSUBSCRIBE", "c"),
        ("JSON.GET", "j"), ("FT.SEARCH", "i", "x"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_nothing_behind_what_touches_no_key_is_unknown(
    words: tuple[Any, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), command("SET", "a", 1), command(*words), command("SET", "a", 2)))

    assert listed(capsys, str(path))[b"a"]["value"] == "2"
    assert run(["rewrite", "--dry-run", "--json", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["commands"]["opaque"] == 0


def test_what_keydb_wraps_is_run_in_its_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inner = log(command("SET", "r", 1))
    twice = log(command("RREPLAY", "uuid-2", log(command("HSET", "h", "f", "v")), 3, 2))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(
        log(
            select(0),
            command("SET", "a", 1),
            command("RREPLAY", "uuid-1", inner, 0, 1),
            command("RREPLAY", "uuid-1", twice, 5, 2),
            command("SADD", "s", "m", "n"),
            command("EXPIREMEMBERAT", "s", "m", AT_MS // 1000),
            command("PEXPIREMEMBERAT", "h2", "m", AT_MS),
        )
    )

    rows = listed(capsys, str(path))
    assert {key: row["db"] for key, row in rows.items()} == {b"a": 0, b"r": 0, b"h": 3, b"s": 0}
    assert run(["keys", str(path)]) == 0
    assert "m of s (db 0) at 2100-01-01" in capsys.readouterr().err
    assert run(["diff", str(path), str(path)]) == 0


def test_a_choice_that_the_log_does_not_tell_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.aof"
    start = [("JSON.SET", "j", "$", "1"), ("SADD", "s", "a", "b", "c")]
    path.write_bytes(log(*start, ("SPOP", "s")))
    told = tmp_path / "told.aof"
    told.write_bytes(log(*start, ("SREM", "s", "a")))

    assert run(["keys", str(path)]) == 0
    assert "1 choice here may be none of a server's" in capsys.readouterr().err
    run(["diff", str(path), str(told)])
    assert "1 choice here may be none of a server's" in capsys.readouterr().err
    assert run(["keys", str(told)]) == 0
    assert "choice" not in capsys.readouterr().err


def test_the_choice_of_a_patch_release_is_said_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.aof"
    store = ("GEORADIUS", "gone", "15", "37", "1", "km", "STORE", "dst")
    path.write_bytes(log(("JSON.SET", "j", "$", "1"), ("SET", "dst", "x"), store))

    assert run(["keys", "--written-by", "redis-6.2", str(path)]) == 0
    assert "1 choice here may be none of a server's" in capsys.readouterr().err

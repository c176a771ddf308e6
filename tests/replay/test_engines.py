"""Logs of related engines are named, and what they wrap is shown as it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from tests.builders import command, log, select
from tests.corpus import FIXTURES

TILE38 = [("set", "fleet", "t1", "POINT", "33.5", "-112.2"), ("SET", "fleet", "t2", "object", "{}")]
HOOK = ("SETCHAN", "c", "NEARBY", "fleet", "FENCE", "POINT", "33", "-112", "6000")


def written(directory: Path, *commands: tuple[Any, ...]) -> str:
    path = directory / "appendonly.aof"
    path.write_bytes(log(select(0), *(command(*argv) for argv in commands)))
    return str(path)


def wrapped(db: int, *commands: tuple[Any, ...]) -> tuple[Any, ...]:
    return "RREPLAY", "uuid", log(*(command(*argv) for argv in commands)), db, 1


@pytest.mark.parametrize(
    ("engine", "commands"),
    [
        ("Tile38", TILE38),
        ("Tile38", [HOOK]),
        ("KeyDB", [("SET", "a", 1), wrapped(0, ("SET", "b", 1))]),
        ("KeyDB", [("SADD", "s", "m"), ("EXPIREMEMBER", "s", "m", 9)]),
    ],
    ids=["tile38-set", "tile38-channel", "keydb-replay", "keydb-member"],
)
@pytest.mark.parametrize("verb", ["log", "growth", "inspect", "audit"])
def test_an_engine_is_named_by_what_it_logs(
    engine: str,
    commands: list[tuple[Any, ...]],
    verb: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run([verb, written(tmp_path, *commands)])

    told = capsys.readouterr()
    by_words = verb == "inspect" and engine == "Tile38" and commands is TILE38
    assert by_words or f"{engine}, by its commands; read as redis-6.2" in told.out + told.err


def test_a_plain_log_names_no_engine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["log", written(tmp_path, ("SET", "point", "POINT"), ("SADD", "a", "b", "POINT", "c"))])

    assert "by its commands; read as" not in capsys.readouterr().err


def test_what_is_wrapped_is_shown_as_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = "x" * 500
    path = written(tmp_path, ("SET", "a", 1), wrapped(3, ("SET", "b", large), ("DEL", "a")), ("SET", "c", 1))

    def shown(*options: str) -> list[tuple[int, str, int]]:
        capsys.readouterr()
        assert run(["log", "--json", *options, path]) == 0
        rows = map(json.loads, capsys.readouterr().out.splitlines())
        return [(row["db"], row["name"], row["offset"]) for row in rows if row["name"] != "SELECT"]

    places = {"a": 23, "in": 50}
    assert shown()[:3] == [(0, "SET", places["a"]), (3, "SET", places["in"]), (3, "DEL", places["in"])]
    assert shown("--key", "b") == [(3, "SET", places["in"])]
    assert shown("--cmd", "DEL") == [(3, "DEL", places["in"])]
    assert shown("--db", "3", "--match", "[ab]") == [(3, "SET", places["in"]), (3, "DEL", places["in"])]
    assert [name for _, name, _ in shown("--cmd", "RREPLAY")] == ["RREPLAY"]
    assert run(["log", path]) == 0
    told = capsys.readouterr()
    assert "SET b xxx" in told.out
    assert "2 commands of other KeyDB nodes stood inside RREPLAY" in told.err
    assert run(["history", "b", "--db", "3", path]) == 0
    assert "SET b xxx" in capsys.readouterr().out


def test_history_follows_keys_of_modules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(
        tmp_path,
        ("JSON.SET", "j", "$", "1"),
        ("JSON.NUMINCRBY", "j", "$", "1"),
        ("JSON.DEL", "j", "$"),
        ("SET", "j", 1),
    )

    assert run(["history", "--values", "j", path]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if " j" in line]
    assert [line.split()[-1] for line in lines] == ["module", "module", "gone", "B"]


@pytest.mark.parametrize("tail", [b"", log(command("SET", "a", 1))], ids=["alone", "with-commands"])
@pytest.mark.parametrize("verb", ["keys", "diff"])
def test_expire_times_of_members_in_an_rdb_are_told(
    verb: str, tail: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes((FIXTURES / "field" / "keydb-rdb-subexpire" / "dump.rdb").read_bytes() + tail)

    assert run([verb, *[str(path)] * (1 + (verb == "diff"))]) == 0
    assert "1 member with an expire time, which only KeyDB keeps: m1 at 2100-01-01" in capsys.readouterr().err


def test_inspect_counts_what_is_wrapped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(
        tmp_path, ("SET", "a", 1), wrapped(3, ("SET", "b", 1), ("DEL", "a")), wrapped(0, ("SET", "c", 1))
    )

    assert run(["inspect", path]) == 0
    assert "inside RREPLAY, of other nodes: 2 SET, 1 DEL" in " ".join(capsys.readouterr().out.split())
    assert run(["inspect", "--json", path]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["wrapped"] == [{"command": "SET", "count": 2}, {"command": "DEL", "count": 1}]

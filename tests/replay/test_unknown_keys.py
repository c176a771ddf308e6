"""Behind a command that is not run here all keys are told but those that it has to do with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.diff.diff import facts_of
from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.commands import effects
from aoftool.commands.effects import unexecuted_names
from aoftool.commands.table import lookup
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.unknown_keys import guarded, make_unknown
from aoftool.replay.log_replay import LogReplay
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from tests.builders import command, log, select
from tests.random_logs import Mix, random_log
from tests.rewrite.rewriting import rewritten
from tests.servers import Build

NOW_MS = 2_000_000_000_000
BUILD = Build("redis", (8, 6, 3), Path())
STREAM = [("XADD", "s", "1-1", "f", "v"), ("XGROUP", "CREATE", "s", "g", "0")]
XNACK = ("XNACK", "s", "g", "FAIL", "IDS", 1, "1-1")


def written(folder: Path, *commands: tuple[Any, ...]) -> str:
    path = folder / "appendonly.aof"
    path.write_bytes(log(select(0), *(command(*argv) for argv in commands)))
    return str(path)


def types_in(path: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str], str]:
    capsys.readouterr()
    code = run(["keys", "--json", path])
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    return code, {row["key"]: row["type"] for row in rows}, told.err


def argv_of(name: bytes) -> tuple[Any, ...]:
    """Return a command of a name with arguments enough; only its keys count."""
    spec = lookup(name)
    assert spec is not None
    words = [name, *(["SET"] if spec.is_container else []), "k1", "k2", *["1"] * 5]
    return tuple(words[: spec.arity] if spec.arity > 0 else words)


@pytest.mark.parametrize("name", sorted(unexecuted_names() - {b"SPOP", b"VADD", b"VREM", b"VSETATTR"}))
def test_a_command_of_a_newer_release_hides_its_keys_alone(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(
        tmp_path,
        ("SET", "a", 1),
        ("SET", "k1", 1),
        argv_of(name),
        ("SET", "a", 2),
        ("INCR", "n"),
        ("INCR", "n"),
    )

    code, types, told = types_in(path, capsys)

    assert code == 6
    assert types.pop("a") == types.pop("n") == "string"
    assert set(types.values()) == {"unknown"}
    assert types.keys() in ({"k1"}, {"k1", "k2"})
    assert "not known behind commands that are not run here: k1 (db 0)" in told
    assert run(["rewrite", "--json", path]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["commands"]["opaque"] == 0
    assert plan["commands"]["unexecuted"] == 1
    assert {row["command"] for row in plan["dead"] if row["cause"] == "overwritten"} == {"SET"}
    assert name.decode() in plan["notes"][-1]
    assert run(["inspect", "--savings", path]) == 0
    assert "27 B dead" not in capsys.readouterr().out


def test_what_becomes_of_a_key_that_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is known again when it is set or removed, and whatever is made of it is not."""
    path = written(
        tmp_path,
        *[
            *STREAM,
            XNACK,
            ("RENAME", "s", "moved"),
            ("COPY", "moved", "copied"),
            ("XADD", "moved", "2-1", "f", "v"),
        ],
        *[("INCREX", "n"), ("SET", "n", 5), ("INCR", "n")],
        *[("SADDEX", "x", "FXX", 1, "m"), ("SUNIONSTORE", "u", "x", "y"), ("SADD", "y", 1), ("DEL", "x")],
        *[("INCREX", "one"), ("MSET", "one", 1, "two", 2), ("INCREX", "two"), ("RENAMENX", "one", "two")],
    )

    code, types, _ = types_in(path, capsys)

    assert code == 6
    known = {"n": "string", "y": "set"}
    unknown = dict.fromkeys(("moved", "copied", "u", "one", "two"), "unknown")
    assert types == known | unknown


def test_nothing_is_unknown_where_all_was_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, *STREAM, XNACK, ("DEL", "s"), ("SET", "a", 1))

    assert types_in(path, capsys)[:2] == (0, {"a": "string"})
    assert run(["diff", path, path]) == 0


def test_history_knows_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, *STREAM, XNACK, ("SET", "a", 1), ("XADD", "s", "2-1", "f", "v"), ("DEL", "s"))

    def states(key: str) -> list[Any]:
        assert run(["history", "--json", key, path]) == 0
        return [json.loads(line)["after"] for line in capsys.readouterr().out.splitlines()]

    assert [state["type"] for state in states("a")] == ["string"]
    unknown = {"known": False}
    assert states("s")[-3:] == [unknown, unknown, None]


def test_a_diff_tells_what_is_not_known_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal commands on equal values have equal results; of others nobody knows."""
    paths = []
    for name, value in (("one", "v"), ("two", "w"), ("three", "v")):
        folder = tmp_path / name
        folder.mkdir()
        paths.append(written(folder, ("XADD", "s", "1-1", "f", value), XNACK, ("SET", "a", 1)))

    assert run(["diff", paths[0], paths[2]]) == 0
    capsys.readouterr()
    assert run(["diff", "--json", paths[0], paths[1]]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [row["key"] for row in told["changes"]] == ["s"]
    assert any("not known behind" in note for note in told["notes"])


def test_a_vector_set_stands_beside_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    added = ("VADD", "v", "VALUES", 1, 1, "e")
    path = written(tmp_path, added, ("VSETATTR", "v", "e", "{}"), ("SET", "a", 1), ("INCR", "a"))
    assert types_in(path, capsys)[:2] == (0, {"a": "string", "v": "module"})

    path = written(tmp_path, added, ("VREM", "v", "e"), ("SET", "a", 1))
    assert types_in(path, capsys)[:2] == (6, {"a": "string", "v": "unknown"})


NAMES = ["INCR", "APPEND", "LPUSH", "HSET", "SADD", "ZADD", "LMOVE", "SUNIONSTORE", "PEXPIREAT", "XADD"]


def _hide(name: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a command that is known here count as one of which only the keys are."""
    packaged = dict(effects._packaged())
    packaged[name] = tuple(replace(form, replayable=False) for form in packaged[name])
    monkeypatch.setattr(effects, "_packaged", lambda: packaged)
    unexecuted_names.cache_clear()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_as_known_is_right(
    name: str, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held against a replay that runs the command: no key may be missing, and none that is known differ."""
    path, result = tmp_path / "log.aof", tmp_path / "result.aof"
    path.write_bytes(log(*random_log(seed + 100, BUILD, 400, Mix(keys=12))))
    options: dict[str, Any] = {"now_ms": NOW_MS, "written_by": "redis-8.6"}
    right = facts_of(LogReplay(find_log(str(path)), **options).run().keyspace)

    replay = LogReplay(find_log(str(path)), **options)
    table = CommandTable()
    table.command(name.encode(), -1)(make_unknown)
    (hidden,) = table
    replay.keyspace._commands[hidden.name] = guarded(hidden)
    replay.run()
    assert replay.stopped is None
    unknown = replay.keyspace.unknown_keys
    told = facts_of(replay.keyspace)
    assert right.keys() <= told.keys()
    assert {place: fact for place, fact in told.items() if place not in unknown} == {
        place: fact for place, fact in right.items() if place not in unknown
    }

    with monkeypatch.context() as patch:
        _hide(name.encode(), patch)
        contents, summary, _ = rewritten(path, RewriteOptions(**options), [OutputFormat.RESP])
        unexecuted_names.cache_clear()
    unexecuted_names.cache_clear()
    assert summary.tail.opaque == 0
    result.write_bytes(contents[OutputFormat.RESP])
    assert facts_of(LogReplay(find_log(str(result)), **options).run().keyspace) == right

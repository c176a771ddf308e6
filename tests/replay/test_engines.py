"""Logs of related engines are named, and what they wrap is shown as it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.following import LogFollower
from aoftool.cli.app import run
from aoftool.replay.evidence import Evidence
from aoftool.replay.writer import find_writer
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select
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
        ("KeyDB", [("SADD", "s", "m"), ("PERSIST", "s", "m")]),
    ],
    ids=["tile38-set", "tile38-channel", "keydb-replay", "keydb-member", "keydb-persist"],
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


@pytest.mark.parametrize("large", [False, True], ids=["small", "window"])
def test_the_last_commands_are_shown_as_they_run(
    large: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the last commands are found: from the start of a file, or from a window at its end."""
    if large:
        monkeypatch.setattr("aoftool.analysis.commands.tailing.WHOLE_BYTES", 0)
        monkeypatch.setattr("aoftool.analysis.commands.tailing._FIRST_WINDOW_BYTES", 2_000)
    many = [("SET", f"key:{number}", number) for number in range(200)]
    inner = [("SET", "b", "x" * 500), ("DEL", "a")]
    path = written(tmp_path, *many, ("SET", "a", 1), wrapped(3, *inner))

    assert run(["log", "--tail", "3", "--json", path]) == 0
    told = capsys.readouterr()
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [(row["name"], row["db"]) for row in rows[1:]] == [("SET", 3), ("DEL", 3)]
    assert "commands of other KeyDB nodes stood inside RREPLAY" in told.err
    assert run(["log", "--tail", "1", "--cmd", "RREPLAY", "--json", path]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "RREPLAY"


def test_what_is_wrapped_is_followed_as_it_runs(tmp_path: Path) -> None:
    path = written(tmp_path, wrapped(3, ("SET", "b", "x" * 500), ("DEL", "a")))
    follower = LogFollower(path, CommandFilter(dbs=frozenset((3,))), is_over=lambda: True)

    assert [row.argv[0] for row in follower] == [b"SET", b"DEL"]
    assert any("inside RREPLAY" in note for note in follower.end.notes)


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


def opcode(number: int) -> bytes:
    return bytes([number]) + rdb_string("of its own")


BASES = {
    # AUX fields, what no walk knows, and what is said.
    "keydb": ({"redis-ver": "6.3.4", "mvcc-tstamp": "1783123456789"}, [], "KeyDB 6.3.4"),
    "dragonfly": ({"redis-ver": "6.2.11"}, [opcode(220)], "Dragonfly of unknown version, {} 6.2.11"),
    "dragonfly-2": ({"redis-ver": "7.4.0", "df-ver": "df-v1.21.2"}, [], "Dragonfly df-v1.21.2, {} 7.4.0"),
    "enterprise": ({"redis-ver": "7.2.4"}, [opcode(107)], "Redis Enterprise of unknown version, {} 7.2.4"),
}


def said_of(engine: str) -> str:
    return BASES[engine][2].format("compatible with Redis")


def base_of(engine: str, folder: Path) -> str:
    aux, others, _ = BASES[engine]
    record = rdb_record(0, "plain", rdb_string("v"))
    path = folder / "dump.rdb"
    path.write_bytes(rdb(rdb_database(0, record), *others, magic=b"REDIS0009", aux=aux))
    return str(path)


@pytest.mark.parametrize("engine", BASES)
def test_an_engine_is_named_by_its_base(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What such an engine gives as the version of Redis is not its own."""
    run(["inspect", base_of(engine, tmp_path)])

    assert f"written by {said_of(engine)}" in " ".join(capsys.readouterr().out.split())
    run(["inspect", "--json", base_of(engine, tmp_path)])
    writer = json.loads(capsys.readouterr().out)["writer"]
    assert writer["server"] in ("KeyDB", "Dragonfly", "Redis Enterprise")
    assert writer["compatible_with"] == (None if engine == "keydb" else BASES[engine][0]["redis-ver"])


VERBS: dict[str, list[str]] = {
    "inspect": [], "check": [], "keys": [], "log": [], "growth": [], "audit": [],
    "history": ["plain"], "rewrite": ["-n"],
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("engine", ["dragonfly", "enterprise"])
def test_what_another_engine_wrote_is_not_judged_and_named_in_every_verb(
    engine: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run([verb, *VERBS[verb], base_of(engine, tmp_path)])

    told = capsys.readouterr()
    assert code == 6
    assert said_of(engine).split(" of ")[0] in told.out + told.err


@pytest.mark.parametrize("verb", ["keys", "log", "growth", "audit", "history", "rewrite", "diff", "inspect"])
@pytest.mark.parametrize("engine", ["keydb", "dragonfly-2"])
def test_the_engine_of_the_base_is_the_writer_of_the_log(
    engine: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(base_of(engine, tmp_path))
    path.write_bytes(path.read_bytes() + log(select(0), ("SET", "a", 1), ("SET", "plain", 2)))
    more = [str(path)] if verb == "diff" else VERBS[verb]

    run([verb, *more, str(path)])

    told = capsys.readouterr()
    said = "KeyDB 6.3.4, by its RDB part; read as redis-6.2"
    if engine != "keydb":
        said = "Dragonfly, by its RDB part; read as redis-7.4"
    if verb == "inspect":
        said = said_of(engine)
    assert said in " ".join((told.out + told.err).split())


def test_the_version_of_another_engine_is_no_patch_release(tmp_path: Path) -> None:
    """KeyDB 6.3.4 is nothing that Redis 6.3 or its patch releases did."""
    writer = find_writer({b"redis-ver": b"6.2.14", b"mvcc-tstamp": b"1"}, Evidence())

    assert (writer.engine, writer.release.name, writer.exact_version) == ("KeyDB", "redis-6.2", "")


def test_garnet_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "aof.log.0"
    path.write_bytes(bytes(range(1, 200)) * 20)
    before = path.read_bytes()

    for verb in ("check", "inspect", "keys", "log", "growth", "audit", "rewrite"):
        assert run([verb, str(path)]) == 3
        assert "Garnet" in capsys.readouterr().err
    assert run(["fix", "--yes", str(path)]) == 3
    assert path.read_bytes() == before


@pytest.mark.parametrize("verb", ["keys", "history", "rewrite", "diff", "check"])
@pytest.mark.parametrize("engine", ["KeyDB", "Tile38"])
def test_whose_commands_they_are_is_said_by_the_verbs_that_replay(
    engine: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [HOOK] if engine == "Tile38" else [("SET", "b", 1), ("KEYDB.CRON", "x", "single", 1, "return")]
    path = written(tmp_path, ("SET", "b", 1), *commands)

    run([verb, *([path] if verb == "diff" else ["b"] if verb == "history" else []), path])

    told = capsys.readouterr()
    assert engine in told.out + told.err


MEMBER = [("SADD", "s", "m", "n"), ("PEXPIREAT", "s", 4_102_444_800_000), ("PERSIST", "s", "m")]


@pytest.mark.parametrize(
    "behind",
    [
        [],
        [("EXPIREMEMBER", "s", "n", 100)],
        [("KEYDB.HRENAME", "h", "a", "b")],
        [("SET", "a", 1), ("PERSIST", "s")],
    ],
    ids=["alone", "before-a-member", "before-a-field", "before-another-form"],
)
def test_persist_of_a_member_is_kept_and_leaves_the_key_its_time(
    behind: list[tuple[Any, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = written(tmp_path, *MEMBER, *behind), tmp_path / "out"

    assert run(["check", "--json", path]) == 0
    (report,) = json.loads(capsys.readouterr().out)["logs"]
    told = {finding["message"] for finding in report["findings"]}
    assert any(text.startswith("PERSIST with 3 arguments is of KeyDB") for text in told)
    assert run(["check", "--level", "quick", path]) == 0
    assert run(["fix", "--salvage", "--dry-run", path]) == 0
    assert run(["keys", "--json", path]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    times = {row["key"]: row["expire_at_ms"] for row in rows if "key" in row}
    assert times["s"] == (None if behind and behind[-1][0] == "PERSIST" else 4_102_444_800_000)
    assert run(["rewrite", "--format", "resp", "-o", str(out), path]) == 0
    content = out.read_bytes()
    assert content.index(b"PEXPIREAT") < content.index(command("PERSIST", "s", "m"))

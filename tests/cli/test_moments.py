"""One moment is the same place in every verb, however it is typed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import (
    command,
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    timestamp,
    transaction,
    write_multi_part,
)

START_S = 1_700_000_000
BASE = log(select(0), command("SET", "base", "1"))
PIECES = (
    timestamp(START_S) + select(0) + command("SET", "one", "1"),
    timestamp(START_S + 60) + command("SET", "two", "2"),
    transaction(command("DEL", "one"), command("SET", "three", "3")),
    timestamp(START_S + 120) + command("SET", "four", "4"),
)
INCR = b"".join(PIECES)
NAME = "appendonly.aof.1.incr.aof"
# Keys behind each piece.
STATES = (
    {"base"},
    {"base", "one"},
    {"base", "one", "two"},
    {"base", "two", "three"},
    {"base", "two", "three", "four"},
)
ENDS = [len(b"".join(PIECES[:number])) for number in range(len(PIECES) + 1)]
# Times and names stop in front of the annotation, which changes nothing.
MOMENTS = [
    (f"{NAME}:{ENDS[1]}", 1),
    (f"incr.aof:{ENDS[2]}", 2),
    (f"{NAME}:0", 0),
    (f"{NAME}:{ENDS[4]:,}", 4),
    (f"@{START_S}", 1),
    (str(START_S + 60), 3),
    (f"{START_S + 61}000", 3),
    ("2023-11-14T22:13:20", 1),
    ("2023-11-14 22:14:20Z", 3),
    ("2023-11-14T23:14:20+01:00", 3),
    ("22:14:19", 1),
    ("90s", 1),
    ("1m", 3),
    ("before:DEL", 2),
    ("before:del:1", 2),
    ("before:SET:3", 1),
    ("before:SET", 3),
    ("end", 4),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_multi_part(tmp_path / "d", base=BASE, incrs=[INCR])


def keys_of(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> set[str]:
    assert run(["keys", "--json", *words, str(path)]) == 0
    return {json.loads(line)["key"] for line in capsys.readouterr().out.splitlines()}


def of_keys(path: Path, text: str, out: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    return keys_of(path, capsys, "--at", text)


def of_rewrite(path: Path, text: str, out: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert run(["rewrite", "--to", text, "-o", str(out), str(path)]) == 0
    capsys.readouterr()
    return keys_of(out, capsys)


def of_fix(path: Path, text: str, out: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert run(["fix", "--yes", "--to", text, "-o", str(out), str(path)]) == 0
    capsys.readouterr()
    return keys_of(out, capsys)


def of_diff(path: Path, text: str, out: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Go back from the end by what is different."""
    run(["diff", "--json", "--at", text, str(path)])
    changes = json.loads(capsys.readouterr().out)["changes"]
    found = set(STATES[-1])
    for change in changes:
        (found.discard if change["change"] == "added" else found.add)(change["key"])
    return found


def of_log(path: Path, text: str, out: Path, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Run what stands before the moment, and nothing of what stands behind."""
    run(["log", "--json", "--until", text, str(path)])
    found: set[str] = set()
    for line in capsys.readouterr().out.splitlines():
        argv = [word if isinstance(word, str) else "" for word in json.loads(line)["argv"]]
        if argv[0] in ("SET", "DEL"):
            (found.add if argv[0] == "SET" else found.discard)(argv[1])
    # What stands before the first annotation has no time, and is not listed by time.
    return found | {"base"}


STATE_OF: dict[str, Callable[[Path, str, Path, pytest.CaptureFixture[str]], set[str]]] = {
    "keys": of_keys,
    "rewrite": of_rewrite,
    "fix": of_fix,
    "diff": of_diff,
    "log": of_log,
}


@pytest.mark.parametrize("verb", STATE_OF)
@pytest.mark.parametrize(("text", "pieces"), MOMENTS)
def test_the_data_at_a_moment_are_the_same_in_every_verb(
    text: str, pieces: int, verb: str, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert STATE_OF[verb](path, text, tmp_path / "out", capsys) == STATES[pieces]


COUNTING = ["inspect", "growth"]


def counted(verb: str, path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> int:
    code = run([verb, "--json", *words, str(path)])
    body = json.loads(capsys.readouterr().out)
    if code == 2:
        return 0
    table = body["contents"] if verb == "inspect" else body
    return int(table["commands"])


@pytest.mark.parametrize("verb", COUNTING)
@pytest.mark.parametrize("text", [f"{NAME}:{ENDS[2]}", f"@{START_S + 60}", "before:DEL", "1m"])
def test_what_is_counted_parts_at_a_moment(
    text: str, verb: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["log", "--json", "--since", text, str(path)])
    behind = len(capsys.readouterr().out.splitlines())
    run(["log", "--json", "--until", text, str(path)])
    before = len(capsys.readouterr().out.splitlines())

    assert counted(verb, path, capsys, "--since", text) == behind
    assert counted(verb, path, capsys, "--until", text) == before


@pytest.mark.parametrize("text", [f"{NAME}:{ENDS[2]}", "before:DEL", "2023-11-14T22:14:21"])
def test_history_and_audit_part_at_a_moment(
    text: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = []
    for verb in (["history", "one", "--json"], ["audit", "--json"]):
        for option in ([], ["--until", text], ["--since", text]):
            assert run([*verb, str(path), *option]) == 0
            out = capsys.readouterr().out
            parts.append(len(out.splitlines()) if verb[0] == "history" else len(json.loads(out)["events"]))

    assert parts[0] == parts[1] + parts[2] == 2
    assert parts[3] >= max(parts[4], parts[5])


def test_explain_shows_what_stands_there(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for text in (f"{NAME}:{ENDS[2]}", "before:DEL"):
        assert run(["explain", "--json", "--at", text, str(path)]) == 0
        shown.append(json.loads(capsys.readouterr().out))

    assert shown[0] == shown[1]


VERBS = [
    ["keys", "--at"],
    ["diff", "--at"],
    ["rewrite", "-n", "--to"],
    ["fix", "-n", "--to"],
    ["explain", "--at"],
    ["log", "--since"],
    ["log", "--until"],
    ["growth", "--since"],
    ["inspect", "--until"],
    ["history", "--match", "*", "--since"],
    ["audit", "--since"],
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
@pytest.mark.parametrize(
    "text",
    [f"{NAME}:{len(INCR) + 1}", "nosuch.aof:3", "before:FLUSHALL", "before:SET:99", "25:00", "tomorrow"],
)
def test_a_moment_that_is_not_there_is_a_usage_error(
    words: list[str], text: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, text, str(path)]) == 2

    assert re.search("next: |hint: ", capsys.readouterr().err)


@pytest.mark.parametrize("words", VERBS[:5], ids=" ".join)
@pytest.mark.parametrize("text", ["2001-01-01", "2200-01-01"])
def test_data_of_a_time_outside_say_what_the_log_covers(
    words: list[str], text: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, text, str(path)]) == 2

    assert "the log covers 2023-11-14 22:13:20Z to 2023-11-14 22:15:20Z" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            ["rewrite", "-n", "--to-offset", f"{NAME}:{ENDS[2]}"],
            ["rewrite", "-n", "--to", f"{NAME}:{ENDS[2]}"],
        ),
        (["rewrite", "-n", f"--to-timestamp={START_S}"], ["rewrite", "-n", "--to", f"@{START_S}"]),
        (["rewrite", "-n", "--before", "DEL"], ["rewrite", "-n", "--to", "before:DEL"]),
        (["fix", "-n", "--before", "SET", "--nth", "2"], ["fix", "-n", "--to", "before:SET:2"]),
        (["fix", "-n", "--to-offset", f"{NAME}:{ENDS[1]}"], ["fix", "-n", "--to", f"{NAME}:{ENDS[1]}"]),
        (["log", "--from", f"{NAME}:{ENDS[1]}"], ["log", "--since", f"{NAME}:{ENDS[1]}"]),
        (["log", f"--to={NAME}:{ENDS[1]}"], ["log", "--until", f"{NAME}:{ENDS[1]}"]),
        (["explain", "--offset", f"{NAME}:{ENDS[1]}"], ["explain", "--at", f"{NAME}:{ENDS[1]}"]),
    ],
    ids=lambda words: " ".join(words[:3])[:30],
)
def test_old_spellings_mean_the_same(
    old: list[str], new: list[str], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(words: list[str]) -> tuple[int, list[str]]:
        code = run([*words, str(path)])
        lines = capsys.readouterr().out.splitlines()
        return code, [line for line in lines if not line.startswith(("next: ", "time  "))]

    assert shown(old) == shown(new)


def test_two_moments_are_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["fix", "-n", "--to", "0", "--before", "DEL"], ["log", "--since", "0", "--from", "5"]):
        assert run([*words, str(path)]) == 2
        assert "give one" in capsys.readouterr().err


PLACES = [
    # An offset, and the boundary outside a transaction that it means.
    (ENDS[1] + 3, ENDS[1]),  # in an annotation
    (ENDS[1] + len(timestamp(0)) + 5, ENDS[1]),  # in the command behind it
    (ENDS[1] + len(timestamp(START_S)), ENDS[1] + len(timestamp(START_S))),
    (ENDS[2] + 3, ENDS[2]),  # in a MULTI
    (ENDS[2] + len(command("MULTI")), ENDS[2]),
    (ENDS[2] + len(command("MULTI")) + 9, ENDS[2]),
    (ENDS[3] - 1, ENDS[2]),
    (ENDS[3], ENDS[3]),
    (ENDS[4] - 1, ENDS[3]),
    (ENDS[4], ENDS[4]),
]


@pytest.mark.parametrize(("offset", "boundary"), PLACES)
@pytest.mark.parametrize(
    "verb",
    [
        ["fix", "-n", "--to"],
        ["rewrite", "-n", "--to"],
        ["rewrite", "-n", "--memory-limit", "200M", "--to"],
        ["keys", "--at"],
    ],
)
def test_an_offset_means_the_boundary_before_it_and_that_is_told(
    verb: list[str], offset: int, boundary: int, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*verb, f"{NAME}:{offset}", str(path)]) in (0, 1)
    told = " ".join(" ".join(capsys.readouterr()).split())

    note = f"offset {offset:,} is no boundary between commands outside a transaction; the last one before"
    assert (f"{note} it is {boundary:,}" in told) is (boundary != offset), told
    assert (note in told) is (boundary != offset), told


@pytest.mark.parametrize(("offset", "boundary"), PLACES)
@pytest.mark.parametrize("of_verb", [of_keys, of_rewrite, of_fix, of_diff])
def test_the_data_at_any_offset_are_those_at_its_boundary(
    of_verb: Callable[[Path, str, Path, pytest.CaptureFixture[str]], set[str]],
    offset: int,
    boundary: int,
    path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = STATES[max(number for number, end in enumerate(ENDS) if end <= boundary)]

    assert of_verb(path, f"{NAME}:{offset}", tmp_path / "out", capsys) == state


OF_RDB = [
    ["keys", "--at"],
    ["diff", "--at"],
    ["fix", "-n", "--to"],
    ["rewrite", "-n", "--to"],
    ["rewrite", "-n", "--memory-limit", "200M", "--to"],
    ["log", "-o", "OUT", "--excerpt"],
]


@pytest.mark.parametrize("verb", OF_RDB, ids=" ".join)
@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("offset", [0, 12])
def test_an_offset_in_an_rdb_part_is_refused_alike_in_every_verb(
    verb: list[str], preamble: bool, offset: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = rdb(rdb_database(0, rdb_record(0, "base", rdb_string("1"))))
    if preamble:
        path, name, first = tmp_path / "appendonly.aof", "appendonly.aof", f"appendonly.aof:{len(base)}"
        path.write_bytes(base + INCR)
    else:
        path = write_multi_part(tmp_path / "d", base=base, base_is_rdb=True, incrs=[INCR])
        name, first = "appendonly.aof.1.base.rdb", f"{NAME}:0"
    words = [str(tmp_path / "out") if word == "OUT" else word for word in verb]

    assert run([*words, f"{name}:{offset}", str(path)]) == 4
    error = capsys.readouterr().err

    assert f"offset {offset} lies in the RDB part of {name}, which holds one moment only" in error
    line = shlex.split(error.rpartition("next: ")[2])
    assert line[:4] == ["aoftool", "log", "--since", first]
    assert run(line[1:]) == 0
    assert "SELECT 0" in capsys.readouterr().out
    if verb[0] != "log":
        assert run([*words, first, str(path)]) in (0, 1)

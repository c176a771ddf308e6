"""One log in a folder hides no other: each is named and counts for the exit code of check and fleet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders import log, put_generation, rdb, select
from tests.verbs import ask

WHOLE = log(select(0), ("SET", "a", 1))
STRAYS = ("dump.aof", "dump.rdb", "appendonlydir", "rewritten")


def put_stray(folder: Path, kind: str) -> None:
    if kind == "dump.rdb":
        (folder / kind).write_bytes(rdb())
    elif kind == "dump.aof":
        (folder / kind).write_bytes(WHOLE)
    else:
        (folder / kind).mkdir()
        put_generation(folder / kind, 1)


@pytest.mark.parametrize("stray", STRAYS)
def test_data_directories_beside_a_stray_log_are_checked(stray: str, tmp_path: Path) -> None:
    folder = tmp_path / "nodes"
    for name, raw in (("n1", WHOLE[:-3]), ("n2", WHOLE)):
        (folder / name).mkdir(parents=True)
        (folder / name / "appendonly.aof").write_bytes(raw)
    put_stray(folder, stray)

    checked = ask(("check", "--json", "IN"), folder, tmp_path / "out")
    fleet = ask(("fleet", "IN"), folder, tmp_path / "out")

    verdicts = {row["path"]: row["verdict"] for row in json.loads(checked.out)["logs"]}
    assert checked.code == fleet.code == 1
    assert verdicts[str(folder / "n1")] == "torn-tail"
    assert verdicts[str(folder / "n2")] == "ok"
    assert len(verdicts) == 3
    assert "3 logs, 1 damaged" in fleet.out


def test_a_copy_of_the_aof_directory_is_no_other_log(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for name in ("appendonlydir", "aof-old"):
        (folder / name).mkdir(parents=True)
        put_generation(folder / name, 1)

    found = json.loads(ask(("check", "--json", "IN"), folder, tmp_path / "out").out)["logs"]

    assert [row["verdict"] for row in found] == ["ok"]


CALLS = (
    ("check", "IN"),
    ("check", "--level", "quick", "IN"),
    ("inspect", "IN"),
    ("fleet", "IN"),
    ("keys", "IN"),
    ("log", "IN"),
    ("fix", "--dry-run", "IN"),
    ("rewrite", "--dry-run", "IN"),
    ("diff", "IN", "IN"),
    ("report", "--md", "IN"),
)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("name", ["appendonlydir.old", "aof2"])
def test_another_aof_directory_is_named_and_how_to_ask_for_it(
    call: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    for each in ("appendonlydir", name):
        (folder / each).mkdir(parents=True)
        put_generation(folder / each, 1)

    answer = ask(call, folder, tmp_path / "out")

    assert answer.problem() is None
    assert answer.code == 0
    said = "".join((answer.out + answer.err).replace("\\", "").split())
    assert f"anotherAOFdirectoryliesbesideappendonlydir,whichaloneisreadhere:{name};" in said
    assert f"aoftoolcheck{folder / name}" in said


def test_of_two_aof_directories_of_other_names_both_are_checked(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for each in ("aof1", "aof2"):
        (folder / each).mkdir(parents=True)
        put_generation(folder / each, 1)
    (folder / "aof2" / "appendonly.aof.1.incr.aof").write_bytes(WHOLE[:-3])

    checked = json.loads(ask(("check", "--json", "IN"), folder, tmp_path / "out").out)["logs"]
    fleet = ask(("fleet", "IN"), folder, tmp_path / "out")

    assert [row["verdict"] for row in checked] == ["ok", "torn-tail"]
    assert "2 logs, 1 damaged" in fleet.out
    assert not any(finding["code"] == "set-beside" for row in checked for finding in row["findings"])


def test_an_aof_directory_that_is_named_speaks_of_no_other(tmp_path: Path) -> None:
    for each in ("appendonlydir", "appendonlydir.old"):
        (tmp_path / "data" / each).mkdir(parents=True)
        put_generation(tmp_path / "data" / each, 1)

    for each in ("appendonlydir", "appendonlydir.old"):
        assert "another AOF" not in ask(("check", "IN"), tmp_path / "data" / each, tmp_path / "out").out


def test_what_this_program_keeps_beside_a_log_is_no_other_log(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "appendonly.aof").write_bytes(WHOLE[:-3])
    assert ask(("fix", "--yes", "IN"), folder, tmp_path / "out").code == 0

    found = json.loads(ask(("check", "--json", "IN"), folder, tmp_path / "out").out)["logs"]

    assert [row["verdict"] for row in found] == ["ok"]

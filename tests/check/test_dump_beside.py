"""A dump beside a log that holds far less: both are counted, and it is said which of them a server loads."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.builders import command, log, put_generation, rdb, rdb_database, rdb_record, rdb_string, select
from tests.verbs import ask


def dump_of(keys: int) -> bytes:
    return rdb(rdb_database(0, *(rdb_record(0, f"k:{n}", rdb_string("v")) for n in range(keys))))


def data_directory(folder: Path, keys: int, content: bytes | None) -> Path:
    (folder / "dump.rdb").write_bytes(dump_of(keys))
    if content is None:
        (folder / "appendonlydir").mkdir()
        put_generation(folder / "appendonlydir", 1)
    else:
        (folder / "appendonly.aof").write_bytes(content)
    return folder


def dump_finding(folder: Path, *options: str) -> dict[str, object]:
    answer = ask(("check", "--json", *options, "IN"), folder, folder / "none")
    [found] = [f for f in json.loads(answer.out)["logs"][0]["findings"] if f["code"] == "dump-beside"]
    return dict(found)


@pytest.mark.parametrize("options", [(), ("--level", "quick")])
@pytest.mark.parametrize(
    ("keys", "content", "words"),
    [
        pytest.param(500, None, "holds 500 keys, the log at most 22 keys", id="multi-part"),
        pytest.param(1, b"", "holds 1 key, the log none", id="an empty log"),
        pytest.param(9, log(select(0), ("SET", "a", 1)), "holds 9 keys, the log at most 1 key", id="one key"),
    ],
)
def test_both_are_counted(
    tmp_path: Path, keys: int, content: bytes | None, words: str, options: tuple[str, ...]
) -> None:
    data_directory(tmp_path, keys, content)

    found = dump_finding(tmp_path, *options)

    assert found["severity"] == "warning"
    assert words in str(found["message"])
    assert "with appendonly yes a server loads the log" in str(found["message"])
    assert ask(("check", "IN"), tmp_path, tmp_path / "out").code == 0
    assert words in ask(("inspect", "IN"), tmp_path, tmp_path / "out").out


@pytest.mark.parametrize(
    ("keys", "content"),
    [
        pytest.param(60, None, id="an older save"),
        pytest.param(0, b"", id="both empty"),
        pytest.param(500, log(select(0), ("SET", "a", 1)) + command("SET", "b", 2)[:-4], id="damaged"),
    ],
)
def test_a_dump_of_about_the_same_is_a_note(tmp_path: Path, keys: int, content: bytes | None) -> None:
    assert dump_finding(data_directory(tmp_path, keys, content))["severity"] == "note"


def test_a_dump_that_is_none_is_a_note(tmp_path: Path) -> None:
    data_directory(tmp_path, 3, b"")
    (tmp_path / "dump.rdb").write_bytes(b"")

    assert dump_finding(tmp_path)["severity"] == "note"


@pytest.mark.parametrize("content", [None, b""])
def test_the_line_to_type_makes_a_log_of_the_dump(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    data_directory(folder, 500, content)
    remedies = dump_finding(folder)["remedies"]
    assert isinstance(remedies, list)
    words = shlex.split(remedies[0]["text"])
    monkeypatch.chdir(os.sep)

    assert remedies[0]["by_hand"]
    assert words[0] == "aoftool"
    assert ask(tuple(words[1:]), folder, tmp_path / "out").code == 0

    made = words[words.index("-o") + 1]
    keys = ask(("keys", "--json", made), folder, tmp_path / "out").out
    assert len(keys.splitlines()) == 500

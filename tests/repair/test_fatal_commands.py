"""A command that the log's own server does not outlive: damage where the writer is known, and taken out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server
from tests.verbs import ask

RECORD = rdb_database(0, rdb_record(0, "old", rdb_string("1")))
# A command, and for each release that may name itself in the base whether it outlives it.
CASES = [
    (("WAIT", 0, 1), {"6.2.14": False, "7.0.15": False, "7.4.1": True}),
    (("RESET",), {"6.2.14": False, "7.0.15": True}),
    (("REPLICAOF", "NO", "TWO"), {"6.2.14": False, "7.0.15": True}),
    (("PSYNC", "?", "-1"), {"7.0.15": False, "8.0.6": False}),
]


def put(path: Path, version: str, *words: str | int) -> Path:
    magic = b"REDIS0009" if version.startswith("6.") else b"REDIS0010"
    base = rdb(RECORD, magic=magic, aux={"redis-ver": version})
    path.write_bytes(base + log(select(0), command(*words), command("SET", "k", "v")))
    return path


@pytest.mark.parametrize(
    ("words", "version", "outlives"),
    [(words, version, outlives) for words, servers in CASES for version, outlives in servers.items()],
    ids=str,
)
def test_it_is_damage_where_the_writer_dies_of_it(
    words: tuple[str, ...], version: str, outlives: bool, tmp_path: Path
) -> None:
    path = put(tmp_path / "appendonly.aof", version, *words)

    report = check(find_log(str(path)))

    assert report.intact == outlives
    assert ask(("inspect", "IN"), path, tmp_path / "out").code == (0 if outlives else 1)


@pytest.mark.parametrize("server_build", server_params(kind="redis", before="8.0"))
def test_what_salvage_leaves_is_loaded_by_the_writer(server_build: Build, tmp_path: Path) -> None:
    path = put(tmp_path / "appendonly.aof", server_build.number, "PSYNC", "?", "-1")

    line = re.findall(r"next: (.*)", ask(("check", "IN"), path, tmp_path / "out").out)
    plain = ask(("fix", "--yes", "IN"), path, tmp_path / "out")
    fixed = ask(("fix", "--salvage", "--yes", "IN"), path, tmp_path / "out")

    assert line == [f"aoftool fix --dry-run --salvage {path}"]
    assert (plain.code, fixed.code) == (1, 0)
    assert "PSYNC" in plain.out
    with Server(server_build, source=path) as server:
        assert server.send("GET", "k") == b"v"
        assert server.send("GET", "old") == b"1"


def test_without_a_word_of_the_writer_other_servers_may_outlive_it(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), command("WAIT", 0, 1)))

    assert ask(("check", "IN"), path, tmp_path / "out").code == 0

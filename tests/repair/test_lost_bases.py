"""A base of which nothing is left: the set goes on without it when that is asked for, and servers load it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server

BASE = rdb(rdb_database(0, rdb_record(0, "lost", rdb_string("v"))), aux={"aof-base": "1"})
BEHIND = log(select(0), ("SET", "a", 1), ("RPUSH", "l", "x", "y"))
DESTROYED = {
    "zeros": bytes(len(BASE)),
    "sectors of zeros": bytes(8192),
}


def made(folder: Path, base: bytes, incr: bytes = BEHIND) -> Path:
    return write_multi_part(folder / "appendonlydir", base=base, incrs=[incr], base_is_rdb=True).parent


@pytest.mark.parametrize("kind", ["zeros", "sectors of zeros"])
def test_check_and_fix_offer_to_go_on_without_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path, DESTROYED[kind])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert run(["check", "--json", str(folder)]) == 1
    (damage,) = (
        f for f in json.loads(capsys.readouterr().out)["logs"][0]["findings"] if f["severity"] == "damage"
    )
    assert [remedy["action"] for remedy in damage["remedies"]] == ["put the file back", "unlist the file"]
    assert run(["fix", "-y", str(folder)]) == 1
    assert "--salvage would unlist the file" in " ".join(capsys.readouterr().out.split())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    run(["fix", "-y", "--salvage", str(folder)])
    shown = capsys.readouterr()
    assert "held is lost" in shown.out
    # What was asked for is not offered to be taken back: that would lead in a circle.
    assert "next: aoftool undo" not in shown.out
    assert "a backup may have it" in shown.out
    assert not (folder / "appendonly.aof.1.base.rdb").exists()
    assert (folder / "appendonly.aof.1.incr.aof").read_bytes() == BEHIND
    assert run(["keys", "--json", str(folder)]) == 0
    assert [json.loads(line)["key"] for line in capsys.readouterr().out.splitlines()] == ["a", "l"]

    (receipt,) = folder.glob("aoftool-fix-*")
    assert run(["undo", str(receipt)]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_without_commands_behind_it_stays_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(tmp_path, DESTROYED["zeros"], b"")

    assert run(["fix", "-y", "--salvage", str(folder)]) == 1
    assert "nothing of it can be kept" in capsys.readouterr().out
    assert (folder / "appendonly.aof.1.base.rdb").exists()


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_a_server_loads_what_is_left(server_build: Build, tmp_path: Path) -> None:
    folder = made(tmp_path, DESTROYED["zeros"])
    run(["fix", "-y", "--salvage", str(folder)])
    server = Server(server_build)
    server.place(folder)
    try:
        assert server.start().loaded
        assert sorted(server.send("KEYS", "*")) == [b"a", b"l"]
    finally:
        server.remove()


@pytest.mark.parametrize("with_select", [True, False])
def test_check_says_that_commands_behind_a_damaged_part_may_go(
    with_select: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = rdb_database(0, *(rdb_record(0, f"k:{number}", rdb_string("v" * 20)) for number in range(30)))
    base = bytearray(rdb(records, aux={"redis-ver": "7.0.15"}))
    base[-60:] = bytes(60)
    path = tmp_path / "appendonly.aof"
    behind = log(("SET", "a", 1)) + log(select(1), ("SET", "b", 1))
    path.write_bytes(bytes(base) + (select(0) if with_select else b"") + behind)

    assert run(["check", "--json", str(path)]) == 1
    remedies = [r for f in json.loads(capsys.readouterr().out)["logs"][0]["findings"] for r in f["remedies"]]

    assert any("up to the first SELECT" in remedy["text"] for remedy in remedies) != with_select


@pytest.mark.parametrize(
    "base", [None, b"", rdb(aux={"aof-base": "1"})], ids=["none", "of no bytes", "without keys"]
)
def test_an_empty_set_is_made_only_when_it_is_asked_for(
    base: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is gone and all that held anything is better put back than left out."""
    folder = write_multi_part(
        tmp_path / "appendonlydir", base=base, incrs=[BEHIND, b""], base_is_rdb=bool(base)
    ).parent
    (folder / "appendonly.aof.1.incr.aof").unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert run(["fix", "-n", "--salvage", str(folder)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "appendonly.aof.1.incr.aof is missing, and nothing else holds a key: put it back;" in said
    assert "hint: " in said
    assert "next: " not in said
    assert run(["fix", "--yes", "--salvage", str(folder)]) == 1
    assert run(["rewrite", "--salvage", "-o", str(tmp_path / "out"), str(folder)]) == 3
    assert not (tmp_path / "out").exists()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    capsys.readouterr()

    run(["fix", "--yes", "--salvage", "--allow-empty", str(folder)])
    assert "appendonly.aof.1.incr.aof is gone: its line is dropped" in capsys.readouterr().out
    assert run(["keys", "--json", str(folder)]) in (0, 1)
    assert capsys.readouterr().out == ""


def test_a_rewrite_of_a_salvage_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made(tmp_path, BASE)
    (folder / "appendonly.aof.1.incr.aof").unlink()

    assert run(["rewrite", "--salvage", "-o", str(tmp_path / "out"), str(folder)]) == 0

    assert "what appendonly.aof.1.incr.aof held is lost" in " ".join(capsys.readouterr().out.split())

"""A file of commands whose first bytes were overwritten: its SELECT is put back where it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Severity
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.servers.discovery import Build, server_params
from tests.servers.process import Server
from tests.verbs import ask

BASE = rdb(rdb_database(0, rdb_record(0, "old", rdb_string("1"))), magic=b"REDIS0010")
# What may lie over the start, and whether the digits of the database are left behind it.
OVER = {
    "an-rdb-magic": (b"REDIS0010", True),
    "a-longer-rdb-header": (b"REDIS0010\xfe\x00", True),
    "valkey": (b"VALKEY080", True),
    "letters-of-a-magic": (b"REDIS", True),
    "zeros": (bytes(9), True),
    "zeros-over-the-name": (bytes(14), True),
    "text": (b"hello, wor", True),
    "zeros-over-all": (bytes(23), False),
    "magic-and-more": (b"REDIS0010" + b"x" * 30, False),
}


def put(folder: Path, over: bytes, db: int = 3, *, last: bool = True) -> Path:
    whole = log(select(db), command("SET", "k", "v"), command("SET", "l", "w"), command("INCR", "n"))
    hurt = over + whole[len(over) :]
    incrs = [whole, hurt] if last else [hurt, whole]
    return write_multi_part(folder, base=BASE, incrs=incrs, base_is_rdb=True).parent


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("name", [name for name, (_, shows) in OVER.items() if shows])
@pytest.mark.parametrize("server_build", server_params(since="7.0")[-1:])
def test_plain_fix_puts_the_select_back(server_build: Build, name: str, last: bool, tmp_path: Path) -> None:
    folder = put(tmp_path / "appendonlydir", OVER[name][0], last=last)

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    looked = ask(("inspect", "IN"), folder, tmp_path / "out")
    fixed = ask(("fix", "--yes", "IN"), folder, tmp_path / "out")

    assert (checked.code, looked.code, fixed.code) == (1, 1, 0)
    assert f"next: aoftool fix --dry-run {folder}\n" in checked.out
    assert ask(("check", "IN"), folder, tmp_path / "out").code == 0
    assert sorted(path.name for path in folder.glob("*base*")) == ["appendonly.aof.1.base.rdb"]
    with Server(server_build, source=folder) as server:
        assert server.send("GET", "n", db=3) == b"2"
        assert server.send("GET", "old") == b"1"
        assert server.send("DBSIZE") == 1


@pytest.mark.parametrize("name", [name for name, (_, shows) in OVER.items() if not shows])
def test_salvage_is_offered_where_nothing_says_which_database(name: str, tmp_path: Path) -> None:
    folder = put(tmp_path / "appendonlydir", OVER[name][0])

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    planned = ask(("fix", "--dry-run", "--salvage", "IN"), folder, tmp_path / "out")
    fixed = ask(("fix", "--salvage", "--yes", "IN"), folder, tmp_path / "out")

    assert checked.code == 1
    assert f"next: aoftool fix --dry-run --salvage {folder}\n" in checked.out
    assert "--after-gap assume" in planned.out
    assert fixed.code == 0
    assert ask(("check", "IN"), folder, tmp_path / "out").code == 0


@pytest.mark.parametrize("text", [b"x" * 13 + b"\r\n$1\r\n3\r\n", b"*2\r\n$6\r\nUNLINK\r\n$1\r\n3\r\n"])
def test_in_the_middle_half_of_the_name_must_be_left(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    body = log(*(command("SET", f"k{number}", "v") for number in range(40)))
    path.write_bytes(select(0) + body + b"\x00" + text[1:] + body)

    findings = [f for f in check(find_log(str(path))).findings if f.severity is Severity.DAMAGE]

    assert [finding.start for finding in findings] == [23 + len(body)]
    assert "SELECT" not in findings[0].evidence


def test_in_the_middle_a_select_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    body = log(*(command("SET", f"k{number}", "v") for number in range(40)))
    hurt = bytearray(select(7))
    hurt[4:11] = bytes(7)
    path.write_bytes(select(0) + body + hurt + body)

    fixed = ask(("fix", "--yes", "IN"), path, tmp_path / "out")

    assert fixed.code == 0
    assert path.read_bytes() == select(0) + body + select(7) + body

"""Values of modules in an RDB part are named: type, module, version and count, in every verb by one name."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.rdb.modules import split_module_id
from tests.builders import log, rdb, rdb_database, rdb_record, rdb_string, select

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MODULE, _MODULE_AUX = 7, b"\xf7"


def module_id(name: str, version: int) -> bytes:
    number = 0
    for letter in name:
        number = number << 6 | _LETTERS.index(letter)
    number = number << 10 | version
    assert split_module_id(number) == (name, version)
    return b"\x81" + struct.pack(">Q", number)


def value(name: str, version: int) -> bytes:
    return module_id(name, version) + b"\x02\x07\x00"  # one unsigned integer, then the end


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = (
        rdb_record(_MODULE, "m", value("mine-type", 3)),
        rdb_record(_MODULE, "j", value("ReJSON-RL", 4)),
        rdb_record(_MODULE, "k", value("ReJSON-RL", 4)),
        rdb_record(0, "s", rdb_string("v")),
    )
    aux = _MODULE_AUX + module_id("its-aux-1", 1) + b"\x02\x02\x00"
    data = rdb(aux, rdb_database(0, *rows), aux={"redis-ver": "7.4.1"}, magic=b"REDIS0012")
    made = tmp_path / "x.aof"
    made.write_bytes(data + log(select(0), ("SET", "m", 2)))
    return made


@pytest.mark.parametrize("level", ["quick", "full", "deep"])
def test_check_names_what_modules_have(level: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--level", level, "--json", str(path)]) == 0

    found = json.loads(capsys.readouterr().out)["logs"][0]
    (warning,) = (f for f in found["findings"] if f["code"] == "rdb-module")
    assert warning["severity"] == "warning"
    for words in (
        "data outside of keys of the module type its-aux-1 (encoding version 1)",
        "1 value of the module type mine-type (encoding version 3)",
        "2 values of the module type ReJSON-RL (RedisJSON, encoding version 4)",
    ):
        assert words in warning["message"]
    told = {row["target"]: row["message"] for row in found["servers"]}
    assert "no matching module" in told["redis-8.0"]


def test_history_and_diff_name_the_type_that_keys_names(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.aof"
    empty.write_bytes(log(select(0), ("SET", "other", 1)))

    assert run(["history", "m", str(path)]) == 0
    assert "module mine-type" in capsys.readouterr().out
    assert run(["history", "--json", "m", str(path)]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["after"]["type"], first["after"]["module_type"]) == ("module", "mine-type")
    assert run(["diff", str(empty), str(path)]) == 1
    assert "j  module ReJSON-RL" in capsys.readouterr().out
    assert run(["diff", "--json", str(empty), str(path)]) == 1
    changes = {row["key"]: row["after"] for row in json.loads(capsys.readouterr().out)["changes"]}
    assert changes["j"]["module_type"] == "ReJSON-RL"

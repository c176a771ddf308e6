"""Logs whose RDB part Valkey 9.2 compressed whole: every verb reads them, or says what needs a plain file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

import pytest

from aoftool.cli.app import run as run_cli
from tests.files.test_vcs import BASE, CODECS, SHOP, TAIL, enveloped, large_part

PLAIN_KEYS = 294


class Run(Protocol):
    """Run a verb; return what it prints, or its error where one is expected."""

    def __call__(self, *arguments: str | Path, code: int = 0) -> str: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def of(*arguments: str | Path, code: int = 0) -> str:
        found = run_cli([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert found == code, out + err
        return err if code else out

    return of


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def log(tmp_path: Path, codec: str) -> Path:
    """Return the folder of a multi-part log with such a base."""
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    for name in os.listdir(SHOP):
        (folder / name).write_bytes((SHOP / name).read_bytes())
    (folder / "appendonly.aof.2.base.rdb").write_bytes(enveloped(BASE, codec))
    return folder


def test_keys_and_data_are_those_of_the_plain_log(run: Run, log: Path) -> None:
    assert len(run("keys", "--json", log).splitlines()) == PLAIN_KEYS
    assert "no difference" in run("diff", log, SHOP)


def test_check_names_it_and_foretells_who_refuses(run: Run, log: Path) -> None:
    report = json.loads(run("check", "--json", log))["logs"][0]

    assert [finding["code"] for finding in report["findings"] if finding["severity"] == "note"] == [
        "rdb-compressed"
    ]
    would = {row["target"]: row["outcome"] for row in report["servers"]}
    assert {would[name] for name in ("redis-7.0", "redis-8.0", "valkey-8.1", "valkey-9.1")} == {"refuse"}


def test_old_style_log_with_commands_behind_the_frame(run: Run, tmp_path: Path, codec: str) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(enveloped(BASE, codec) + TAIL)

    assert len(run("keys", "--json", path).splitlines()) == PLAIN_KEYS
    report = json.loads(run("check", "--json", path))["logs"][0]
    assert report["files"][0]["commands"] == 1166


def test_rewrite_writes_it_plain(run: Run, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    run("rewrite", "--target", "valkey-9", "-o", out, log)

    assert (out / "appendonly.aof.1.base.rdb").read_bytes().startswith(b"VALKEY080")
    assert "no difference" in run("diff", out, SHOP)


def test_torn_tail_behind_such_a_base_is_repaired_in_place(run: Run, log: Path) -> None:
    tail, base = log / "appendonly.aof.2.incr.aof", log / "appendonly.aof.2.base.rdb"
    before = base.read_bytes()
    tail.write_bytes(tail.read_bytes() + b"*3\r\n$3\r\nSE")

    run("fix", "--yes", log)

    assert tail.read_bytes() == TAIL
    assert base.read_bytes() == before


def test_what_unpacks_of_a_cut_base_is_salvaged(run: Run, log: Path, tmp_path: Path, codec: str) -> None:
    packed = enveloped(large_part(), codec)
    (log / "appendonly.aof.2.base.rdb").write_bytes(packed[: len(packed) * 2 // 3])
    out = tmp_path / "out"

    run("check", log, code=1)
    refused = run("fix", "--yes", "--salvage", log, code=3)
    assert f"aoftool rewrite --salvage -o OUT {log}" in refused
    run("rewrite", "--salvage", "--written-by", "valkey-9.1", "-o", out, log)

    kept = [json.loads(line)["key"] for line in run("keys", "--json", out).splitlines()]
    assert sum(key.startswith("key") for key in kept) > 6_000

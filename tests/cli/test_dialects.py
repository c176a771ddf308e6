"""Logs of related engines and hosted services: named, kept, and read as far as they can be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from tests.corpus import corpus_root

pytestmark = pytest.mark.corpus


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """Return a copy of the cases from the field, free to be written to."""
    root = corpus_root()
    if root is None:
        pytest.skip("the corpus is not here")
    shutil.copytree(root / "field", tmp_path / "field", symlinks=True)
    for path in (tmp_path / "field").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
    return tmp_path / "field"


def checked(path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    run(["check", "--json", str(path)])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["logs"][0]
    return found


def keys_of(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert run(["keys", "--json", str(path)]) == 0
    return [json.loads(line)["key"] for line in capsys.readouterr().out.splitlines()]


# Which verdict a case has, with the exit code; in none of them is anything damaged but a torn end.
CASES = {
    "redis8x-new-commands": ("ok", 0),
    "redis8-builtin-json-aof": ("ok", 0),
    "tair-exhset/appendonly.aof": ("ok", 0),
    "keydb-rreplay/appendonly.aof": ("ok", 0),
    "alibaba-opinfo/appendonly.aof": ("ok", 0),
    "aws-replconf-timestamp/appendonly.aof": ("ok", 0),
    "restore-payload-newer/appendonly.aof": ("ok", 0),
    "valkey9-slot-migration-a": ("ok", 0),
    "valkey9-slot-migration-failed": ("ok", 0),
    "valkey-cluster-aof-multi": ("ok", 0),
    "dragonfly-rdb-save/dump.rdb": ("not-judged", 6),
    "rdb-type200/dump.rdb": ("not-judged", 6),
    "redis8-json-torn-tail": ("torn-tail", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_known_here_is_no_damage(
    name: str, field: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict, code = CASES[name]

    assert run(["check", str(field / name)]) == code
    capsys.readouterr()
    assert checked(field / name, capsys)["verdict"] == verdict


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"redis8-json-torn-tail"}))
def test_no_repair_touches_them(name: str, field: Path) -> None:
    before = {path: path.read_bytes() for path in field.rglob("*") if path.is_file()}

    assert run(["fix", "--yes", "--salvage", str(field / name)]) in (0, 6)

    assert {path: path.read_bytes() for path in field.rglob("*") if path.is_file()} == before


def test_of_a_torn_tail_beside_a_module_exactly_the_tail_is_cut(field: Path) -> None:
    folder = field / "redis8-json-torn-tail"
    part = folder / "appendonlydir" / "appendonly.aof.1.incr.aof"
    before = part.read_bytes()

    assert run(["fix", "--yes", "--salvage", str(folder)]) == 0

    assert part.read_bytes() == before[:1212]
    assert b"JSON.SET" in part.read_bytes()


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("tair-exhset/appendonly.aof", "TairHash"),
        ("keydb-rreplay/appendonly.aof", "KeyDB"),
        ("alibaba-opinfo/appendonly.aof", "Alibaba Cloud"),
        ("redis8-builtin-json-aof", "RedisJSON"),
    ],
)
def test_whose_a_command_is_is_said(
    name: str, engine: str, field: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [finding["message"] for finding in checked(field / name, capsys)["findings"]]

    assert any(f"is a command of {engine}" in text for text in words)


@pytest.mark.parametrize(
    ("name", "engine"), [("keydb-rdb-subexpire", "KeyDB"), ("dragonfly-rdb-save", "Dragonfly")]
)
def test_the_writer_is_named(name: str, engine: str, field: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["inspect", str(field / name / "dump.rdb")])

    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("written by"))
    assert engine in line
    assert "Redis" not in line.split("(")[0].replace("compatible with Redis", "")


@pytest.mark.parametrize("name", ["dragonfly-rdb-save", "rdb-type200"])
def test_what_cannot_be_read_is_not_rewritten(
    name: str, field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.rdb"

    for options in ([], ["--salvage"]):
        assert run(["rewrite", *options, str(field / name / "dump.rdb"), "-o", str(out)]) == 6
        assert "Dragonfly" in capsys.readouterr().err
        assert not out.exists()


def test_lost_member_times_are_told(field: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rewrite", "-n", str(field / "keydb-rdb-subexpire" / "dump.rdb")]) == 0

    assert "expire times of members, which only KeyDB has, are lost" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "keys"), [("alibaba-opinfo", 21), ("aws-replconf-timestamp", 20)])
def test_what_informs_only_has_no_effect_on_keys(
    name: str, keys: int, field: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = field / name / "appendonly.aof"

    assert len(keys_of(log, capsys)) == keys
    out = field / "out.aof"
    assert run(["rewrite", str(log), "-o", str(out)]) == 0
    assert len(keys_of(out, capsys)) == keys
    assert b"OPINFO" not in out.read_bytes()
    assert b"REPLCONF" not in out.read_bytes()

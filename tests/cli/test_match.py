"""`--match` means the same in every verb: what KEYS means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import command, log, select

KEYS = [b"a*b", b"axb", b"ka", b"kb", b"k^", b"bin:\xff"]
PATTERNS = [
    (r"a\*b", {b"a*b"}),
    ("a*b", {b"a*b", b"axb"}),
    ("k[^a]", {b"kb", b"k^"}),
    (r"bin:\xff", {b"bin:\xff"}),
    ("k[a", {b"ka"}),
]


@pytest.fixture
def aof(tmp_path: Path) -> str:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(log(select(0), *(command("SET", key, key) for key in KEYS)))
    return str(path)


def shown(keys: set[bytes]) -> set[str]:
    return {key.decode("latin-1").replace("\xff", "\\xff") for key in keys}


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_every_verb_finds_the_same_keys(
    aof: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], pattern: str, expected: set[bytes]
) -> None:
    for words, name in (
        (["keys", "--json", aof], "key"),
        (["history", "--json", aof], "key"),
        (["log", "--json", aof], None),
    ):
        assert run([*words, "--match", pattern]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        found = [row[name] if name else row["argv"][1] for row in rows]
        texts = {word if isinstance(word, str) else "bin:\\xff" for word in found}
        assert texts == shown(expected)
    out = tmp_path / "out.aof"
    assert run(["rewrite", aof, "--match", pattern, "--format", "resp", "-o", str(out), "--quiet"]) == 0
    capsys.readouterr()
    content = out.read_bytes()
    assert {key for key in KEYS if command("SET", key, key) in content} == expected
    assert run(["fix", aof, "--drop-command", "SET", "--match", pattern, "--yes", "--quiet"]) == 0
    content = Path(aof).read_bytes()
    assert {key for key in KEYS if command("SET", key, key) not in content} == expected


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_those_who_count_take_the_same_keys(
    aof: str, capsys: pytest.CaptureFixture[str], pattern: str, expected: set[bytes]
) -> None:
    for words, path in (
        (["growth", "--json", aof], ("commands",)),
        (["inspect", "--json", aof], ("contents", "commands")),
    ):
        assert run([*words, "--match", pattern]) == 0
        found = json.loads(capsys.readouterr().out)
        for name in path:
            found = found[name]
        assert found == len(expected), words
    for order in ("writes", "bytes", "ttl", "same"):
        assert run(["keys", "--by", order, "--json", aof, "--match", pattern]) in (0, 2), order
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_a_difference_is_that_of_the_same_keys(
    aof: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], pattern: str, expected: set[bytes]
) -> None:
    empty = tmp_path / "empty.aof"
    empty.write_bytes(b"")

    assert run(["diff", "--json", "--match", pattern, str(empty), aof]) in (0, 1)

    assert len(json.loads(capsys.readouterr().out)["changes"]) == len(expected)

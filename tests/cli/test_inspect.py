"""`aoftool inspect` as a user meets it: transcripts, inputs of every kind, hostile content."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import zstandard

from aoftool.cli.app import run
from tests.corpus import FIXTURES
from tests.golden_text import check_golden

SHOP = FIXTURES / "valkey-9" / "shop"
CASES = {
    "shop": ["valkey-9/shop"],
    "shop-by-db": ["valkey-9/shop", "--by", "db"],
    "shop-by-file": ["valkey-9/shop", "--by", "file"],
    "torn": ["damaged/torn-mid-payload"],
    "torn-not-last": ["damaged/torn-incr-not-last"],
    "zeros": ["damaged/only-zeros"],
    "preamble": ["recorded/redis-6.2.5/rewritten-with-preamble"],
    "base-checksum": ["damaged/valkey-base-bad-checksum"],
}
HOSTILE = [
    b"\x1b]0;owned\x07",
    b"\x1b[2J\x1b[31m",
    b"[bold red]markup[/bold red]",
    b"[/]",
    b":warning:",
    b"<script>alert(1)</script>",
    "\u202egnp.exe".encode(),
    b"\xff\xfe\x00\r\n",
    b"\xc2\x9b31m",
]


def _inspect_json(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = run(["inspect", "--json", *args])
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, body


@pytest.mark.parametrize("width", ["80", "120", "piped"])
@pytest.mark.parametrize("name", CASES)
def test_transcript(
    name: str,
    width: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(FIXTURES)
    if width == "piped":
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", width)

    code = run(["inspect", *CASES[name]])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    if width != "piped":
        assert max(map(len, lines)) <= int(width)
    check_golden(request, f"cli/inspect-{name}-{width}.txt", "\n".join([*lines, f"exit {code}", ""]))


@pytest.mark.parametrize("how", ["gzip", "zstd", "stdin"])
def test_a_log_reads_the_same_compressed_and_from_stdin(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = FIXTURES / "recorded" / "redis-6.2.5" / "rewritten-with-preamble" / "appendonly.aof"
    _, expected = _inspect_json(capsys, str(plain))
    raw = plain.read_bytes()
    packed = {"gzip": gzip.compress(raw), "zstd": zstandard.compress(raw), "stdin": raw}[how]
    other = tmp_path / "copy"
    other.write_bytes(packed)
    if how == "stdin":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(other.open("rb")))

    code, body = _inspect_json(capsys, "-" if how == "stdin" else str(other))

    assert code == 0
    assert body["size_bytes"] == len(raw)
    for member in ("health", "writer", "databases", "time_range"):
        assert body[member] == expected[member]
    for mine, theirs in zip(body["commands"], expected["commands"], strict=True):
        assert (mine["name"], mine["count"], mine["size_bytes"]) == (
            theirs["name"],
            theirs["count"],
            theirs["size_bytes"],
        )
    assert body["rdb_parts"][0]["types"] == expected["rdb_parts"][0]["types"]


@pytest.mark.parametrize("start", ["manifest", "aof-directory", "data-directory", "search"])
def test_a_multi_part_log_is_found_from_every_place(
    start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(SHOP, tmp_path / "data")
    directory = tmp_path / "data" / "appendonlydir"
    manifest = next(directory.glob("*.manifest"))
    monkeypatch.chdir(tmp_path / "data")
    words = {
        "manifest": [str(manifest)],
        "aof-directory": [str(directory)],
        "data-directory": [str(tmp_path / "data")],
        "search": [],
    }[start]

    code, body = _inspect_json(capsys, *words)

    assert code == 0
    assert body["layout"] == "multi-part"
    assert [file["role"] for file in body["files"]] == ["base", "incr"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_log_reaches_the_terminal_unescaped(
    hostile: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "hostile.aof"
    command = b"*3\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n$1\r\nv\r\n" % (len(hostile), hostile, len(hostile), hostile)
    log.write_bytes(command * 3 + b"#" + hostile.replace(b"\r\n", b"") + b"\n" + hostile)

    forms = (["--by", by, "--csv"] for by in ("command", "prefix", "key", "file"))
    for words in ([], ["--json"], ["--by", "db"], ["--color", "never"], *forms):
        run(["inspect", *words, str(log)])
        shown = capsys.readouterr().out
        assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"]
        if "--json" not in words and hostile.isascii() and hostile.isalpha():
            assert hostile.decode() in shown


CSV_OF = {
    "command": ("commands", "count"),
    "db": ("databases", "commands"),
    "file": ("files", "commands"),
    "prefix": ("contents.prefixes", "writes"),
    "key": ("contents.keys_by_bytes", "writes"),
    "type": ("contents.types", "commands"),
    "size": ("contents.sizes", "commands"),
}


@pytest.mark.parametrize("by", CSV_OF)
def test_csv_has_the_rows_that_json_has(by: str, capsys: pytest.CaptureFixture[str]) -> None:
    place, column = CSV_OF[by]
    body: Any
    _, body = _inspect_json(capsys, "--by", by, str(SHOP))

    code = run(["inspect", "--by", by, "--csv", str(SHOP)])

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for name in place.split("."):
        body = body[name]
    assert code == 0
    assert [int(row[column]) for row in rows] == [row[column] for row in body]
    assert rows


def test_csv_is_one_table_and_damage_is_told_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    torn = str(FIXTURES / "damaged" / "torn-mid-payload")

    unsaid = run(["inspect", "--csv", torn])
    code = run(["inspect", "--by", "command", "--csv", torn])

    shown = capsys.readouterr()
    assert (unsaid, code) == (2, 1)
    assert f"next: aoftool fix --dry-run {torn}" in shown.err
    assert "aoftool" not in shown.out


def test_markup_in_a_name_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "markup.aof"
    log.write_bytes(b"*1\r\n$9\r\n[BOLD]X[/\r\n")

    run(["inspect", str(log)])

    assert "[BOLD]X[/" in capsys.readouterr().out


def test_sort_and_top_fold_the_rest_into_one_row(capsys: pytest.CaptureFixture[str]) -> None:
    run(["inspect", str(SHOP), "--limit", "3", "--sort", "count"])

    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("command"))
    assert [line.split()[0] for line in lines[start + 2 : start + 5]] == ["SET", "HSET", "INCR"]
    assert lines[start + 5].split()[1] == "more"

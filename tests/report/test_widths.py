"""What a terminal shows at any width: nothing wider, nothing cut without a mark, no number shortened."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from aoftool.cells import cell_width, clipped, fold, padded
from aoftool.cli.app import run
from aoftool.report.tables import table_lines
from tests.builders import log, select, timestamp

WIDE = "用户:会话:数据键名很长的一个例子"
RIGHT_TO_LEFT = "مفتاح:المستخدم"
START_S = 1_700_000_000
VERBS = {
    "inspect": ["inspect", "A"],
    "inspect by prefix": ["inspect", "--by", "prefix", "A"],
    "inspect by size": ["inspect", "--by", "size", "A"],
    "check": ["check", "A"],
    "check damage": ["check", "B"],
    "fix": ["fix", "-n", "--salvage", "B"],
    "rewrite": ["rewrite", "-n", "A"],
    "keys": ["keys", "--values", "A"],
    "keys by writes": ["keys", "--by", "writes", "A"],
    "keys by ttl": ["keys", "--by", "ttl", "A"],
    "keys by slot": ["keys", "--by", "slot", "A"],
    "growth": ["growth", "A"],
    "log": ["log", "--context", "1", "--match", "*", "A"],
    "log hex": ["log", "--hex", "100", "A"],
    "history": ["history", "--match", "*", "--values", "A"],
    "audit": ["audit", "A"],
    "diff": ["diff", "A", "C"],
    "explain": ["explain", "--at", "300", "A"],
    "simulate": ["simulate", "--minsize", "1k,1g", "--disk", "1k", "A"],
}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    commands: list[Any] = [timestamp(START_S)]
    for number in range(40):
        deadline = 1_900_000_000_000 + number * 1000
        commands.append(("SET", f"user:{number}", "x" * (number * 97 + 1), "PXAT", deadline))
        commands.append(("HSET", WIDE, f"f{number}", "值" * 5))
        commands += [("RPUSH", RIGHT_TO_LEFT, f"v{number}"), ("SET", "", f"empty{number}")]
        commands.append(("ZADD", "long" * 40, number, f"m{number}"))
        commands.append(timestamp(START_S + number))
    commands += [select(3), ("SADD", b"bin\x00\xff\n", "a", "b"), ("DEL", "user:2", "user:3"), ("FLUSHDB",)]
    commands += [("INCRBY", "counter", 12_345_678_901), ("DEL", *(f"user:{n}" for n in range(150)))]
    # Short names: what is measured is the layout, and a long path would stay whole.
    folder = tmp_path_factory.mktemp("w")
    content = log(*commands)
    paths = {"A": content, "B": content[:-7], "C": log(*commands[:99], ("DEL", WIDE))}
    for name, data in paths.items():
        (folder / name).write_bytes(data)
    return {name: str(folder / name) for name in paths}


def shown(
    words: list[str],
    logs: dict[str, str],
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(Path(logs["A"]).parent)
    capsys.readouterr()
    assert run(words) in (0, 1)
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("verb", VERBS)
def test_every_line_fits_and_ends_in_no_blanks(
    verb: str,
    width: int,
    logs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(VERBS[verb], logs, width, monkeypatch, capsys)

    lines = text.splitlines()
    assert lines
    # What is to be pasted stays on one line.
    assert [line for line in lines if cells(line) > width and "aoftool " not in line] == []
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\x1b" not in text


def cells(line: str) -> int:
    """Count cells by another rule than the package does: no wide and no combining character is forgotten."""
    shown = [char for char in unicodedata.normalize("NFC", line) if not unicodedata.combining(char)]
    return sum(1 + (unicodedata.east_asian_width(char) in ("W", "F")) for char in shown)


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_number_of_a_table_is_shortened(
    width: int,
    logs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = json.loads(shown(["inspect", "--json", "A"], logs, width, monkeypatch, capsys))
    told = {
        "prefix": [row["size_bytes"] for row in body["contents"]["prefixes"]],
        "command": [row["size_bytes"] for row in body["commands"]],
        "key": [row["size_bytes"] for row in body["contents"]["keys_by_bytes"][:3]],
    }
    for by, sizes in told.items():
        text = shown(["inspect", "--by", by, "-n", "50", "A"], logs, width, monkeypatch, capsys)
        numbers = set(re.findall(r"[0-9]+(?:,[0-9]{3})*", text))

        assert {f"{size:,}" for size in sizes} <= numbers


def test_a_table_without_room_shows_each_row_as_pairs() -> None:
    columns = (("key", "left"), ("bytes", "right"), ("share", "right"))

    head, rows = table_lines(columns, [["user:1", "12,345,678", "99.9 %"]], 20)

    assert head == []
    assert rows == [["user:1", "  bytes 12,345,678,", "  share 99.9 %"]]


def test_pairs_and_their_commas_keep_to_the_width_and_stay_whole() -> None:
    names = ("", "largest", "peak", "rewrites", "restart")
    columns = [(name, "right" if name else "left") for name in names]

    for width in range(18, 35):
        _, (marked, plain) = table_lines(
            columns, [(">", "1.25", "16.5", "0", "9"), ("", "1", "2", "3", "4")], width
        )

        assert max(map(len, marked + plain)) <= width
        assert " ".join(line.strip() for line in marked) == "> largest 1.25, peak 16.5, rewrites 0, restart 9"
        assert plain[0].startswith("- largest 1")
        assert all(re.fullmatch(r"(?:[->] |  )(?:[a-z]+ [0-9.]+,? ?)+", line) for line in marked + plain)


def test_columns_of_wide_characters_are_aligned() -> None:
    columns = (("key", "left"), ("bytes", "right"))

    _, rows = table_lines(columns, [["用户", "1"], ["ab", "22"], ["e\u0301", "3"]], 40)

    assert [cell_width(line) for (line,) in rows] == [len("用户") * 2 + 2 + len("bytes")] * 3


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("a b", 3, ["a b"]),
        ("  label     some words", 16, ["  label     some", "words"]),
        ("用户用户", 5, ["用户", "用户"]),
        (r"ab\x00\xff", 6, [r"ab\x00", r"\xff"]),
        ("", 5, [""]),
        ("see /a/long/path now", 8, ["see", "/a/long/path", "now"]),
    ],
)
def test_lines_break_between_words_and_never_inside_a_character(
    text: str, width: int, lines: list[str]
) -> None:
    assert fold(text, width, paths=True) == lines


def test_what_is_cut_is_marked() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abc..."
    assert padded("用", 4, right=True) == "  用"

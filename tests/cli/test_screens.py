"""Every verb at four widths, over names that are wide, empty, right to left, or no text at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from aoftool.cells import cell_width
from tests.builders import log, select, timestamp
from tests.verbs import ask

WIDTHS = (40, 60, 80, 120)
START_S = 1_763_726_400
WIDE = "鍵:" + "漢字" * 20
KEYS = (
    "",
    WIDE,
    "\u0645\u0641\u062a\u0627\u062d:\u0645\u0631\u062d\u0628\u0627",
    "\u05e9\u05dc\u05d5\u05dd:\u05e2\u05d5\u05dc\u05dd",
    "emoji:\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "a" * 300,
    "nl\nkey",
    "tab\tkey",
    b"bin:\xff\x00",
    "e\u0301:x",
    "\u202erl",
)
RANKS = (
    *("writes", "bytes", "dead", "size", "ttl", "same"),
    *("life", "blobs", "backlog", "hot", "slot", "secrets"),
)
CALLS: tuple[tuple[str, ...], ...] = (
    ("inspect", "IN"),
    *(("inspect", "--by", by, "IN") for by in ("command", "prefix", "key", "type", "size", "db", "file")),
    ("check", "IN"),
    ("check", "--level", "deep", "IN"),
    ("keys", "IN"),
    ("keys", "--values", "--limit", "11", "IN"),
    *(("keys", "--by", by, "--limit", "11", "IN") for by in RANKS),
    ("growth", "IN"),
    ("growth", "--by", "command", "IN"),
    ("growth", "--fold", "day", "IN"),
    ("log", "--limit", "30", "IN"),
    ("log", "--hex", "4000", "IN"),
    ("history", "", "IN"),
    ("history", WIDE, "IN"),
    ("history", "--match", "*", "--limit", "30", "IN"),
    ("audit", "IN"),
    ("diff", "--at", "10m", "IN"),
    ("rewrite", "-n", "IN"),
    ("rewrite", "--quick", "IN"),
    ("fix", "-n", "IN"),
    ("fix", "-n", "--salvage", "IN"),
    ("simulate", "IN"),
    ("explain", "--at", "4000", "IN"),
    ("explain", "--key", WIDE, "IN"),
)
# Control characters, and those that turn the direction of a line.
UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ONE = re.compile(r"(?<![\d.,])1 (commands|keys|files|bytes|times|writes|entries|libraries|steps)\b")


@pytest.fixture(scope="module")
def odd_log() -> bytes:
    parts: list[Any] = [select(0)]
    for number in range(60):
        key = KEYS[number % len(KEYS)]
        raw = key if isinstance(key, bytes) else key.encode()
        parts += [timestamp(START_S + number * 30), ("SET", key, "漢字" * 30 + str(number))]
        parts += [("HSET", b"h:" + raw, f"f{number % 7}", "v"), ("RPUSH", b"l:" + raw, number)]
        parts += [("XADD", b"s:" + raw, f"{(START_S + number) * 1000}-1", "f", "v")]
        parts += [("PEXPIREAT", key, (START_S + 4000) * 1000)]
    return log(*parts, ("FLUSHDB",), ("SET", WIDE, "v"))


@pytest.mark.parametrize("end", [0, 3], ids=["whole", "torn"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call[:-1]).replace(WIDE, "wide"))
def test_a_screen_is_whole_at_every_width(
    call: tuple[str, ...], end: int, odd_log: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(odd_log[: len(odd_log) - end])
    monkeypatch.chdir(tmp_path)

    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        answer = ask(call, Path("a.aof"), tmp_path / "out")

        assert answer.code in (0, 1, 3), answer.err
        lines = answer.out.splitlines()
        # What can be pasted is never broken.
        assert [line for line in lines if cell_width(line) > width and "aoftool " not in line] == []
        assert [line for line in lines if line != line.rstrip(" ")] == []
        assert [line for line in lines if UNSHOWN.search(line)] == []
        assert [line for line in (*lines, *answer.err.splitlines()) if ONE.search(line)] == []

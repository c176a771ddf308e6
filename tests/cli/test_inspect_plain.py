"""`aoftool inspect` on a log too large to look into unasked: one pass, no keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.cli.choices import inspect as choices
from tests.corpus import FIXTURES
from tests.golden_text import check_golden

SHOP = str(FIXTURES / "valkey-9" / "shop")


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    code = run(["inspect", "--json", *words, SHOP])
    assert code == 0
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    return body


@pytest.mark.parametrize("by", ["command", "db", "file"])
def test_transcript(
    by: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(FIXTURES)
    monkeypatch.setenv("COLUMNS", "80")

    run(["inspect", "--no-contents", "--by", by, "valkey-9/shop"])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= 80
    check_golden(request, f"cli/inspect-plain-{by}.txt", "\n".join([*lines, ""]))


def test_both_ways_count_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    plain = _json(capsys, "--no-contents")
    full = _json(capsys, "--contents")

    assert plain["contents"] is None
    assert full["contents"] is not None
    for member in ("commands", "databases", "files", "health", "rdb_parts", "time_range", "writer"):
        assert plain[member] == full[member]


def test_a_large_log_is_not_looked_into_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choices, "_contents_limit", lambda: 1000)

    unasked = _json(capsys)
    asked = _json(capsys, "--contents")
    needed = _json(capsys, "--match", "cart:*")

    assert unasked["contents"] is None
    assert asked["contents"] is not None
    assert needed["contents"] is not None


@pytest.mark.parametrize("words", [["--by", "prefix"], ["--match", "a*"], ["--savings"]])
def test_what_needs_the_contents_cannot_go_without(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["inspect", "--no-contents", *words, SHOP])

    assert code == 2
    assert "--no-contents" in capsys.readouterr().err

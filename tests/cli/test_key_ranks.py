"""`aoftool keys --by` and `inspect --by` as a user meets them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.corpus import FIXTURES
from tests.golden_text import check_golden

SHOP = FIXTURES / "valkey-9" / "shop"
CASES = {
    "keys-by-writes": ["keys", "--by", "writes", "--limit", "6"],
    "keys-by-bytes": ["keys", "--by", "bytes", "--limit", "6", "--match", "[cs]*"],
    "keys-by-dead": ["keys", "--by", "dead", "--limit", "6"],
    "keys-by-size": ["keys", "--by", "size", "--limit", "6"],
    "keys-by-ttl": ["keys", "--by", "ttl", "--limit", "4"],
    "inspect-by-prefix": ["inspect", "--by", "prefix"],
    "inspect-by-key": ["inspect", "--by", "key", "--limit", "6"],
    "inspect-by-type": ["inspect", "--by", "type"],
    "inspect-by-size": ["inspect", "--by", "size"],
    "inspect-narrowed": ["inspect", "--cmd", "SET", "--db", "0", "--since", "2026-11-21T09:27:00"],
}


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

    code = run([*CASES[name], "valkey-9/shop"])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    check_golden(request, f"cli/{name}-{width}.txt", "\n".join([*lines, f"exit {code}", ""]))


def test_by_ttl_counts_records_that_no_command_names_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(SHOP, tmp_path / "shop")
    for path in (tmp_path / "shop").rglob("*"):
        os.utime(path, (1, 1))
    run(["keys", "--by", "ttl", "--json", str(tmp_path / "shop")])
    body = json.loads(capsys.readouterr().out)
    run(["keys", "--json", str(tmp_path / "shop")])
    stored = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert body["keys"] >= len(stored)
    assert sum(row["keys_without_expiry"] for row in body["prefixes"]) == (
        body["keys"] - body["keys_deleted"] - body["keys_expiring"]
    )


@pytest.mark.parametrize("by", ["writes", "bytes", "dead", "size", "ttl"])
def test_stand_ins_hide_keys_and_prefixes(by: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json"], []):
        run(["keys", "--by", by, "--redact", "all", "--salt", "s", *words, str(SHOP)])
        shown = capsys.readouterr().out
        for word in ("session", "cart:", "events", "stats:", "orders:", "queue:", "board:"):
            assert word not in shown


def test_inspect_with_stand_ins_names_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json"], [], ["--by", "prefix"], ["--by", "key"]):
        run(["inspect", "--redact", "all", "--salt", "s", *words, str(SHOP)])
        shown = capsys.readouterr().out
        for word in ("session:", "cart:", "events", "stats:", "orders:", "queue:", "board:"):
            assert word not in shown


def test_filters_of_the_listing_do_not_go_with_every_order() -> None:
    assert run(["keys", "--by", "writes", "--no-ttl", str(SHOP)]) == 2

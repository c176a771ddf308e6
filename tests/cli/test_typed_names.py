"""Names on the command line: as they are shown, and bytes that are not UTF-8, alike in every verb."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from aoftool.escape import printable
from tests import builders
from tests.verbs import Answer, ask

NAMES = [b"real\nkey", b"bin:\xff", b"back\\slash", b"tab\there", b"plain"]
BAD = os.fsdecode(b"\xff\xfe")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give a log that sets each name to itself."""
    path = tmp_path / "names.aof"
    path.write_bytes(builders.log(("SELECT", 0), *((b"SET", name, name) for name in NAMES)))
    return path


def _ask(log: Path, *call: str) -> Answer:
    answer = ask((*call, "IN"), log, log.with_name("out"))
    assert answer.problem() is None
    return answer


def _lines(answer: Answer) -> int:
    return len([json.loads(line) for line in answer.out.splitlines()])


def _taken_out(plan: Answer) -> int:
    files = json.loads(plan.out)["plan"]["files"]
    return sum(edit["commands"] for file in files for edit in file["edits"])


@pytest.mark.parametrize("name", NAMES, ids=printable)
def test_a_shown_name_is_found_by_every_verb(name: bytes, log: Path) -> None:
    shown = printable(name)

    assert _lines(_ask(log, "history", "--json", shown)) == 1
    assert _lines(_ask(log, "history", "--json", "--match", shown)) == 1
    assert _lines(_ask(log, "log", "--json", "--key", shown)) == 1
    assert _lines(_ask(log, "log", "--json", "--match", shown)) == 1
    assert _lines(_ask(log, "keys", "--json", "--match", shown)) == 1
    assert _ask(log, "explain", "--key", shown).code == 0
    (result, _) = json.loads(_ask(log, "rewrite", "--dry-run", "--json", "--match", shown).out)["results"]
    assert result["keys"] == 1
    plan = _ask(log, "fix", "--dry-run", "--json", "--drop-command", "SET", "--match", shown)
    assert _taken_out(plan) == 1
    assert json.loads(_ask(log, "inspect", "--json", "--match", shown).out)["contents"]["commands"] == 1


@pytest.mark.parametrize(
    "call",
    [
        ("rewrite", "--dry-run", "--match", BAD),
        ("rewrite", "--dry-run", "--before", BAD),
        ("rewrite", "--dry-run", "--to-timestamp", BAD),
        ("fix", "--dry-run", "--before", BAD),
        ("fix", "--dry-run", "--drop-command", BAD),
        ("fix", "--dry-run", "--drop-command", "SET", "--match", BAD),
        ("fix", "--dry-run", "--to-offset", "names.aof:\u00b2"),
        ("fix", "--dry-run", "--drop", "names.aof:" + "9" * 5000),
        ("explain", "--key", BAD),
        ("explain", "--offset", "9" * 5000),
        ("history", BAD),
        ("history", "--match", BAD),
        ("log", "--key", BAD),
        ("log", "--cmd", BAD),
        ("log", "--from", "9" * 5000),
        ("log", "--since", "--5"),
        ("log", "--since", "9" * 40),
        ("keys", "--regex", BAD),
        ("keys", "--expires-before", "9" * 5000),
        ("diff", "--at", BAD),
        ("growth", "--bucket", BAD),
        ("inspect", "--separator", BAD),
        ("check", "--target", BAD),
    ],
    ids=lambda call: " ".join(call)[:40].encode("ascii", "backslashreplace").decode(),
)
@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
def test_strange_arguments_are_no_bug(call: tuple[str, ...], as_json: tuple[str, ...], log: Path) -> None:
    answer = ask((*call, *as_json, "IN"), log, log.with_name("out"))

    assert answer.code in (0, 1, 2, 3), answer
    assert "Traceback" not in answer.err


def test_drop_takes_globs_as_servers_do(tmp_path: Path) -> None:
    log = tmp_path / "globs.aof"
    log.write_bytes(builders.log(("SELECT", 0), *(("SET", name, "1") for name in ("ka", "kb", "k^"))))

    plan = _ask(log, "fix", "--dry-run", "--json", "--drop-command", "SET", "--match", "k[^a]")

    assert _taken_out(plan) == 2

"""`aoftool keys`: listing, filters, values as text and as exact JSON."""

from __future__ import annotations

import base64
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from aoftool.rewrite import planner
from tests import builders
from tests.corpus import FIXTURES
from tests.golden_text import check_golden

SHOP = FIXTURES / "valkey-9" / "shop"
FUTURE_MS = 4_102_444_800_123


def _rdb(tmp_path: Path) -> str:
    path = tmp_path / "dump.rdb"
    path.write_bytes(
        builders.rdb(
            builders.rdb_database(
                0,
                builders.rdb_record(0, "user:1", builders.rdb_string("ann")),
                builders.rdb_record(0, "user:2", builders.rdb_string("bob"), expire_at_ms=FUTURE_MS),
                builders.rdb_record(0, b"\x1b[31m[red]\xff", builders.rdb_string(b"\x00\xfe")),
            ),
            builders.rdb_database(
                3,
                builders.rdb_record(
                    1,
                    "list",
                    builders.rdb_length(2) + builders.rdb_string("a") + builders.rdb_string("b" * 500),
                ),
            ),
        )
    )
    return str(path)


def _lines(capsys: pytest.CaptureFixture[str], *args: str) -> list[dict[str, Any]]:
    code = run(["keys", "--json", *args])
    assert code == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ([], [b"user:1", b"user:2", b"\x1b[31m[red]\xff", b"list"]),
        (["--db", "3"], [b"list"]),
        (["--db", "0", "--db", "3", "--type", "list"], [b"list"]),
        (["--match", "user:*"], [b"user:1", b"user:2"]),
        (["--regex", "[2t]$"], [b"user:2", b"list"]),
        (["--no-ttl", "--match", "user:?"], [b"user:1"]),
        (["--expires-before", "2200-01-01"], [b"user:2"]),
        (["--expires-before", "2000-01-01"], []),
        (["--min-size", "400"], [b"list"]),
        (["--limit", "1"], [b"user:1"]),
    ],
)
def test_filters_choose_keys(
    options: list[str], keys: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = _lines(capsys, *options, _rdb(tmp_path))

    found = [base64.b64decode(row["key_b64"]) if "key_b64" in row else row["key"].encode() for row in rows]
    assert found == keys


def test_json_holds_the_exact_bytes_of_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _lines(capsys, "--values", _rdb(tmp_path))

    assert [row["value"] for row in rows] == [
        "ann",
        "bob",
        {"b64": base64.b64encode(b"\x00\xfe").decode()},
        ["a", "b" * 500],
    ]
    assert rows[1]["expire_at_ms"] == FUTURE_MS


def test_text_shows_no_control_character(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["keys", "--values", _rdb(tmp_path)])

    shown = capsys.readouterr().out
    assert not [char for char in shown if unicodedata.category(char)[0] == "C" and char != "\n"]
    assert r"\x1b[31m[red]\xff" in shown


def test_a_damaged_rdb_gives_its_whole_keys_and_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(_rdb(tmp_path))
    path.write_bytes(path.read_bytes()[:-200])

    code = run(["keys", str(path)])

    shown = capsys.readouterr()
    assert code == 1
    assert "user:2" in shown.out
    assert "damaged at offset" in shown.err
    assert "next: aoftool fix --dry-run --salvage" in shown.err


def test_the_rdb_part_alone_is_refused_where_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.aof"
    path.write_bytes(builders.command("SET", "k", "v"))

    code = run(["keys", "--base", str(path)])

    shown = capsys.readouterr()
    assert code == 3
    assert "aoftool inspect" in shown.err


def test_keys_that_exist_only_in_commands_are_listed_with_their_writers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.aof"
    first = builders.command("SET", "k", "v")
    path.write_bytes(first + builders.command("APPEND", "k", "w"))

    (row,) = _lines(capsys, "--values", str(path))
    (before,) = _lines(capsys, "--values", "--at", str(len(first)), str(path))

    assert (row["value"], row["command"], row["offset"], row["writes"]) == ("vw", "APPEND", len(first), 2)
    assert (before["value"], before["command"], before["offset"], before["writes"]) == ("v", "SET", 0, 1)


def test_a_moment_may_be_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "timed.aof"
    path.write_bytes(
        builders.timestamp(1000)
        + builders.command("SET", "a", "1")
        + builders.timestamp(2000)
        + builders.command("SET", "b", "1")
    )

    rows = _lines(capsys, "--at", "1970-01-01T00:20:00", str(path))

    assert [row["key"] for row in rows] == ["a"]


def test_a_torn_last_command_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "torn.aof"
    path.write_bytes(builders.command("SET", "a", "1") + builders.command("SET", "b", "1")[:-3])

    code = run(["keys", str(path)])

    shown = capsys.readouterr()
    assert code == 1
    assert shown.out.splitlines()[1:]
    assert "torn" in shown.err


def test_an_rdb_alone_takes_the_way_of_constant_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("an RDB alone needs no plan")

    monkeypatch.setattr(planner, "plan_rewrite", never)

    assert len(_lines(capsys, _rdb(tmp_path))) == 4


@pytest.mark.parametrize(
    "options", [["--at", "0", "--base"], ["--by", "writes", "--at", "0"], ["--by", "dead", "--base"]], ids=str
)
def test_options_that_say_different_things_are_refused(options: list[str]) -> None:
    assert run(["keys", *options, str(SHOP)]) == 2


def test_commands_behind_the_rdb_part_are_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    run(["keys", "--base", str(SHOP)])

    assert "commands follow" in capsys.readouterr().err


def test_transcript(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    run(["keys", "--values", "--limit", "30", str(SHOP)])

    check_golden(request, "cli/keys-shop.txt", capsys.readouterr().out)


def test_an_empty_file_behind_the_base_holds_no_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = builders.rdb_record(0, "k", builders.rdb_string("v"))
    base = builders.rdb(builders.rdb_database(0, record))
    manifest = builders.write_multi_part(tmp_path, base=base, incrs=[b""], base_is_rdb=True)

    assert run(["keys", str(manifest)]) == 0

    captured = capsys.readouterr()
    assert "k" in captured.out
    assert captured.err == ""


def test_a_key_that_a_module_made_is_opaque_and_not_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(builders.log(("EXHSET", "th", "f", "v"), ("SET", "a", "1")))

    assert run(["keys", str(path)]) == 0
    text = capsys.readouterr().out
    made, plain = _lines(capsys, str(path))

    assert "only its module knows" in text
    assert "damaged" not in text
    assert (made["type"], made["problem"]) == ("module", "what it holds only its module knows")
    assert "problem" not in plain


@pytest.mark.parametrize("word", ["String", "list,hash", "nope", ""])
def test_a_word_that_is_no_type_is_no_answer(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "--type", word, str(SHOP)]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert "use one of string, list, set, zset, hash, stream" in shown.err

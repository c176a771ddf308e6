"""How verbs end at damage: in what `check` says, of compressed files too; and with several logs."""

from __future__ import annotations

import gzip
import json
import shlex
import zlib
from pathlib import Path

import pytest

from aoftool.cli.app import run
from tests.builders import command, put_generation

LINES = [command("SET", f"key:{number}", "v" * 20) for number in range(40)]
# A count of arguments that is one too small.
HURT = b"".join([*LINES[:20], LINES[20].replace(b"*3", b"*2", 1), *LINES[21:]])
PLACE = f"damaged at offset {sum(map(len, LINES[:20])):,}, command 20: "
READERS = [
    ("log", "IN"),
    ("log", "--tail", "2", "IN"),
    ("history", "--match", "*", "IN"),
    ("growth", "IN"),
    ("keys", "--by", "writes", "IN"),
    ("keys", "--by", "same", "IN"),
]


def said(call: tuple[str, ...], path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = run([str(path) if word == "IN" else word for word in call])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("call", [*READERS, ("audit", "IN")], ids=" ".join)
def test_damage_in_the_middle_is_told_as_check_tells_it(
    call: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a log.aof"
    path.write_bytes(HURT)

    code, text = said(call, path, capsys)

    assert code == 1
    assert PLACE in text
    assert f"next: aoftool fix --dry-run '{path}'" in text


@pytest.mark.parametrize(
    "call", [("keys", "IN"), ("rewrite", "IN"), ("rewrite", "--quick", "IN")], ids=" ".join
)
@pytest.mark.parametrize("packed", [False, True])
def test_an_error_about_damage_names_the_place_that_check_names(
    call: tuple[str, ...], packed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / ("log.aof.gz" if packed else "log.aof")
    path.write_bytes(gzip.compress(HURT) if packed else HURT)

    code, text = said(call, path, capsys)

    assert code == 3
    assert "command 20: the number of arguments of a command is damaged [broken-count]" in text
    assert f"file: {path}, offset {sum(map(len, LINES[:20])):,}" in text


@pytest.mark.parametrize("call", READERS, ids=" ".join)
def test_compressed_data_that_end_on_a_boundary_are_not_whole(
    call: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(b"".join(LINES[:20])) + packer.flush(zlib.Z_FULL_FLUSH)
    path = tmp_path / "log.aof.gz"
    path.write_bytes(first)

    code, text = said(call, path, capsys)

    assert code == 1
    assert "the gzip data end inside a member" in text
    assert f"next: aoftool fix --dry-run -o OUT {path}" in text


def test_check_goes_on_behind_a_log_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, hurt, gone = tmp_path / "a.aof", tmp_path / "b.aof", tmp_path / "gone"
    sound.write_bytes(b"".join(LINES))
    hurt.write_bytes(HURT)

    code = run(["check", "--json", str(sound), str(gone), str(hurt)])

    body = json.loads(capsys.readouterr().out)
    assert code == 3
    assert [log["intact"] for log in body["logs"]] == [True, False]
    assert [row["path"] for row in body["not_read"]] == [str(gone)]


def test_a_server_that_was_asked_for_and_does_not_load_is_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(command("HSETEX", "h", "EX", "100", "FIELDS", "1", "f", "v"))

    assert run(["check", str(path)]) == 0
    code, _ = run(["check", "--target", "redis-7.2", str(path)]), None

    assert code == 1
    assert f"next: aoftool rewrite --target redis-7.2 -o OUT {path}" in capsys.readouterr().out


def test_explain_tells_that_a_key_may_stand_behind_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(HURT)

    code, text = said(("explain", "--key", "key:3", "IN"), path, capsys)

    assert code == 1
    assert PLACE in text


@pytest.mark.parametrize("verb", ["keys", "log", "history", "check"])
def test_a_usage_error_is_json_where_json_is_asked_for(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run([verb, "--json", "--no-such-option"])

    out = capsys.readouterr().out
    assert (code, json.loads(out)["exit_code"]) == (2, 2)
    assert (len(out.splitlines()) == 1) == (verb != "check")


@pytest.mark.parametrize(
    "call",
    [
        ("keys", "--db", "99", "IN"),
        ("log", "--db", "99", "IN"),
        ("history", "--db", "99", "key:1", "IN"),
        ("growth", "--db", "99", "IN"),
        ("inspect", "--db", "99", "IN"),
        ("diff", "--db", "99", "IN", "IN"),
        ("rewrite", "--db", "99", "IN"),
    ],
    ids=lambda call: call[0],
)
def test_a_database_outside_of_the_log_says_which_there_are(
    call: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join(LINES) + command("SELECT", "3") + LINES[0])

    code, text = said(call, path, capsys)

    assert code == 2
    assert "in database 99; it has some in 0, 3" in text


def test_a_database_whose_keys_are_gone_is_an_empty_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join(LINES) + command("SELECT", "3") + LINES[0] + command("DEL", "key:0"))

    assert said(("keys", "--db", "3", "IN"), path, capsys)[0] == 0


@pytest.mark.parametrize(
    "call",
    [
        ("check",),
        ("inspect",),
        ("keys",),
        ("log",),
        ("growth",),
        ("audit",),
        ("fix", "-n"),
        ("rewrite", "-n"),
    ],
    ids=lambda call: call[0],
)
def test_nothing_on_standard_input_is_as_an_empty_file(
    call: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "empty.aof"
    path.touch()
    codes = [run([*call, str(path)])]
    with path.open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        codes.append(run([*call, "-"]))

    assert codes == [0, 0]


def test_a_plan_as_json_says_what_to_type_next_and_that_line_repairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a log.aof"
    path.write_bytes(b"".join(LINES) + LINES[0][:9])

    assert run(["fix", "--dry-run", "--json", str(path)]) == 1
    line = json.loads(capsys.readouterr().out)["next"]
    program, *words = shlex.split(line)

    assert (program, run(words)) == ("aoftool", 0)
    assert json.loads(capsys.readouterr().out)["next"] is None
    assert path.read_bytes() == b"".join(LINES)


def test_what_is_left_until_it_is_asked_for_is_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_generation(tmp_path, 1)
    (tmp_path / "appendonly.aof.2.incr.aof").write_bytes(LINES[0])

    assert run(["fix", "--yes", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    words = shlex.split(text.rpartition("next: aoftool ")[2])

    assert "--salvage sets it aside" in text
    assert words == ["fix", "--dry-run", "--salvage", str(tmp_path)]
    assert run(["fix", "--salvage", "--yes", str(tmp_path)]) == 0


def test_a_rewrite_offers_no_salvage_where_nothing_can_be_salvaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "dump.rdb"
    path.write_bytes(b"REDIS")

    code, text = said(("rewrite", "-n", "IN"), path, capsys)

    assert code == 3
    assert "hint: nothing here can be repaired; put the files back from a backup" in text

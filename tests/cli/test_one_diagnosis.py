"""What `check` finds damaged is what every verb goes by, and what none of them leaves behind."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from aoftool.check.result import refuse_damaged
from aoftool.cli.app import run
from aoftool.errors import VerifyError
from aoftool.rdb.walk.checksum import crc64
from tests.builders import command

BEHIND = command("SET", "z", "1")


def base(records: bytes) -> bytes:
    """Return an RDB part as Redis 7.2 writes it in front of commands."""
    fields = b"\xfa\x09redis-ver\x057.2.4\xfa\x08aof-base\xc0\x01"
    body = b"REDIS0011" + fields + b"\xfe\x00" + records + b"\xff"
    return body + crc64(body).to_bytes(8, "little")


def text(word: bytes) -> bytes:
    return bytes([len(word)]) + word


def string(key: bytes, value: bytes) -> bytes:
    return b"\x00" + text(key) + text(value)


def collection(type_id: int, key: bytes, count: int, *words: bytes) -> bytes:
    return bytes([type_id]) + text(key) + bytes([count]) + b"".join(map(text, words))


SET, HASH = 2, 4
BASES = {
    "a key": string(b"a", b"1") + string(b"b", b"1") + string(b"a", b"2"),
    "a field": collection(HASH, b"h", 3, b"f", b"1", b"g", b"1", b"f", b"2") + string(b"b", b"1"),
    "a member": collection(SET, b"s", 2, b"m", b"m") + string(b"b", b"1"),
}


@pytest.fixture(params=BASES)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a log with something twice in its base, whose checksum is right."""
    path = tmp_path / "appendonly.aof"
    path.write_bytes(base(BASES[request.param]) + BEHIND)
    return path


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_what_stands_twice_is_found_at_one_place_by_every_verb(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checked = answer(capsys, "check", log)
    (finding,) = checked["logs"][0]["findings"]
    looked, seen = answer(capsys, "inspect", log)
    planned, plan = answer(capsys, "fix", "-n", log)

    assert (code, looked, planned) == (1, 1, 1)
    assert [remedy["option"] for remedy in finding["remedies"]] == ["--salvage"]
    assert (seen["health"]["verdict"], seen["health"]["offset"]) == ("rdb-damaged", finding["start"])
    (left,) = plan["plan"]["left"]
    assert left["code"] == finding["code"]
    assert "--salvage" in left["text"]


def test_the_remedy_that_is_named_leaves_a_sound_log(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = log.with_name("out.aof")

    assert run(["fix", "--salvage", "--yes", "-o", str(out), str(log)]) == 0
    assert answer(capsys, "check", out)[1]["intact"]


def test_a_rewrite_leaves_no_damaged_result(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, before = log.with_name("out"), log.read_bytes()

    for options in (["-o", out], ["--in-place"], ["--layout", "multi-part", "-o", out]):
        code, said = answer(capsys, "rewrite", *options, log)

        assert (code, said["error"]) == (5, "VerifyError")
        assert said["next"].startswith("aoftool check ")
    assert log.read_bytes() == before
    assert [path.name for path in log.parent.iterdir()] == [log.name]


def test_a_salvaging_rewrite_writes_each_once(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = log.with_name("out.aof")

    assert run(["rewrite", "--salvage", "-o", str(out), str(log)]) == 0

    assert answer(capsys, "check", "--target", "redis-7.2", out)[1]["intact"]


def test_a_log_that_is_not_looked_into_again_is_told_too(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "log.aof.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))

    code, seen = answer(capsys, "inspect", packed)

    assert (code, seen["health"]["verdict"]) == (1, "rdb-damaged")


def test_a_result_that_its_target_does_not_load_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.aof"
    path.write_bytes(command("LMPOP", "1", "k", "LEFT"))
    refuse_damaged(str(path), "redis-7.2")

    with pytest.raises(VerifyError, match=r"redis-6\.2 would refuse the result"):
        refuse_damaged(str(path), "redis-6.2")


def test_commands_that_are_taken_out_and_do_not_load_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "a.aof", tmp_path / "out.aof"
    path.write_bytes(BEHIND + command("SET", "k") + BEHIND)

    assert run(["log", "--cmd", "SET", "-o", str(out), str(path)]) == 1

    assert "in what was written: " in capsys.readouterr().err


def test_only_releases_that_could_read_the_log_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = command("XGROUP", "CREATECONSUMER", "s", "g", "c")
    single, folder = tmp_path / "a.aof", tmp_path / "appendonlydir"
    single.write_bytes(newer)
    folder.mkdir()
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    (folder / "appendonly.aof.1.incr.aof").write_bytes(newer)

    def warned(path: Path, *options: str) -> list[str]:
        findings = answer(capsys, "check", *options, path)[1]["logs"][0]["findings"]
        return [finding["message"] for finding in findings if finding["severity"] == "warning"]

    assert any("unknown to redis-6.0" in text for text in warned(single))
    assert not any("redis-6" in text for text in warned(folder))

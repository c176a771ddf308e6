"""What no known release writes: told, kept by every repair, and never called damage."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.check.unknown import is_plausible
from aoftool.cli.app import run
from aoftool.commands.table import all_commands, lookup
from aoftool.rdb.walk.checksum import crc64
from aoftool.releases import RELEASES
from tests.builders import command, log, select

PLAIN = log(select(0), *(command("SET", f"key:{number}", number) for number in range(30)))
BEHIND = log(*(command("SET", f"later:{number}", number) for number in range(30)))
TORN = b"*3\r\n$3\r\nSET\r\n$5\r\nlat"
NEWEST = {
    family: max(row.rdb_version for row in RELEASES if row.family == family) for family in ("redis", "valkey")
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def invented(number: int) -> bytes:
    """Return the name of a command that no release has."""
    source = random.Random(number)
    while True:
        name = "".join(source.choices(LETTERS, k=source.randrange(3, 14)))
        if source.random() < 0.3:
            name = f"{name[:3]}.{name[3:] or 'ADD'}"
        elif source.random() < 0.2:
            name = f"{name}_{source.randrange(10)}"
        if lookup(name.encode()) is None:
            return (name.lower() if source.random() < 0.3 else name).encode()


def sealed(body: bytes, version: int) -> bytes:
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def rdb(version: int, type_id: int, family: str = "redis") -> bytes:
    """Return an RDB of one key that is known, and one of a type that is not."""
    magic = b"REDIS%04d" % version if family == "redis" else b"VALKEY%03d" % version
    body = magic + b"\xfe\x00" + b"\x00\x01a\x011" + bytes([type_id]) + b"\x01b\x05hello" + b"\xff"
    return body + crc64(body).to_bytes(8, "little")


def unknown_commands() -> Iterator[tuple[str, bytes]]:
    for number in range(60):
        name = invented(number)
        count = random.Random(number).choice([1, 1, 1, 2, 5])
        lines = [command(name, f"k{at}", "a", "b") for at in range(count)]
        yield f"command-{number}", PLAIN + b"".join(lines) + BEHIND
    containers = [spec for spec in all_commands() if spec.subcommands]
    for spec in containers:
        yield f"subcommand-{spec.name.decode()}", PLAIN + command(spec.name, "FROBNICATE", "k") + BEHIND
    for version in (NEWEST["redis"] + 1, 40, 79, NEWEST["valkey"] + 1, 200, 60_000):
        payload = sealed(b"\x00\x05hello", version)
        yield f"payload-{version}", PLAIN + command("RESTORE", "r", "0", payload) + BEHIND
        functions = sealed(b"\xf5\x05hello", version)
        yield f"functions-{version}", PLAIN + command("FUNCTION", "RESTORE", functions) + BEHIND
    yield "payload-type", PLAIN + command("RESTORE", "r", "0", sealed(b"\xc8\x05hello", 9)) + BEHIND


def unknown_parts() -> Iterator[tuple[str, bytes]]:
    for version in (NEWEST["redis"] + 1, NEWEST["redis"] + 5, 60):
        yield f"rdb-{version}", rdb(version, 90) + PLAIN
    yield "rdb-right-checksum", rdb(12, 200) + PLAIN
    yield "rdb-valkey", rdb(NEWEST["valkey"] + 1, 90, "valkey") + PLAIN


CASES = [*unknown_commands(), *unknown_parts()]


@pytest.fixture(params=CASES, ids=[name for name, _ in CASES])
def unknown(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(request.param[1])
    return path


def checked(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    capsys.readouterr()
    run(["check", "--json", *options, str(path)])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["logs"][0]
    return found


def test_it_is_neither_damage_nor_health(unknown: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(unknown)]) == 6
    assert run(["check", "--level", "deep", str(unknown)]) == 6
    assert run(["inspect", str(unknown)]) == 6

    report = checked(unknown, capsys)
    assert (report["intact"], report["judged"], report["verdict"]) == (True, False, "not-judged")
    assert "damage" not in {finding["severity"] for finding in report["findings"]}
    words = " ".join(finding["message"] for finding in report["findings"])
    assert "one bit flipped" not in words


READERS = (("log",), ("log", "--tail", "40"), ("growth",), ("keys", "--by", "writes"))
SOME = CASES[:60:9] + CASES[60:]


@pytest.mark.parametrize("case", SOME, ids=[name for name, _ in SOME])
def test_readers_end_with_the_exit_code_of_check(case: tuple[str, bytes], tmp_path: Path) -> None:
    name, content = case
    path = tmp_path / "appendonly.aof"
    path.write_bytes(content)
    # What names no key is not in the history of any, and most containers change none.
    verbs = list(READERS)
    if not name.startswith("subcommand"):
        verbs += [("keys",), ("diff",)]
    if not name.startswith(("subcommand", "functions")):
        verbs.append(("history", "--match", "*"))

    codes = {verb: run([*verb, str(path), *([str(path)] if verb == ("diff",) else [])]) for verb in verbs}

    assert codes == dict.fromkeys(verbs, 6)


@pytest.mark.parametrize("options", [[], ["--salvage"], ["--salvage", "--drop-duplicates"]])
def test_no_repair_takes_a_byte_of_it(
    unknown: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = unknown.read_bytes()

    assert run(["fix", "--yes", *options, str(unknown)]) == 6

    assert unknown.read_bytes() == before
    assert "not judged" in capsys.readouterr().out


def test_of_a_torn_end_beside_it_exactly_the_end_is_cut(
    unknown: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = unknown.read_bytes()
    unknown.write_bytes(before + TORN)

    report = checked(unknown, capsys)
    assert report["verdict"] == "torn-tail"
    assert run(["fix", "--yes", "--salvage", str(unknown)]) == 6

    assert unknown.read_bytes() == before


def test_what_is_named_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(PLAIN + command("FROBOZZ", "k") + command("JSON.MINE", "k") + BEHIND)

    assert run(["fix", "--yes", "--drop-command", "FROBOZZ", str(path)]) == 6
    assert path.read_bytes() == PLAIN + command("JSON.MINE", "k") + BEHIND
    assert run(["fix", "--yes", "--drop-command", "json.mine", str(path)]) == 0
    assert path.read_bytes() == PLAIN + BEHIND


def test_servers_that_lack_it_are_still_foretold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(PLAIN + command("FROBOZZ", "k") + BEHIND)

    rows = checked(path, capsys)["servers"]

    assert {row["outcome"] for row in rows} == {"refuse"}
    assert all("FROBOZZ" in row["message"] for row in rows)


@pytest.mark.parametrize("written", [b"SDT", b"sdt", b"SUT"])
def test_one_flipped_bit_in_a_name_of_the_log_is_put_right(written: bytes, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(PLAIN + command(written, "k", "v") + BEHIND)

    assert run(["check", str(path)]) == 1
    assert run(["fix", "--yes", "--salvage", str(path)]) == 0

    mended = b"set" if written.islower() else b"SET"
    assert path.read_bytes() == PLAIN + command(mended, "k", "v") + BEHIND


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([command("SDT", "k", "v")] * 2, id="comes-twice"),
        pytest.param([command("SDT", "k", "v", "NX", "GET")], id="in-another-shape"),
        pytest.param([command("DEM", "k")], id="of-a-name-that-the-log-does-not-use"),
        pytest.param([command("S.T", "k", "v")], id="of-a-module"),
        pytest.param([command("XACKDEL2", "k", "g", "v")], id="of-a-newer-server"),
    ],
)
def test_without_all_evidence_no_bit_was_flipped(
    lines: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    data = PLAIN + b"".join(lines) + BEHIND
    path.write_bytes(data)

    assert run(["check", str(path)]) == 6
    assert "flipped" not in capsys.readouterr().out
    run(["fix", "--yes", "--salvage", str(path)])
    assert path.read_bytes() == data


def test_a_flipped_subcommand_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    groups = log(*(command("XGROUP", "CREATE", "s", f"g{at}", "0", "MKSTREAM") for at in range(5)))
    path.write_bytes(groups + command("XGROUP", "CREAUE", "s", "h", "0", "MKSTREAM"))

    assert run(["check", str(path)]) == 1
    run(["fix", "--yes", "--salvage", str(path)])

    assert path.read_bytes() == groups + command("XGROUP", "CREATE", "s", "h", "0", "MKSTREAM")


@pytest.mark.parametrize("name", [b"S\x00T", b"", b"12", b"SET\r\nX", b"\xffSET", b"A" * 65])
def test_what_can_be_no_name_is_damage(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(PLAIN + command(name, "k", "v", "w", "x") + BEHIND)

    assert not is_plausible(name)
    assert run(["check", str(path)]) == 1


@pytest.mark.parametrize(
    "call",
    [
        ("log", "IN"),
        ("history", "--match", "*", "IN"),
        ("growth", "IN"),
        ("keys", "--by", "writes", "IN"),
        ("keys", "IN"),
        ("diff", "IN", "IN"),
        ("audit", "IN"),
        ("rewrite", "-o", "OUT", "IN"),
    ],
    ids=" ".join,
)
def test_every_verb_that_meets_it_ends_with_its_exit_code(
    call: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(PLAIN + command("FROBOZZ", "k") + BEHIND)
    words = {"IN": str(path), "OUT": str(tmp_path / "out")}

    assert run([words.get(word, word) for word in call]) == 6


@pytest.mark.parametrize("verb", ["log", "growth", "check"])
def test_a_command_of_a_module_is_judged(verb: str, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(PLAIN + command("JSON.SET", "k", ".", "1") + BEHIND)

    assert run([verb, str(path)]) == 0


def test_a_record_of_a_base_has_no_name_to_be_judged(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(sealed_base() + PLAIN)

    assert run(["history", "a", str(path)]) == 0


def sealed_base() -> bytes:
    body = b"REDIS0011\xfe\x00" + b"\x00\x01a\x011" + b"\xff"
    return body + crc64(body).to_bytes(8, "little")

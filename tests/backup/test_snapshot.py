"""Snapshots of logs in use and of bad copies: of one moment, whole, and told when they are changed."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.errors import FormatError
from aoftool.files.seal import SEAL_NAME, read_seal
from tests.builders import command
from tests.corpus import FIXTURES, case
from tests.servers import Server, require_build
from tests.servers.wire import Wire

SHOP = FIXTURES / "valkey-9" / "shop"
FIELDS = 97


class Load(threading.Thread):
    """Writes one step of a history behind the other, with a rewrite whenever none runs.

    Step i sets one field, the number of steps and their sum in one command; every other step counts in a
    second one. So what a server holds tells how many commands of the history it has.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.sent = self.acknowledged = self.rewrites = 0
        self.stop = threading.Event()
        self._wire = Wire(server.socket_path)
        self._server = Wire(server.socket_path)

    def run(self) -> None:
        while not self.stop.is_set():
            self.sent += 1
            self._wire.exchange(steps(self.sent))
            self.acknowledged = self.sent
            if self.sent % 500 == 0:
                # An error while one runs.
                self.rewrites += isinstance(self._server.exchange([("BGREWRITEAOF",)])[0], bytes)


def steps(number: int) -> list[tuple[str, ...]]:
    total = number * (number + 1) // 2
    field = f"f:{number % FIELDS}"
    first = ("HSET", "h", field, str(number), "n", str(number), "sum", str(total))
    return [first, ("INCR", "even")] if number % 2 == 0 else [first]


def steps_held(server: Server) -> int:
    """Return how many steps a server has, having proved that it has those and no other."""
    pairs = server.send("HGETALL", "h")
    held = {pairs[at].decode(): int(pairs[at + 1]) for at in range(0, len(pairs), 2)}
    number = held.pop("n")
    assert held.pop("sum") == number * (number + 1) // 2
    last = range(max(1, number - FIELDS + 1), number + 1)
    assert held == {f"f:{step % FIELDS}": step for step in last}
    even = int(server.send("GET", "even") or 0)
    assert even == number // 2 or (number % 2 == 0 and even == number // 2 - 1)
    return number


@pytest.fixture
def load(start_server: Callable[..., Server]) -> Iterator[tuple[Server, Load]]:
    server = start_server(require_build("valkey-9"), settings={"auto-aof-rewrite-percentage": "0"})
    made = Load(server)
    made.start()
    while made.acknowledged < 600:
        assert made.is_alive()
    yield server, made
    made.stop.set()
    made.join(20)


@pytest.mark.parametrize(
    "count", [10, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_every_snapshot_under_load_is_a_prefix_of_the_history(
    load: tuple[Server, Load],
    start_server: Callable[..., Server],
    count: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, writer = load
    generations = set()
    for number in range(count):
        out = tmp_path / f"snapshot-{number}"
        before = writer.acknowledged
        options = ["--link"] if number % 3 == 0 else []

        assert run(["snapshot", "--seal", "--json", *options, str(server.log_directory), "-o", str(out)]) == 0

        after = writer.sent
        told = json.loads(capsys.readouterr().out)
        assert told["intact"]
        assert told["passed_over"] == []
        generations.add(told["generation"])
        assert run(["check", str(out)]) == 0
        assert "as sealed on" in capsys.readouterr().out
        with Server(server.build, source=out) as copy:
            assert copy.outcome is not None
            assert copy.outcome.cut_bytes == {}
            assert before <= steps_held(copy) <= after
        shutil.rmtree(out)
    assert writer.is_alive()
    assert writer.rewrites > 1
    assert len(generations) > 1


# Where it ends


@pytest.mark.parametrize(
    ("tail", "left_out"),
    [
        (b"", 0),
        (b"*3\r\n$3\r\nSET\r\n$1\r\n", 17),
        (command("MULTI") + command("SET", "a", "1"), 42),
        (command("MULTI") + command("SET", "a", "1") + b"*1\r\n$4\r\nEX", 52),
        (b"#TS:17", 6),
    ],
)
def test_what_is_being_written_is_left_out(
    tmp_path: Path, tail: bytes, left_out: int, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = command("SET", "k", "v") * 3
    (tmp_path / "appendonly.aof").write_bytes(whole + tail)

    assert run(["snapshot", "--json", str(tmp_path), "-o", str(tmp_path / "out")]) == 0

    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["end_offset"], file["left_out_bytes"]) == (len(whole), left_out)
    assert (tmp_path / "out" / "appendonly.aof").read_bytes() == whole


def test_damage_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    raw = command("SET", "k", "v") + b"garbage\r\n" + command("SET", "k", "w")
    (tmp_path / "appendonly.aof").write_bytes(raw)
    out = tmp_path / "out"

    assert run(["snapshot", str(tmp_path), "-o", str(out)]) == 4
    assert sorted(os.listdir(tmp_path)) == ["appendonly.aof"]

    assert run(["snapshot", "--as-is", str(tmp_path), "-o", str(out)]) == 1
    assert (out / "appendonly.aof").read_bytes() == raw


def test_file_that_grows_is_never_linked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    shutil.copytree(SHOP, log)

    assert run(["snapshot", "--link", str(log), "-o", str(tmp_path / "out")]) == 0

    same = {
        path.name: path.stat().st_ino == (tmp_path / "out" / path.name).stat().st_ino
        for path in find_files(log)
    }
    assert same == {"appendonly.aof.2.base.rdb": True, "appendonly.aof.2.incr.aof": False}


def find_files(folder: Path) -> list[Path]:
    return [Path(file.path) for file in find_log(folder).files]


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("missing-base", "base 1 and incr 1 to 3"),
        ("base-rdb-bad-checksum", "base 1 and incr 1 to 3"),
        ("base-rdb-byte-flip", "base 1 and incr 1 to 3"),
        ("torn-incr-last", "base 2, incr 2 to 3"),
        ("missing-last-incr", None),
        ("torn-incr-not-last", None),
    ],
)
def test_newest_whole_generation_is_picked_out_of_a_bad_copy(
    name: str,
    generation: str | None,
    tmp_path: Path,
    start_server: Callable[..., Server],
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = case("damaged", name)
    out = tmp_path / "out"

    code = run(["snapshot", "--json", str(bad.log_directory), "-o", str(out)])

    told = json.loads(capsys.readouterr().out)
    if generation is None:
        assert (code, out.exists()) == (4, False)
        return
    assert (code, told["generation"]) == (0, generation)
    assert run(["check", str(out)]) == 0
    picked = start_server(require_build("redis-7.0"), source=out)
    healthy = case("recorded", bad.facts["derived_from"].partition("/")[2])
    right = start_server(require_build("redis-7.0"), source=healthy.source)
    if name != "torn-incr-last":
        assert picked.send("DEBUG", "DIGEST") == right.send("DEBUG", "DIGEST")


# The seal


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    out = tmp_path / "sealed"
    assert run(["snapshot", "--seal", str(SHOP), "-o", str(out)]) == 0
    return out


def findings(path: Path, capsys: pytest.CaptureFixture[str], level: str = "full") -> dict[str, Any]:
    capsys.readouterr()
    code = run(["check", "--json", "--level", level, str(path)])
    (log,) = json.loads(capsys.readouterr().out)["logs"]
    return {"code": code, **{row["code"]: row for row in log["findings"] if row["code"].startswith("seal")}}


def test_seal_holds_for_what_was_sealed(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(sealed, capsys).keys() == {"code", "sealed"}
    assert findings(sealed, capsys)["code"] == 0
    # A quick look reads no file whole.
    assert findings(sealed, capsys, "quick").keys() == {"code"}


def test_every_byte_is_under_the_seal(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seal = read_seal(str(sealed))
    assert seal is not None
    assert {os.fsdecode(file.name) for file in seal.files} == set(os.listdir(sealed)) - {SEAL_NAME}
    for file in seal.files:
        path = sealed / os.fsdecode(file.name)
        raw = path.read_bytes()
        # In the middle, where a payload may be that nothing else guards.
        path.write_bytes(raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :])
        found = findings(sealed, capsys)
        assert (found["code"], "seal-broken" in found) == (1, True)
        path.write_bytes(raw)
    assert findings(sealed, capsys)["code"] == 0


@pytest.mark.parametrize(
    "what", ["gone", "longer", "more files", "seal changed", "no seal at all", "seal torn"]
)
def test_change_breaks_the_seal(sealed: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    incr, seal = sealed / "appendonly.aof.2.incr.aof", sealed / SEAL_NAME
    if what == "gone":
        incr.unlink()
    elif what == "longer":
        incr.write_bytes(incr.read_bytes() + command("PING"))
    elif what == "more files":
        (sealed / "appendonly.aof.3.incr.aof").write_bytes(command("PING"))
        manifest = sealed / "appendonly.aof.manifest"
        manifest.write_text(manifest.read_text() + "file appendonly.aof.3.incr.aof seq 3 type i\n")
    elif what == "seal changed":
        seal.write_text(seal.read_text().replace('"end_offset": 82546', '"end_offset": 82547'))
        with pytest.raises(FormatError):
            read_seal(str(sealed))
    elif what == "no seal at all":
        seal.write_text('["a"]')
    else:
        seal.write_bytes(seal.read_bytes()[:-40])

    found = findings(sealed, capsys)

    assert (found["code"], "seal-broken" in found, "sealed" in found) == (1, True, False)


def test_place_is_needed_and_must_be_free(sealed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snapshot", str(SHOP)]) == 2
    assert run(["snapshot", str(SHOP), "-o", str(sealed)]) == 4
    assert run(["snapshot", "-", "-o", str(sealed / "x")]) == 3
    assert run(["snapshot", str(SHOP), "-o", "s3://bucket/x"]) == 3


def test_what_to_type_where_nothing_is_whole_can_be_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flipped = str(FIXTURES / "damaged" / "star-byte-flipped")

    assert run(["snapshot", flipped, "-o", str(tmp_path / "out")]) == 4

    said = capsys.readouterr().err
    assert "--as-is copies what there is" in said
    assert said.splitlines()[-1] == f"   next: aoftool check {flipped}"

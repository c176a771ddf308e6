"""A command that is half in one file and half in the next is one command, and nothing of it is lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import command, log, manifest_line, select, transaction
from tests.servers import Build, Server, server_params
from tests.verbs import READING_ONCE, ask

BEFORE = log(select(0), *([("SET", "first", n) for n in range(5)]))
AFTER = log(select(0), *([("INCR", f"n:{n}") for n in range(5)]))
# Its value holds what looks like a command, and its halves like the start of one.
SPLIT = command("SET", "split", b"*1\r\n$4\r\nPING\r\n\0\xff" + b"v" * 20 + b"\r\n*1\r\n$4\r\n")


def write_set(folder: Path, *files: bytes) -> Path:
    lines = ""
    for number, content in enumerate(files, 1):
        name = f"appendonly.aof.{number}.incr.aof"
        (folder / name).write_bytes(content)
        lines += manifest_line(name, number, "i")
    (folder / "appendonly.aof.1.base.aof").write_bytes(b"")
    lines = manifest_line("appendonly.aof.1.base.aof", 1, "b") + lines
    (folder / "appendonly.aof.manifest").write_text(lines)
    return folder


def contents(folder: Path) -> bytes:
    """Return all incr files that the manifest lists, laid end to end."""
    text = (folder / "appendonly.aof.manifest").read_text()
    names = [line.split()[1] for line in text.splitlines() if line.endswith("type i")]
    return b"".join((folder / name).read_bytes() for name in names)


def found_codes(folder: Path) -> list[str]:
    found = json.loads(ask(("check", "--json", "IN"), folder, folder / "none").out)
    return [f["code"] for f in found["logs"][0]["findings"] if f["severity"] == "damage"]


@pytest.mark.parametrize(
    "cut", [1, 2, 4, 5, 12, 13, 21, 30, 40, len(SPLIT) - 14, len(SPLIT) - 9, len(SPLIT) - 3]
)
def test_the_halves_are_joined_wherever_the_write_ended(tmp_path: Path, cut: int) -> None:
    write_set(tmp_path, BEFORE + SPLIT[:cut], SPLIT[cut:] + AFTER)
    assert found_codes(tmp_path) == ["split-command", "split-command"]

    answer = ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out")

    assert answer.code == 0, answer.out
    assert contents(tmp_path) == BEFORE + SPLIT + AFTER
    assert found_codes(tmp_path) == []
    receipt = next(tmp_path.glob("aoftool-fix-*"))
    assert ask(("undo", str(receipt)), tmp_path, tmp_path / "out").code == 0
    assert contents(tmp_path) == BEFORE + SPLIT + AFTER
    assert found_codes(tmp_path) == ["split-command", "split-command"]


@pytest.mark.parametrize("cut", [1, 9, 13, 14, 16, 25, 40, 41, 50, 67, 68, 70, 75, 78, 80, 81, 82])
def test_a_transaction_that_is_open_there_goes_with_it(tmp_path: Path, cut: int) -> None:
    whole = transaction(("SET", "a", 1), ("SET", "b", 2))
    write_set(tmp_path, BEFORE + whole[:cut], whole[cut:] + AFTER)

    answer = ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out")

    assert answer.code == 0, answer.out
    assert contents(tmp_path) == BEFORE + whole + AFTER
    assert found_codes(tmp_path) == []


@pytest.mark.parametrize("selects", [False, True], ids=["no SELECT", "a SELECT inside"])
@pytest.mark.parametrize("inside", [1, 2, 3], ids="{} of 3".format)
def test_a_transaction_whose_end_stands_in_the_next_file_is_put_together(
    tmp_path: Path, inside: int, selects: bool
) -> None:
    words = [("MULTI",), ("SET", "a", 1), ("SELECT", "2") if selects else ("SET", "b", 2), ("EXEC",)]
    before, after = log(select(1), ("SET", "first", 1)), log(("SET", "x", 1))
    write_set(tmp_path, before + log(*words[:inside]), log(*words[inside:]) + after)
    assert found_codes(tmp_path)[0] == "multi-across-files"

    answer = ask(("fix", "--salvage", "--yes", "IN"), tmp_path, tmp_path / "out")

    assert answer.code == 0, answer.out
    assert "nothing that a server would have run is lost" in answer.out
    # A loader begins each file in database 0; what was still to be written then had been meant for another.
    assert contents(tmp_path) == before + log(*words) + select(2 if selects else 1) + after
    assert found_codes(tmp_path) == []


def test_a_transaction_that_the_next_file_does_not_end_is_cut(tmp_path: Path) -> None:
    write_set(tmp_path, BEFORE + log(("MULTI",), ("SET", "a", 1)), AFTER)

    assert ask(("fix", "--salvage", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0
    assert contents(tmp_path) == BEFORE + AFTER


@pytest.mark.parametrize("cut", [5, 20, len(SPLIT) - 1])
def test_what_follows_a_joined_command_stays_in_its_database(tmp_path: Path, cut: int) -> None:
    before, after = (
        log(select(1), ("SET", "first", 1)),
        log(("SET", "x", 1)) + log(select(0), ("SET", "y", 1)),
    )
    write_set(tmp_path, before + SPLIT[:cut], SPLIT[cut:] + after)

    assert ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0
    assert contents(tmp_path) == before + SPLIT + select(1) + after


def test_a_split_select_says_the_database_of_what_follows(tmp_path: Path) -> None:
    split = command("SELECT", "3")
    write_set(tmp_path, BEFORE + split[:12], split[12:] + log(("SET", "x", 1)))

    assert ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0
    assert contents(tmp_path) == BEFORE + split + select(3) + log(("SET", "x", 1))


def test_a_split_exec_ends_its_transaction(tmp_path: Path) -> None:
    whole = transaction(("SET", "a", 1))
    write_set(tmp_path, BEFORE + whole[:-6], whole[-6:] + AFTER)

    assert ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0
    assert contents(tmp_path) == BEFORE + whole + AFTER
    assert found_codes(tmp_path) == []


def test_each_of_two_rotations_is_joined(tmp_path: Path) -> None:
    write_set(tmp_path, BEFORE + SPLIT[:20], SPLIT[20:] + AFTER + SPLIT[:30], SPLIT[30:] + AFTER)

    assert ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0
    assert contents(tmp_path) == BEFORE + SPLIT + AFTER + SPLIT + AFTER
    assert found_codes(tmp_path) == []


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(AFTER, id="a new start"),
        pytest.param(SPLIT[24:] + AFTER, id="bytes missing between"),
        pytest.param(SPLIT[20:-2] + b"xx" + AFTER, id="another end"),
        pytest.param(b"garbage" + AFTER, id="garbage"),
    ],
)
def test_halves_that_do_not_fit_are_not_joined(tmp_path: Path, second: bytes) -> None:
    write_set(tmp_path, BEFORE + SPLIT[:20], second)

    assert "split-command" not in found_codes(tmp_path)
    assert "torn-tail" in found_codes(tmp_path)


@pytest.mark.parametrize("call", READING_ONCE, ids=" ".join)
def test_every_verb_has_an_answer(tmp_path: Path, call: tuple[str, ...]) -> None:
    write_set(tmp_path, BEFORE + SPLIT[:20], SPLIT[20:] + AFTER)

    assert ask(call, tmp_path, tmp_path / "out").problem() is None


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_every_verb_tells_of_a_transaction_that_ends_in_the_next_file(tmp_path: Path, packed: bool) -> None:
    """No server loads such a log, so no verb that read both files ends with 0."""
    whole = transaction(("SET", "a", 1), ("SET", "same", 2))
    cut = len(whole) - len(log(("SET", "same", 2))) - len(log(("EXEC",)))
    write_set(tmp_path, BEFORE + whole[:cut], whole[cut:] + AFTER)
    if packed:
        first = tmp_path / "appendonly.aof.1.incr.aof"
        first.write_bytes(gzip.compress(first.read_bytes()))
    assert found_codes(tmp_path)[0] == "multi-across-files"
    calls = [call for call in READING_ONCE if "--tail" not in call and "--salvage" not in call]

    answers = [ask(call, tmp_path, tmp_path / "out") for call in (*calls, ("keys", "--by", "writes", "IN"))]

    assert [(answer.call, answer.problem()) for answer in answers if answer.problem()] == []
    assert [answer.call for answer in answers if answer.code not in (1, 3, 4)] == []
    # A copy is refused in words, and the overview has verdicts; what is packed is told by other ones.
    said = [answer for answer in answers if "multi-across-files" not in answer.out + answer.err]
    assert packed or {answer.call[0] for answer in said} == {"inspect", "snapshot"}


@pytest.mark.parametrize("server_build", server_params(since="9.0", kind="valkey")[:1])
def test_a_server_refuses_the_halves_and_loads_what_was_joined(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    write_set(tmp_path, BEFORE + SPLIT[:20], SPLIT[20:] + AFTER)
    halves = Server(server_build, source=tmp_path)
    with halves:
        assert not halves.start().loaded
    assert ask(("fix", "--yes", "IN"), tmp_path, tmp_path / "out").code == 0

    server = start_server(server_build, source=tmp_path)

    assert server.send("DBSIZE") == 7
    assert len(server.send("GET", "split")) == len(SPLIT) - len(command("SET", "split", b"")) - 1

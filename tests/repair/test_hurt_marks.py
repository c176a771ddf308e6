"""A damaged command that frames others: put right, or what hangs on it set aside; never moved elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Severity
from aoftool.repair.choice import Choice
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan
from tests.builders import (
    command,
    log,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    transaction,
    write_multi_part,
)
from tests.repair.judge import parse
from tests.verbs import ask

KEYS = 3
PREAMBLE = rdb(rdb_database(0, rdb_record(0, "old", rdb_string("1"))), magic=b"REDIS0010")
# What a byte becomes: nothing, or itself with one bit flipped.
ZERO, LOW_BIT, HIGH_BIT = range(3)
Placed = set[tuple[int, bytes]]


def sets(value: str) -> bytes:
    """Return writes to the same keys whatever the database: those of one are known by their value."""
    return log(*(command("SET", f"k{n}", value) for n in range(KEYS)))


def in_transaction(value: str) -> bytes:
    return transaction(*(command("SET", f"k{n}", value) for n in range(KEYS)))


ZEROTH = select(0) + sets("zero")
END = select(0) + command("SET", "k0", "end")


@dataclass(frozen=True)
class Case:
    """A log with one mark that is hurt.

    Attributes:
        before, mark, behind: bytes; the mark is the one that is hurt.
    """

    before: bytes
    mark: bytes
    behind: bytes


def selects(db: int) -> dict[str, Case]:
    mark = select(db)
    return {
        "beginning": Case(b"", mark, sets("own") + END),
        "only-one": Case(b"", mark, sets("own")),
        "middle": Case(ZEROTH, mark, sets("own") + END),
        "last-one": Case(ZEROTH, mark, sets("own")),
        "before-multi": Case(ZEROTH, mark, in_transaction("own") + END),
        "in-transaction": Case(
            ZEROTH + command("MULTI") + command("SET", "q", "zero"), mark, sets("own") + command("EXEC") + END
        ),
    }


def hurt(mark: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield a mark with each of its bytes overwritten in each way."""
    for at, byte in enumerate(mark):
        for way, instead in ((ZERO, 0), (LOW_BIT, byte ^ 1), (HIGH_BIT, byte ^ 16)):
            yield at, way, mark[:at] + bytes([instead]) + mark[at + 1 :]


def is_another_select(found: bytes) -> bool:
    """Tell whether a flipped bit made a healthy SELECT of another database, which nobody can know."""
    return any(found == select(db) for db in range(100))


def placed(data: bytes) -> Placed:
    """Return the databases in which values are written, as a server would run a stream."""
    db, found = 0, set()
    for entry in parse(data).commands:
        name, *rest = entry.argv
        if name.upper() == b"SELECT":
            db = int(rest[0]) if rest[0].isdigit() else db
        elif name == b"SET":
            found.add((db, rest[1]))
    return found


def repaired(data: bytes, plan: Plan, path: str) -> bytes:
    """Return a file as a plan leaves it."""
    edits = [edit for file in plan.files if file.path == path for edit in file.edits]
    result, at = b"", 0
    for edit in edits:
        result += data[at : edit.start] + edit.data
        at = edit.end
    return result + data[at:]


def lay_out(layout: str, folder: Path, data: bytes) -> tuple[str, str, int]:
    """Write a log with a stream in it; return what to fix, the file, and where the stream begins in it."""
    if layout == "incr":
        manifest = write_multi_part(folder, base=PREAMBLE, incrs=[ZEROTH, data], base_is_rdb=True)
        return os.fspath(folder), os.fspath(manifest.parent / "appendonly.aof.2.incr.aof"), 0
    path = folder / "appendonly.aof"
    folder.mkdir(parents=True, exist_ok=True)
    head = PREAMBLE if layout == "preamble" else b""
    path.write_bytes(head + data)
    return os.fspath(path), os.fspath(path), len(head)


@pytest.mark.parametrize(("layout", "db"), [("single", 3), ("single", 12), ("incr", 3), ("preamble", 3)])
def test_no_command_moves_to_another_database(layout: str, db: int, tmp_path: Path) -> None:
    outcomes = set()
    for name, case in selects(db).items():
        for at, way, mark in hurt(case.mark):
            if mark.upper() == case.mark or is_another_select(mark):
                continue
            data = case.before + mark + case.behind
            root, path, begins = lay_out(layout, tmp_path / "log", data)
            plan = make_plan(find_log(root), Choice(salvage=True))
            where = f"{name}, byte {at}, way {way}"
            whole = placed(case.before + case.mark + case.behind)
            found = placed(repaired((PREAMBLE if begins else b"") + data, plan, path)[begins:])

            assert found <= whole, where
            assert not plan.left, where
            # Whatever is not there any more was said to be lost.
            assert found == whole or plan.loss[1], where
            outcomes.add(found == whole)
            if found == whole:
                assert plan.lossless, where
    assert outcomes == {True, False}


@pytest.mark.parametrize("choice", [Choice(salvage=True), Choice()], ids=["salvage", "plain"])
def test_what_check_says_of_it_is_what_fix_does(choice: Choice, tmp_path: Path) -> None:
    case = selects(3)["middle"]
    for at, way, mark in hurt(case.mark):
        if mark.upper() == case.mark or is_another_select(mark):
            continue
        data = case.before + mark + case.behind
        root, path, _ = lay_out("single", tmp_path, data)
        log_found = find_log(root)
        found = [finding for finding in check(log_found).findings if finding.remedies]
        plan = make_plan(log_found, choice)
        where = f"byte {at}, way {way}"

        assert len(found) == 1, where
        remedy = found[0].remedies[0]
        if remedy.option == "--salvage" and not choice.salvage:
            assert plan.empty, where
            # What servers read as it stands is no damage, and offered by no line.
            assert (plan.left_options == ("--salvage",)) == (found[0].severity is Severity.DAMAGE), where
            continue
        loses_nothing = (remedy.loses_bytes, remedy.loses_commands) == (0, 0)
        assert loses_nothing == plan.lossless, where
        assert loses_nothing == (repaired(data, plan, path) == case.before + case.mark + case.behind), where


def marks() -> dict[str, tuple[bytes, Case]]:
    inside = log(*(command("SET", f"m{n}", "in") for n in range(3)))
    return {
        "MULTI": (b"MULTI", Case(ZEROTH, command("MULTI"), inside + command("EXEC") + in_transaction("b"))),
        "EXEC": (
            b"EXEC",
            Case(ZEROTH + command("MULTI") + inside, command("EXEC"), sets("a") + in_transaction("b")),
        ),
        "last-EXEC": (b"EXEC", Case(ZEROTH + command("MULTI") + inside, command("EXEC"), sets("a"))),
    }


@pytest.mark.parametrize("name", marks())
def test_a_hurt_name_in_a_transaction_is_put_back_and_nothing_is_left(name: str, tmp_path: Path) -> None:
    word, case = marks()[name]
    whole = case.before + case.mark + case.behind
    first = case.mark.index(word)
    for at, way, mark in hurt(case.mark):
        if not first <= at < first + len(word) or mark.upper() == case.mark:
            continue
        root, path, _ = lay_out("single", tmp_path, case.before + mark + case.behind)
        found = find_log(root)
        plain, salvaged = make_plan(found, Choice()), make_plan(found, Choice(salvage=True))
        remedies = [remedy for finding in check(found).findings for remedy in finding.remedies]
        where = f"byte {at}, way {way}"

        assert repaired(case.before + mark + case.behind, salvaged, path) == whole, where
        assert (salvaged.left, salvaged.loss[1]) == ([], 0), where
        # Plain, nothing is taken out that a salvage keeps.
        assert plain.empty, where
        assert plain.left_options == ("--salvage",), where
        assert {(remedy.option, remedy.loses_bytes) for remedy in remedies} == {("--salvage", 0)}, where


NAMED = {
    "FLUSHDB": command("FLUSHDB"),
    "FLUSHALL": command("FLUSHALL"),
    "SWAPDB": command("SWAPDB", 0, 3),
    "MOVE": command("MOVE", "k0", 3),
    "RENAME": command("RENAME", "k0", "k9"),
    "LOAD": command("FUNCTION", "LOAD", "#!lua name=l\n"),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("lower", [False, True], ids=["upper", "lower"])
def test_the_only_command_that_a_hurt_name_can_be_is_put_back(name: str, lower: bool, tmp_path: Path) -> None:
    written = name.lower() if lower else name
    mark = NAMED[name].replace(name.encode(), written.encode())
    whole = ZEROTH + mark + select(3) + sets("behind")
    first = whole.index(written.encode(), len(ZEROTH))
    for at in range(first, first + len(name)):
        data = whole[:at] + b"\0" + whole[at + 1 :]
        root, path, _ = lay_out("single", tmp_path, data)
        found = find_log(root)
        plan = make_plan(found, Choice(salvage=True))
        remedies = [remedy for finding in check(found).findings for remedy in finding.remedies]

        assert repaired(data, plan, path) == whole, at
        assert plan.lossless, at
        assert [(one.action, one.loses_bytes) for one in remedies] == [("put it right", 0)], at
        assert make_plan(found, Choice()).empty


@pytest.mark.parametrize(
    "hurt_command",
    [
        pytest.param(command(b"\0PUSH", "l", "a"), id="LPUSH or RPUSH"),
        pytest.param(command(b"FL\0SH\0B"), id="two bytes"),
        pytest.param(command(b"SW\0PD", "0", "1"), id="another length"),
    ],
)
def test_what_may_be_several_commands_or_none_is_set_aside(hurt_command: bytes, tmp_path: Path) -> None:
    data = ZEROTH + hurt_command + select(3) + sets("behind")
    root, path, _ = lay_out("single", tmp_path, data)
    plan = make_plan(find_log(root), Choice(salvage=True))

    assert repaired(data, plan, path) == data.replace(hurt_command, b"")
    assert plan.loss == (len(hurt_command), 1)


def test_plain_fix_names_the_line_that_loses_nothing(tmp_path: Path) -> None:
    _, case = marks()["last-EXEC"]
    path = tmp_path / "appendonly.aof"
    path.write_bytes(case.before + case.mark.replace(b"EXEC", b"EX\0C") + case.behind)

    plain = ask(("fix", "--yes", "IN"), path, tmp_path / "out")
    checked = ask(("check", "IN"), path, tmp_path / "out")
    salvaged = ask(("fix", "--yes", "--salvage", "IN"), path, tmp_path / "out")

    assert plain.code == 1
    assert "left: without --salvage 8 commands would go; it loses none of them [open-multi]" in plain.out
    assert f"next: aoftool fix --dry-run --salvage {path}\n" in plain.out
    assert "as a server would" not in checked.out
    assert salvaged.code == 0
    assert "left:" not in salvaged.out + salvaged.err
    assert path.read_bytes() == case.before + case.mark + case.behind


def test_a_gap_elsewhere_knows_the_databases_of_selects_that_are_put_right(tmp_path: Path) -> None:
    hurt_select = select(3).replace(b"SELECT", b"SELDCT")
    data = ZEROTH + hurt_select + sets("own") + select(0) + sets("a") + bytes(64) + sets("doubted") + END
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)

    plan = make_plan(find_log(os.fspath(path)), Choice(salvage=True))

    assert (3, b"own") in placed(repaired(data, plan, os.fspath(path)))
    assert "after-gap" in {edit.code for _, edit in plan.edits()}

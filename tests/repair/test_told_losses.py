"""`loses nothing` is said only of what loses nothing: by a check, by the plan of a fix, or by both."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Level, Remedy
from aoftool.repair.choice import Choice
from aoftool.repair.planner import make_plan
from tests.builders import (
    command,
    log,
    manifest_line,
    put_generation,
    rdb,
    rdb_database,
    rdb_record,
    rdb_string,
    select,
    transaction,
)
from tests.test_mutations import mutated
from tests.verbs import ask

SALVAGE = Choice(salvage=True)
PREFIX = "appendonly.aof"
SETS = log(*(command("SET", f"key:{n}", f"value {n}") for n in range(20)))
HEALTHY = select(0) + SETS
LOST = "nothing that a server would have run is lost"
MIXED = (
    HEALTHY
    + transaction(("SET", "a", 1), ("INCR", "c"))
    + select(3)
    + log(*(("HSET", f"h{n}", "f", "x" * n) for n in range(20)))
)


def one_remedy(path: Path, level: Level = Level.FULL) -> Remedy:
    """Return the first remedy of the one finding that has any."""
    [found] = [one for one in check(find_log(os.fspath(path)), level).findings if one.remedies]
    return found.remedies[0]


def loses(remedy: Remedy) -> bool:
    return (remedy.loses_bytes, remedy.loses_commands) != (0, 0)


def tells_loss(path: Path, choice: Choice) -> bool:
    """Tell whether a check names a loss for something that a repair of this choice does."""
    options = {"", "--salvage"} if choice.salvage else {""}
    remedies = [one.remedies[0] for one in check(find_log(os.fspath(path))).findings if one.remedies]
    return any(loses(one) for one in remedies if one.option in options and not one.by_hand)


VALUE = command("SET", "key:a", "0123456789abcdef")
OTHERS = log(*(command("SET", f"other:{n}", n) for n in range(10, 60)))
ONE = len(command("SET", "other:10", 10))
STREAMS = {
    "commands inside a command": VALUE[:-10] + OTHERS[: 12 * ONE] + VALUE[-10:],
    "a broken command in front of what comes again": VALUE[:-10] + b"?" + SETS,
    "bytes of a value are missing": command("SET", "key:9", "value 9").replace(b"ue 9", b"9"),
    "neither byte of a line end": VALUE.replace(b"key:a\r\n", b"key:aXX"),
    "a header line with other bytes": VALUE.replace(b"$16\r\n", b"$16 0123abcd\r\n"),
    "text that may end a value": b"of a value\r\nmore of it\r\n",
    "binary bytes for an annotation": b"#" + bytes(range(128, 256)) * 9 + b"\r\n",
}


@pytest.mark.parametrize("name", STREAMS)
def test_what_may_take_data_is_told_by_check_and_by_fix(name: str, tmp_path: Path) -> None:
    path = tmp_path / PREFIX
    path.write_bytes(HEALTHY + STREAMS[name] + OTHERS)

    plan = make_plan(find_log(os.fspath(path)), SALVAGE)

    assert not plan.empty
    assert not plan.lossless
    assert tells_loss(path, SALVAGE)


KEPT = {
    "half a line end": (VALUE.replace(b"key:a\r\n", b"key:a\rX"), Choice()),
    "a padded number": (VALUE.replace(b"$16\r\n", b"$016\r\n"), SALVAGE),
    "a digit that is none": (command("SET", "key:9", "value 9").replace(b"$7\r\n", b"$w\r\n"), SALVAGE),
    "a line of another program": (b"out of memory\n", SALVAGE),
    "an annotation that is too long": (b"#" + b"a note" * 300 + b"\r\n", SALVAGE),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_keeps_everything_is_lossless(name: str, tmp_path: Path) -> None:
    hurt, choice = KEPT[name]
    path = tmp_path / PREFIX
    path.write_bytes(HEALTHY + hurt + OTHERS)

    plan = make_plan(find_log(os.fspath(path)), choice)

    assert not plan.empty
    assert plan.lossless
    # Of bytes that are no part of any command check names the size, and no command.
    assert one_remedy(path).loses_commands == 0


def test_no_plan_loses_what_a_check_is_silent_about(tmp_path: Path) -> None:
    path = tmp_path / PREFIX
    lossy = 0
    for number in range(50):
        path.write_bytes(mutated(random.Random(number), MIXED))
        for choice in (Choice(), SALVAGE):
            plan = make_plan(find_log(os.fspath(path)), choice)
            if not plan.empty and not plan.lossless:
                lossy += 1
                assert tells_loss(path, choice), number
    assert lossy > 30


@pytest.mark.parametrize(("held", "words"), [(SETS, "loses 760 B"), (b"", "loses nothing")])
def test_a_later_file_that_no_line_names_is_lost_with_what_it_holds(
    held: bytes, words: str, tmp_path: Path
) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    put_generation(folder, 1)
    (folder / f"{PREFIX}.2.incr.aof").write_bytes(held)

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    done = ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out", own=True)

    assert f"set the file aside (fix --salvage; {words}" in checked.out
    assert (LOST in " ".join(done.out.split())) is (not held)


def test_an_unreadable_manifest_beside_a_file_that_it_may_have_listed(tmp_path: Path) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    put_generation(folder, 1)
    (folder / f"{PREFIX}.4.incr.aof").write_bytes(SETS)
    lines = (folder / f"{PREFIX}.manifest").read_text()
    (folder / f"{PREFIX}.manifest").write_text(lines + "file appendon")

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    done = ask(("fix", "--yes", "IN"), folder, tmp_path / "out", own=True)

    assert "loses nothing" not in checked.out
    assert LOST not in " ".join(done.out.split())
    assert "appendonly.aof.4.incr.aof lies there" in " ".join(done.out.split())


@pytest.mark.parametrize("text", ["", "a text of somebody\n"], ids=["empty", "other"])
def test_a_manifest_that_says_nothing_beside_two_generations(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    for number in (1, 2):
        (tmp_path / "made").mkdir(exist_ok=True)
        put_generation(tmp_path / "made", number)
        for path in (tmp_path / "made").glob(f"*.{number}.*"):
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / f"{PREFIX}.manifest").write_text(text)

    checked = ask(("check", "IN"), folder, tmp_path / "out")
    done = ask(("fix", "--yes", "--salvage", "IN"), folder, tmp_path / "out", own=True)

    assert "loses nothing" not in checked.out
    assert "rebuild" in checked.out or "put a manifest in its place" in checked.out
    assert LOST not in " ".join(done.out.split())


def test_the_older_base_of_an_unreadable_manifest_is_no_loss(tmp_path: Path) -> None:
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    put_generation(folder, 1)
    older = (folder / f"{PREFIX}.1.base.rdb").read_bytes()
    put_generation(folder, 2)
    (folder / f"{PREFIX}.1.base.rdb").write_bytes(older)
    lines = (folder / f"{PREFIX}.manifest").read_text()
    (folder / f"{PREFIX}.manifest").write_text(lines + "file appendon")

    assert "rebuild the manifest (fix; loses nothing)" in ask(("check", "IN"), folder, tmp_path / "out").out


def test_a_base_that_ends_behind_a_key_may_have_held_more(tmp_path: Path) -> None:
    records = [rdb_record(0, f"k{n}", rdb_string("value")) for n in range(8)]
    whole = rdb(rdb_database(0, *records, keys=8), aux={"aof-base": "1"})
    folder = tmp_path / "appendonlydir"
    folder.mkdir()
    (folder / f"{PREFIX}.1.incr.aof").write_bytes(HEALTHY)
    names = (f"{PREFIX}.1.base.rdb", f"{PREFIX}.1.incr.aof")
    (folder / f"{PREFIX}.manifest").write_text(
        manifest_line(names[0], 1, "b") + manifest_line(names[1], 1, "i")
    )
    for kept in range(2, 8):
        (folder / names[0]).write_bytes(whole[: whole.index(records[kept])])

        plan = make_plan(find_log(os.fspath(folder)), SALVAGE)

        assert not plan.empty
        assert not plan.lossless, kept


def test_a_quick_look_counts_the_commands_of_a_cut(tmp_path: Path) -> None:
    path = tmp_path / PREFIX
    path.write_bytes(HEALTHY + command("MULTI") + SETS)

    assert one_remedy(path, Level.QUICK).loses_commands == 21

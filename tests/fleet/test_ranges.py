"""A log that is counted in ranges by many tasks has the row of one that is read in one piece."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aoftool.api.checking import check
from aoftool.api.inspecting import InspectionRequest, inspected
from aoftool.api.opening import open_log
from aoftool.fleet import summary
from aoftool.fleet.ranges import LargeLog, Task, begin, count
from aoftool.fleet.summary import summarized
from tests.builders import command, log
from tests.corpus import FIXTURES

KINDS = sorted(
    path for path in (*FIXTURES.glob("damaged/*"), *FIXTURES.glob("recorded/*/*")) if path.is_dir()
)


def sent(value: Any) -> Any:
    """Return what arrives at another process."""
    return pickle.loads(pickle.dumps(value))


def row_by_ranges(
    path: Path, range_bytes: int, draw: random.Random, meanwhile: Callable[[], None] | None = None
) -> tuple[dict[str, Any], int]:
    """Return the row of a log whose tasks are done in any order, and how many ranges there were."""
    begun = begin(str(path), range_bytes)
    if isinstance(begun, dict):
        return begun, 0
    large = LargeLog(str(path), sent(begun))
    waiting, ranges = large.first_tasks(), 0
    while waiting:
        task = waiting.pop(draw.randrange(len(waiting)))
        given = sent(task.call(*sent(task.args)))
        if task.log is None:
            return given, ranges
        ranges += 1
        waiting += large.take(task, given)
        if meanwhile is not None:
            meanwhile()
    raise AssertionError("no task gave the row")


def assert_same_row(path: Path, range_bytes: int, seed: int) -> int:
    found, ranges = row_by_ranges(path, range_bytes, random.Random(seed))
    assert found == summarized(str(path)).to_dict()
    return ranges


@pytest.fixture(autouse=True)
def only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every log as one that is too large to be looked into, as those are that are cut."""
    monkeypatch.setattr(summary, "_CONTENTS_BYTES", 0)


def test_recorded_and_damaged_logs_have_the_same_row(request: pytest.FixtureRequest) -> None:
    every = 1 if request.config.getoption("--soak") else 8
    ranges = [assert_same_row(path, 400 + 97 * at, at) for at, path in enumerate(KINDS) if at % every == 0]

    assert sum(one > 2 for one in ranges) > len(ranges) / 3


@pytest.mark.parametrize("path", KINDS[::9], ids=lambda path: path.name)
def test_a_log_that_is_only_counted_has_the_row_that_check_and_inspect_have(path: Path) -> None:
    row = summarized(str(path))
    seen = inspected(open_log(path), InspectionRequest(contents=False), workers=1).overview

    assert (row.size_bytes, row.commands) == (seen.size_bytes, sum(file.commands for file in seen.files))
    assert row.keys == sum(part.keys for part in seen.rdb_parts)
    assert sum(count for count, _ in row.by_command.values()) == row.commands
    assert row.verdict == check(open_log(path)).verdict.value
    assert row.dead_share is None


INNER = log(*(command("SET", f"inner{n}", "1") for n in range(200)))
DELS = command("DEL", "a") * 90
MANY = {
    "commands in values": log(command("SELECT", "3"), command("SET", "o", INNER), command("INCR", "n")) * 9,
    "transactions over cuts": (
        log(command("MULTI"), *(command("INCR", f"n{n}") for n in range(60)), command("EXEC")) * 5
        + command("MULTI")
        + command("INCR", "n") * 90
    ),
    "a value larger than ranges": command("SET", "a", b"x" * 60_000) + command("DEL", "a") * 40,
    "a length beyond the end": DELS + b"*2\r\n$3\r\nDEL\r\n$90000\r\na\r\n" + DELS,
    "damage in the middle": DELS + b"\0" * 99 + DELS,
    "a torn end": DELS[:-3],
    "annotations out of order": b"".join(b"#TS:%d\r\n" % (1000 - n) + command("DEL", "a") for n in range(90)),
    "databases": b"".join(command("SELECT", str(n % 5)) + command("SET", "k", "v") * 9 for n in range(40)),
    "nothing but one command": command("SET", "a", "b"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("range_bytes", [150, 1000, 20_000])
def test_what_lies_over_cuts_is_counted_once(kind: str, range_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(MANY[kind])

    assert_same_row(path, range_bytes, seed=range_bytes)


def test_a_log_of_more_names_than_a_table_holds_is_counted_in_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(*(command(f"N{n * 7919 % 4200}") for n in range(4200))))

    assert_same_row(path, 1000, seed=1)


def test_commands_behind_an_rdb_part_are_counted_in_ranges(tmp_path: Path) -> None:
    base = min((FIXTURES / "recorded").glob("valkey-9.1.2/*/*/*.base.rdb"))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(base.read_bytes() + command("SET", "a", "b") * 200)

    assert assert_same_row(path, 500, seed=1) > 5


def test_a_log_that_is_written_to_meanwhile_is_read_as_it_is_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(command("SET", "a", "b") * 200)

    def append() -> None:
        with path.open("ab") as file:
            file.write(command("DEL", "a"))

    found, _ = row_by_ranges(path, 500, random.Random(1), append)

    assert found == summarized(str(path)).to_dict()
    assert found["by_command"]["SET"][0] == 200
    assert found["by_command"]["DEL"][0] > 0


def test_a_file_that_is_gone_meanwhile_is_told_as_by_one_reading(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(command("SET", "a", "b") * 200)

    found, _ = row_by_ranges(path, 500, random.Random(1), lambda: path.unlink(missing_ok=True))

    assert found == summarized(str(path)).to_dict()
    assert found["state"] == "unread"


def test_a_start_that_is_none_costs_its_range_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(log(command("SET", "outer", INNER), command("INCR", "n")) + command("DEL", "a") * 200)
    begun = begin(str(path), 1000)
    assert isinstance(begun, list)
    large = LargeLog(str(path), begun)

    first, *others = large.first_tasks()
    [again] = large.take(first, count(*first.args))
    assert again.start == path.read_bytes().index(command("INCR", "n"))
    assert all(again.start != task.start for task in others)
    more: list[Task] = [task for one in (*others, again) for task in large.take(one, count(*one.args))]
    assert [task.log for task in more] == [None]
    assert more[0].call(*more[0].args) == summarized(str(path)).to_dict()

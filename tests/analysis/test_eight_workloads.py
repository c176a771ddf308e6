"""Dead bytes by cause on eight kinds of traffic, held against a look at all later commands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.habits.questions import habit_table
from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from tests.analysis.eight_workloads import WORKLOADS, Command, workload
from tests.builders import command, log

COUNT = 700


def effects(item: Command) -> Iterator[object]:
    """Yield what a command leaves: (key, element), whole values as element None."""
    name, key = item[0], item[1]
    if name in ("SET", "INCR"):
        yield key, None
    elif name == "PEXPIREAT":
        yield key, "expire"
    elif name == "HSET":
        yield from ((key, field) for field in item[2::2])
    elif name == "ZADD":
        yield from ((key, member) for member in item[3::2])


def undone_by(effect: tuple[object, object], item: Command) -> str | None:
    """Return why an effect is gone behind a later command, None when it is still there."""
    key, element = effect
    name = item[0]
    if name == "DEL" and key in item[1:]:
        return "deleted"
    if item[1] != key:
        return None
    if name in ("HDEL", "ZREM") and element in item[2:]:
        return "deleted"
    if name == "SET" or effect in effects(item):
        return "overwritten"
    return None


def fate_of_items(items: list[Command]) -> dict[int, str]:
    """Return which pushes were popped, by playing the queue with plain lists."""
    queue: list[int] = []
    popped: dict[int, str] = {}
    for number, item in enumerate(items):
        if item[0] == "RPUSH":
            queue.append(number)
        elif item[0] == "LPOP" and queue:
            popped[queue.pop(0)] = "popped"
    return popped


def obvious(items: list[Command]) -> Counter[str]:
    """Return bytes by fate; shares of a command are exact fractions, so the sums are not rounded."""
    found: Counter[str] = Counter()
    popped = fate_of_items(items)
    for number, item in enumerate(items):
        size = len(command(*item))
        if item[0] == "RPUSH":
            found[popped.get(number, "live")] += size
            continue
        left = list(effects(item))
        if not left:
            found["popped" if item[0] == "LPOP" else "deleted"] += size
        for effect in left:
            causes = (undone_by(effect, later) for later in items[number + 1 :])  # type: ignore[arg-type]
            found[next(filter(None, causes), "live")] += size / len(left)  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("name", WORKLOADS)
def test_dead_bytes_by_cause_are_those_of_the_obvious_recomputation(name: str, tmp_path: Path) -> None:
    items = workload(name, COUNT)
    path = tmp_path / "a.aof"
    path.write_bytes(log(*items))

    table, _ = habit_table(find_log(str(path)), "churn", CensusOptions(), top=20)

    exact = obvious(items)
    found = {bytes(row[0]).decode(): row[1] for row in table.rows}  # type: ignore[arg-type]
    assert sum(found.values()) == sum(len(command(*item)) for item in items)  # type: ignore[arg-type]
    assert {cause for cause, size in found.items() if size} == {
        cause for cause, size in exact.items() if size
    }
    for cause, size in exact.items():
        assert found[cause] == pytest.approx(size, rel=0.02, abs=3 * len(items) ** 0.5)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_savings_line_agrees_with_the_dry_run_of_a_rewrite(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*workload(name, COUNT)))

    run(["inspect", "--savings", "--json", str(path)])
    savings = json.loads(capsys.readouterr().out)["contents"]["savings"]
    run(["rewrite", "-n", "--json", str(path)])
    rewrite = json.loads(capsys.readouterr().out)
    run(["rewrite", "--quick", "--json", str(path)])
    quick = json.loads(capsys.readouterr().out)

    commands = rewrite["commands"]
    assert (savings["live_bytes"], savings["dead_bytes"]) == (commands["live_bytes"], commands["dead_bytes"])
    by_cause = {cause: size for cause, size in rewrite["dead_by_cause"].items() if size}
    assert {row["cause"]: row["size_bytes"] for row in savings["causes"]} == by_cause
    assert savings["estimate_bytes"] == quick["estimate_bytes"]

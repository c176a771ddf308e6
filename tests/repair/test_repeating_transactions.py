"""Logs whose transactions are alike: what is lost behind damage is what the damage took, and no more."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.repair.choice import Choice
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan
from tests.builders import command, log, select, transaction

KINDS = {
    "same": lambda n: transaction(("INCR", "a"), ("RPUSH", "l", "x"), ("EXPIREAT", "a", "4102444800")),
    "seven": lambda n: transaction(("INCR", f"a:{n % 7}"), ("LPUSH", "q", "job")),
    "mixed": lambda n: (
        transaction(("HINCRBY", "h", "f", "1"), ("SADD", "s", f"m{n % 3}")) + command("SET", "k", "v")
    ),
}
# A transaction on each side of the gap can be cut, and one command in each.
MOST_COMMANDS = 6


def salvage(path: Path, content: bytes) -> Plan:
    path.write_bytes(content)
    return make_plan(find_log(os.fspath(path)), Choice(salvage=True))


@pytest.mark.parametrize("kind", KINDS)
def test_missing_bytes_are_no_doubled_block(kind: str, tmp_path: Path) -> None:
    whole = select(0) + b"".join(KINDS[kind](n) for n in range(300))
    chance = random.Random(kind)
    for _ in range(6):
        at = chance.randrange(100, len(whole) - 2000)

        plan = salvage(tmp_path / "appendonly.aof", whole[:at] + whole[at + 1500 :])

        assert plan.loss[1] <= MOST_COMMANDS, at


def test_a_second_multi_takes_none_of_the_commands_behind_it(tmp_path: Path) -> None:
    inner = [("SET", f"inner:{n}", "v") for n in range(40)]
    behind = log(*(("SET", f"behind:{n}", "v") for n in range(40)))
    content = select(0) + log(("MULTI",), ("SET", "first", "v"), ("MULTI",), *inner, ("EXEC",)) + behind

    plan = salvage(tmp_path / "appendonly.aof", content)

    assert plan.loss[1] <= 2


def test_of_two_multis_side_by_side_one_is_taken_out_and_nothing_else(tmp_path: Path) -> None:
    def orders(first: int, count: int) -> bytes:
        return b"".join(
            log(("MULTI",), ("SET", f"order:{n}", "v"), ("SELECT", 1), ("SET", f"audit:{n}", "ok"))
            + log(("SELECT", 0), ("EXEC",))
            for n in range(first, first + count)
        )

    before, behind = select(0) + orders(0, 20), orders(20, 20)

    plan = salvage(tmp_path / "appendonly.aof", before + command("MULTI") + behind)

    assert plan.statistics.commands_set_aside == 1
    assert plan.lossless
    assert plan.statistics.commands_doubtful == 0

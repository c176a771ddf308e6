"""What is said beside an answer is about the databases that were asked for, in every verb that takes --db."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import log, select
from tests.verbs import ask

BEYOND = "databases up to 20 are used"
HIGH = log(select(3), ("SET", "k", 1), ("INCR", "k"), select(20), ("SET", "k", 2), ("INCR", "k"))
# Of a command of a newer release only the keys are known, and not what it does to them.
UNKNOWN = log(select(3), ("SET", "k", 1), select(0), ("SET", "x", 1), ("ARDELRANGE", "x", 0, 1))

CALLS = (
    ("keys", "{db}", "IN"),
    ("keys", "--values", "{db}", "IN"),
    ("diff", "{db}", "IN", "IN"),
    ("diff", "{db}", "--at", "60", "IN"),
    ("history", "{db}", "k", "IN"),
)


def call_of(call: tuple[str, ...], *databases: int) -> tuple[str, ...]:
    chosen = [word for db in databases for word in ("--db", str(db))]
    return tuple(word for part in call for word in (chosen if part == "{db}" else [part]))


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize(("asked", "is_told"), [((3,), False), ((20,), True), ((), True)])
def test_a_setting_is_told_where_it_is_needed(
    call: tuple[str, ...], asked: tuple[int, ...], is_told: bool, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(HIGH)

    answer = ask(call_of(call, *asked), path, tmp_path / "out")

    assert answer.problem() is None
    assert (BEYOND in answer.out + answer.err) is is_told, answer


@pytest.mark.parametrize("call", [("keys", "{db}", "IN"), ("diff", "{db}", "IN", "IN")], ids=" ".join)
def test_keys_that_are_not_known_are_those_that_were_asked_for(call: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(UNKNOWN)
    everything = ask(call_of(call), path, tmp_path / "out")
    other = ask(call_of(call, 3), path, tmp_path / "out")

    assert "1 key is not known behind" in everything.out + everything.err
    assert "not known" not in other.out + other.err
    assert other.code == 0

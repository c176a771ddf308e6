"""What a repair calls lossless is held against the log as it was before the damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.errors import InputError
from aoftool.files import open_source
from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import Choice
from aoftool.resp.commands import commands
from tests.builders import command, log, select, transaction
from tests.repair.workbench import SALVAGE, plan_for

KEYS = [f"k{n}" for n in range(10)]
FRAMES = {b"SELECT", b"MULTI", b"EXEC"}
# What was in front of an EXEC went in good framing; what was lost from behind one count to behind the next
# leaves a command with a wrong count. Nobody can see either.
UNSEEN = (["exec-without-multi"], ["broken-count"])


def any_command(chance: random.Random) -> bytes:
    key = chance.choice(KEYS)
    text = "".join(chance.choices("abcdefgh:0123456789", k=chance.randint(1, 30)))
    makers: list[Callable[[], bytes]] = [
        lambda: command("SET", key, text),
        lambda: command("SET", key, "x" * chance.randint(50, 400)),
        lambda: command("SET", key, text, "PXAT", "1800000000000"),
        lambda: command("RPUSH", f"l{key}", *text.split(":")),
        lambda: command("HSET", f"h{key}", text[:3], text),
        lambda: command("DEL", key),
        lambda: command("INCR", f"n{key}"),
        lambda: transaction(*(command("SET", key, n) for n in range(chance.randint(1, 3)))),
        lambda: select(chance.choice([0, 0, 1, 2])),
        lambda: command("FLUSHDB"),
        lambda: command("SWAPDB", "0", "1"),
        lambda: command("MOVE", key, "1"),
    ]
    return chance.choice(makers)()


def hurt(whole: bytes, chance: random.Random) -> bytes:
    """Overwrite a block, or take one out, with commands left behind it."""
    length = chance.choice([2, 3, 5, 9, 17, 33, 64, 200, 512])
    at = chance.randrange(max(len(whole) - length - 40, 1))
    length = min(length, len(whole) - at - 1)
    other = chance.randrange(len(whole))
    if abs(other - at) < 2 * length:  # a copy right beside itself is a block that was written twice
        other = 0 if at >= 2 * length else len(whole)
    fill = chance.choice(
        [
            b"",
            b"\xff" * length,
            chance.randbytes(length),
            bytes(chance.choices(b"abc 012*$\r\n", k=length)),
            whole[other : other + length],
        ]
    )
    return whole[:at] + fill + whole[at + (len(fill) or length) :]


def sets(prefix: str) -> bytes:
    return log(*(("SET", f"{prefix}{n}", n) for n in range(10)))


def meaning(path: Path) -> list[tuple[bytes, int]]:
    """Return the commands by name and number of arguments: a value that changed is still a value."""
    with open_source(path) as source:
        found = [(one.argv[0].upper(), len(one.argv)) for one in commands(source, 0)]
    return [(name, count) for name, count in found if name not in FRAMES]


@pytest.mark.parametrize(
    ("seed", "rounds"), [(1, 150), *(pytest.param(n, 3000, marks=pytest.mark.soak) for n in (2, 3))]
)
def test_no_command_is_missing_from_what_lost_nothing(seed: int, rounds: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    before, path = tmp_path / "before.aof", tmp_path / "appendonly.aof"
    claimed = 0
    for number in range(rounds):
        before.write_bytes(select(0) + b"".join(any_command(chance) for _ in range(chance.randint(8, 40))))
        damaged = hurt(before.read_bytes(), chance)
        for choice in (Choice(), SALVAGE):
            path.write_bytes(damaged)
            try:
                plan = plan_for(path, choice)
            except InputError:  # no log any more
                continue
            if plan.empty or plan.left or not plan.lossless:
                continue
            claimed += 1
            apply_plan(plan)
            missing = len(meaning(before)) - len(meaning(path))
            codes = [edit.code for _, edit in plan.edits()]
            if codes in UNSEEN:
                break
            assert missing <= 0, (number, codes, damaged)
            break
    assert claimed > rounds // 100


def test_what_is_left_of_commands_is_no_text_of_another_program(tmp_path: Path) -> None:
    whole = log(*(("SET", f"key:{n}", "some text\nof more than a line " * 4) for n in range(40)))
    path = tmp_path / "appendonly.aof"
    inside = whole.index(b"some text", 600) + 5
    first = whole.rindex(b"*3", 0, 500)

    path.write_bytes(whole[:first] + whole[inside:])
    assert not plan_for(path, SALVAGE).lossless
    path.write_bytes(whole[:first] + b"out of memory\n" + whole[first:])
    assert plan_for(path, SALVAGE).lossless


def test_a_start_that_many_commands_have_is_no_copy_of_the_next(tmp_path: Path) -> None:
    parts = [command("SET", "key", f"{n:04d} is the value of a command") for n in range(40)]
    head = len(command("SET", "key", "")) - 6
    path = tmp_path / "appendonly.aof"

    path.write_bytes(log(*parts[:20]) + parts[20][:head] + log(*parts[23:]))
    assert not plan_for(path, SALVAGE).lossless
    path.write_bytes(log(*parts[:20]) + parts[20][:-4] + log(*parts[20:]))
    assert plan_for(path, SALVAGE).lossless


def test_text_that_ends_nowhere_may_be_what_is_left_of_a_value(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(sets("a") + b"xxxxxxxxxxxxxxxxx" + sets("b"))
    assert not plan_for(path, SALVAGE).lossless


@pytest.mark.parametrize(("count", "lossless"), [(b"*6", False), (b"*5", False), (b"*2", True)])
def test_a_count_may_tell_of_arguments_that_are_gone(count: bytes, lossless: bool, tmp_path: Path) -> None:
    pushes = [command("RPUSH", f"l{n}", "one", "two") for n in range(9)]
    path = tmp_path / "appendonly.aof"
    path.write_bytes(b"".join(pushes) + count + pushes[4][2:] + b"".join(pushes))
    plan = plan_for(path, SALVAGE)
    assert not plan.left
    assert plan.lossless is lossless


def test_a_length_without_a_digit_is_no_length(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(sets("a") + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$" + b"\xff" * 40 + b"\r\n")
    assert not plan_for(path, SALVAGE).lossless


def test_part_of_a_buffer_and_then_all_of_it_is_one_buffer(tmp_path: Path) -> None:
    before = select(0) + log(*(("SET", f"k{n}", "v") for n in range(20)))
    buffer = log(*(("LPUSH", "q", f"job{n}") for n in range(4)))
    behind = log(*(("SET", f"n{n}", "v") for n in range(20)))
    ends = {len(log(*(("LPUSH", "q", f"job{n}") for n in range(count)))) for count in range(5)}
    path = tmp_path / "appendonly.aof"
    for cut in range(50, len(buffer)):
        if cut in ends:  # in good framing: nothing tells it from what clients wrote
            continue
        path.write_bytes(before + buffer[:cut] + buffer + behind)
        told = plan_for(path, SALVAGE)
        assert told.lossless, cut
        assert any("twice" in edit.reason for _, edit in told.edits()), cut

        apply_plan(plan_for(path, Choice(salvage=True, drop_duplicates=True)))

        assert path.read_bytes() == before + buffer + behind, cut

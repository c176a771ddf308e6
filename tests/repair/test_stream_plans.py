"""Databases and transactions around damage: what is dropped, and what is said anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.repair.apply import apply_plan
from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import EditKind
from tests.builders import command, log, select, transaction
from tests.repair.workbench import SALVAGE, plan_for

GARBAGE = b"\xfe\x01\x02garbage that was never a command\xff"


def sets(prefix: str, count: int = 10) -> bytes:
    return log(*(command("SET", f"{prefix}:{n}", f"value {n}") for n in range(count)))


def fixed(tmp_path: Path, data: bytes, choice: Choice = SALVAGE) -> bytes:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)
    plan = plan_for(path, choice)
    if not plan.empty:
        apply_plan(plan)
    return path.read_bytes()


def test_the_select_of_a_half_transaction_is_said_anew(tmp_path: Path) -> None:
    half = command("MULTI") + select(3) + command("SET", "half", "1")
    data = select(0) + sets("a") + half + GARBAGE + sets("b") + transaction(command("SET", "t", "1"))

    result = fixed(tmp_path, data)

    assert result == select(0) + sets("a") + select(3) + sets("b") + transaction(command("SET", "t", "1"))


def test_both_halves_of_a_torn_transaction_go(tmp_path: Path) -> None:
    data = (
        select(0)
        + sets("a")
        + command("MULTI")
        + sets("x", 3)
        + GARBAGE
        + sets("y", 3)
        + command("EXEC")
        + sets("b")
    )

    result = fixed(tmp_path, data)

    assert result == select(0) + sets("a") + sets("b")


def test_a_gap_in_a_log_of_several_databases_skips_to_the_next_select(tmp_path: Path) -> None:
    lost = command("SET", "lost", "a value")[:20] + b"end of another\r\n"
    data = select(0) + sets("a") + select(1) + sets("b") + lost + sets("doubt") + select(0) + sets("c")

    result = fixed(tmp_path, data, Choice(salvage=True))

    assert result == select(0) + sets("a") + select(1) + sets("b") + select(0) + sets("c")


def test_a_gap_in_a_log_of_one_database_assumes_it(tmp_path: Path) -> None:
    data = select(0) + sets("a") + GARBAGE + sets("b")

    result = fixed(tmp_path, data, Choice(salvage=True))

    assert result == select(0) + sets("a") + sets("b")


def test_stop_cuts_the_log_at_the_gap(tmp_path: Path) -> None:
    data = select(0) + sets("a") + select(1) + sets("b") + GARBAGE + sets("c")

    result = fixed(tmp_path, data, Choice(salvage=True, after_gap=AfterGap.STOP))

    assert result == select(0) + sets("a") + select(1) + sets("b")


def test_relative_commands_behind_a_gap_are_suspect(tmp_path: Path) -> None:
    data = (
        select(0)
        + sets("a")
        + GARBAGE
        + log(command("SET", "n", "1"), command("INCR", "n"), command("INCR", "m"))
    )
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)

    plan = plan_for(path, Choice(salvage=True))

    assert plan.suspects == ["0:m"]


def test_a_nested_multi_drops_the_transaction_that_lost_its_exec(tmp_path: Path) -> None:
    data = (
        select(0) + command("MULTI") + sets("half", 2) + transaction(command("SET", "whole", "1")) + sets("b")
    )

    result = fixed(tmp_path, data)

    assert result == select(0) + transaction(command("SET", "whole", "1")) + sets("b")


def test_many_commands_behind_a_lost_exec_are_kept(tmp_path: Path) -> None:
    data = select(0) + sets("a") + command("MULTI") + sets("b", 1000)

    default = fixed(tmp_path, data, Choice())
    salvaged = fixed(tmp_path, data)

    assert default == data
    assert salvaged == select(0) + sets("a") + sets("b", 1000)


def test_a_small_open_transaction_at_the_end_is_cut_by_default(tmp_path: Path) -> None:
    data = select(0) + sets("a") + command("MULTI") + sets("b", 3)

    assert fixed(tmp_path, data, Choice()) == select(0) + sets("a")


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 5000, b"\n", b"\r\n", b" ", b"\xff\xfe"])
def test_stray_bytes_at_the_end_are_cut_by_default(tmp_path: Path, tail: bytes) -> None:
    data = select(0) + sets("a")

    assert fixed(tmp_path, data + tail, Choice()) == data


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"x", b"\n", b"\r\n"])
def test_an_end_that_may_have_been_a_command_is_counted_as_lost(tmp_path: Path, fill: bytes) -> None:
    last = command("SET", "last", "a value")
    path = tmp_path / "appendonly.aof"
    for hurt in range(2, len(last)):
        path.write_bytes(sets("a") + (fill * hurt)[:hurt] + last[hurt:])
        plan = plan_for(path, SALVAGE)
        if last[hurt:].strip():
            assert not plan.lossless, hurt
            assert plan.loss[0], hurt


@pytest.mark.parametrize("tail", [b"\n", b"\r\n", b" \n\n"])
def test_line_ends_of_an_editor_are_no_loss(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(sets("a") + tail)

    assert plan_for(path, Choice()).lossless


def test_a_glued_annotation_gets_its_line_end(tmp_path: Path) -> None:
    data = select(0) + sets("a")

    assert fixed(tmp_path, data + b"#TS:17000" + data, Choice()) == data + b"#TS:17000\r\n" + data


def test_a_last_command_without_its_crlf_is_completed(tmp_path: Path) -> None:
    data = select(0) + sets("a")

    assert fixed(tmp_path, data[:-2], Choice()) == data
    assert fixed(tmp_path, data[:-1], Choice()) == data


def test_a_command_written_in_part_and_again_loses_only_the_part(tmp_path: Path) -> None:
    whole = command("SET", "a key", "a value that stands nowhere else")
    data = select(0) + sets("a") + whole[:50] + whole + sets("b")

    assert fixed(tmp_path, data, Choice()) == select(0) + sets("a") + whole + sets("b")


def test_damage_in_the_middle_waits_for_salvage(tmp_path: Path) -> None:
    data = select(0) + sets("a") + GARBAGE + sets("b")
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)

    plan = plan_for(path, Choice())

    assert plan.empty
    assert plan.left[0][0] == "corrupt-region"


def test_module_commands_stay_when_they_come_often(tmp_path: Path) -> None:
    module = log(*(command("JSON.SET", f"doc:{n}", "$", "{}") for n in range(5)))
    data = select(0) + sets("a") + module + GARBAGE + sets("b")

    assert fixed(tmp_path, data) == select(0) + sets("a") + module + sets("b")


def test_a_tail_cut_keeps_every_byte_in_the_lost_and_found_file(tmp_path: Path) -> None:
    data = select(0) + sets("a")
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data + b"*3\r\n$3\r\nSE")
    receipt = apply_plan(plan_for(path, Choice()))

    assert (Path(receipt.directory) / "lost-and-found.bin").read_bytes() == b"*3\r\n$3\r\nSE"


def test_a_cut_tail_is_cut_in_place(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(select(0) + sets("a") + b"*3\r\n$3\r\nSE")
    inode = path.stat().st_ino

    plan = plan_for(path, Choice())
    apply_plan(plan)

    assert [edit.kind for _, edit in plan.edits()] == [EditKind.CUT]
    assert path.stat().st_ino == inode

"""Places where bytes of different commands meet: what is put right there, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.repair.apply import apply_plan
from tests.builders import command, log, select, transaction
from tests.repair.workbench import plan_for

RESP = log(*(command("SET", f"inner:{n}", "held") for n in range(12)))


def sets(prefix: str, count: int = 30) -> bytes:
    return log(*(command("SET", f"{prefix}:{n}", f"the value of {prefix} {n}") for n in range(count)))


def holding(key: str, text: bytes) -> bytes:
    return b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key.encode(), len(text), text)


def salvaged(tmp_path: Path, data: bytes) -> bytes:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(data)
    plan = plan_for(path)
    if not plan.empty:
        apply_plan(plan)
    return path.read_bytes()


def test_a_block_that_stands_twice_in_a_value_is_taken_out(tmp_path: Path) -> None:
    text = bytes(range(32, 127)) * 3
    before, hit, behind = select(0) + sets("a"), holding("hit", text), sets("b")
    at = len(before) + len(hit) - 100
    data = before + hit + behind

    result = salvaged(tmp_path, data[:at] + data[at - 60 : at] + data[at:])

    assert result == data


def test_a_block_that_stands_twice_in_a_value_with_resp_is_taken_out(tmp_path: Path) -> None:
    text = log(*(command("SET", f"inner:{n}", f"{n * n}") for n in range(100, 140)))[:-2]
    before, hit, behind = select(0) + sets("a"), holding("hit", text), sets("b")
    at = len(before) + len(hit) // 2
    data = before + hit + behind

    result = salvaged(tmp_path, data[:at] + data[at - 200 : at] + data[at:])

    assert result == data


def test_a_multi_with_a_block_in_it_twice_still_begins_its_transaction(tmp_path: Path) -> None:
    whole = select(0) + sets("a") + transaction(sets("t", 12)) + sets("b")
    at = whole.index(b"MULTI") + 2

    result = salvaged(tmp_path, whole[:at] + whole[at - 300 : at] + whole[at:])

    assert result == whole


def test_a_command_joined_to_the_head_of_another_is_kept(tmp_path: Path) -> None:
    # `$3 S` and the next command's `*3` read as one argument, so the seam shows only behind it.
    whole = select(0) + sets("a") + b"*5\r\n$3\r\nS" + command("SET", "kept", "whole") + sets("b")

    result = salvaged(tmp_path, whole)

    assert result == select(0) + sets("a") + command("SET", "kept", "whole") + sets("b")


def test_a_value_that_took_the_head_of_a_command_for_its_own_gives_it_back(tmp_path: Path) -> None:
    value = "x" * 100
    lost = b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$100\r\n" + b"y" * 62
    kept = command("SET", "key:00000146", value)
    assert len(lost.rpartition(b"\r\n")[2] + b"\r\n" + kept[: kept.index(b"xxx") - 2]) == 100

    result = salvaged(tmp_path, select(0) + sets("a") + lost + b"\r\n" + kept + sets("b"))

    assert result == select(0) + sets("a") + kept + sets("b")


def test_commands_behind_a_value_that_ends_too_early_are_not_read_out_of_it(tmp_path: Path) -> None:
    before, hit, behind = select(0) + sets("a"), holding("hit", RESP), sets("b")
    at = before.__len__() + hit.index(b"inner:3")
    # What is put in is as long as some of its commands, so that the declared end falls on a boundary.
    added = log(*(command("SET", f"added:{n}", "here") for n in range(4)))

    result = salvaged(tmp_path, (before + hit + behind)[:at] + added + (before + hit + behind)[at:])

    assert b"inner" not in result
    assert result == before + behind


def test_a_command_with_zeros_over_its_line_end_is_not_kept(tmp_path: Path) -> None:
    hit = command("SET", "hit", "v" * 200)
    zeroed = hit[:-80] + bytes(79) + hit[-1:]

    result = salvaged(tmp_path, select(0) + sets("a") + zeroed + sets("b"))

    assert result == select(0) + sets("a") + sets("b")


@pytest.mark.parametrize("line", [b"$3\r\r\nSET\r\n", b"$3\nSET\r\n"])
def test_a_line_end_that_is_too_long_or_too_short_is_a_seam(tmp_path: Path, line: bytes) -> None:
    torn = b"*3\r\n" + line + b"$3\r\nkey\r\n$5\r\nvalue\r\n"

    result = salvaged(tmp_path, select(0) + sets("a") + torn + sets("b"))

    assert result == select(0) + sets("a") + sets("b")


def test_an_annotation_that_took_other_bytes_for_its_own_is_where_damage_begins(tmp_path: Path) -> None:
    stamps = log(*(b"#TS:%d\r\n" % (1_700_000_000 + n) + command("SET", f"s:{n}", "v") for n in range(20)))
    put_in = b"$76\r\n" + command("SET", "evil:0", "spliced") + command("SET", "evil:1", "spliced") + b"\r\n"
    last = b"#TS:1700000020\r\n"

    result = salvaged(tmp_path, select(0) + stamps + last[:6] + put_in + last[6:] + sets("b"))

    assert result == select(0) + stamps + sets("b")


def test_a_length_is_not_put_right_from_a_line_end_that_framing_lent(tmp_path: Path) -> None:
    # Behind the damage stands the line `$152`, and the payload up to it has almost the declared length.
    text = b"q" * 44 + b"$152"
    hit = b"*3\r\n$3\r\nSET\r\n$3\r\nhit\r\n$49\r\n" + text + b"\r\n"
    around = log(*(command("SET", f"u:{n}", "w" * 48) for n in range(20)))

    result = salvaged(tmp_path, select(0) + around + hit + sets("b"))

    assert result == select(0) + around + sets("b")


def test_a_length_without_its_key_looking_like_a_key_is_not_put_right(tmp_path: Path) -> None:
    hit = b"*2\r\n$3\r\nDEL\r\n$9\r\n\xc0\x88\x0c9zP\xb0\xc4\r\n"
    around = log(*(command("DEL", f"user:{n:03}") for n in range(20)))

    result = salvaged(tmp_path, select(0) + around + hit + around)

    assert result == select(0) + around + around


def test_text_in_a_transaction_takes_the_transaction_with_it(tmp_path: Path) -> None:
    whole = select(0) + sets("a") + b"%s" + sets("b")
    torn = command("MULTI") + sets("x", 3) + b"the end of a lost value\r\n" + sets("y", 3) + command("EXEC")

    result = salvaged(tmp_path, whole % torn)

    assert result == whole % b""


def test_a_name_is_put_right_only_to_a_command_that_the_log_uses_so(tmp_path: Path) -> None:
    # One bit makes ZADD of it, which this log uses with one member at a time: it may be a newer command.
    around = log(*(command("ZADD", f"z:{n}", f"{n}", "member") for n in range(20)))
    hit = command("JADD", "s:1", "m1", "m2", "m3", "m4")

    result = salvaged(tmp_path, select(0) + around + hit + around)

    assert result == select(0) + around + hit + around


def test_a_large_value_of_nothing_but_commands_is_not_read_as_the_log(tmp_path: Path) -> None:
    held = log(*(command("SET", f"inner:{n}", "held") for n in range(60_000)))
    before, behind = select(0) + sets("a"), sets("b")
    hit = holding("hit", held)

    # The value is a little longer than its length says, and no other value of the log holds commands.
    result = salvaged(tmp_path, before + hit.replace(b"$%d" % len(held), b"$%d" % (len(held) - 780)) + behind)

    assert result == before + behind

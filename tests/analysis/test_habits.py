"""How keys are used, held against slow and obvious recomputation on random commands."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.habits.blobs import alike_bytes
from aoftool.analysis.habits.model import HabitTable
from aoftool.analysis.habits.questions import HABITS, habit_table
from aoftool.analysis.habits.secrets import kinds_in
from aoftool.aof.layout import find_log
from aoftool.commands.slots import slot_of
from tests.builders import Word, command, log, timestamp


def answer(tmp_path: Path, by: str, *items: object) -> HabitTable:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*items))  # type: ignore[arg-type]
    return habit_table(find_log(str(path)), by, CensusOptions(), top=1000)[0]


def rows(table: HabitTable) -> list[dict[str, object]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("seed", range(5))
def test_repeats_are_those_a_dictionary_of_values_finds(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    items: list[tuple[object, ...]] = []
    held: dict[str, str | None] = {}
    writes: Counter[str] = Counter()
    same: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for _ in range(600):
        prefix = chance.choice(["a", "b"])
        key, value = f"{prefix}:{chance.randrange(9)}", str(chance.randrange(3))
        kind = chance.choice(
            ["SET", "SET", "SET", "DEL", "APPEND", "PEXPIREAT", "FLUSHALL"]
            if chance.random() < 0.3
            else ["SET"]
        )
        item: tuple[Word, ...] = {
            "SET": ("SET", key, value), "DEL": ("DEL", key), "APPEND": ("APPEND", key, "x"),
            "PEXPIREAT": ("PEXPIREAT", key, 4_102_444_800_000), "FLUSHALL": ("FLUSHALL",),
        }[kind]  # fmt: skip
        items.append(item)
        if kind == "SET":
            writes[prefix] += 1
            if held.get(key) == value:
                same[prefix] += 1
                sizes[prefix] += len(command(*item))
            held[key] = value
        elif kind == "FLUSHALL":
            held.clear()
        elif kind != "PEXPIREAT":
            held.pop(key, None)

    found = {row["prefix"]: row for row in rows(answer(tmp_path, "same", *items))}

    for prefix in writes:
        row = found[f"{prefix}:*".encode()]
        assert (row["writes"], row["same"], row["same_bytes"]) == (
            writes[prefix],
            same[prefix],
            sizes[prefix],
        )


def test_a_hash_is_the_same_only_when_all_its_fields_are(tmp_path: Path) -> None:
    table = answer(
        tmp_path, "same", ("HSET", "h", "f", 1, "g", 2), ("HSET", "h", "g", 2), ("HSET", "h", "f", 1, "g", 3),
        ("HDEL", "h", "f"), ("HSET", "h", "g", 3),
    )  # fmt: skip

    assert [(row["writes"], row["same"]) for row in rows(table)] == [(4, 1)]


def test_a_set_that_only_moves_the_expire_time_is_told_apart(tmp_path: Path) -> None:
    table = answer(
        tmp_path, "same", ("SET", "s:1", "v", "PXAT", 4_102_444_800_000),
        ("SET", "s:1", "v", "PXAT", 4_102_444_801_000),
        ("SET", "s:1", "v"),
    )  # fmt: skip

    assert [(row["same"], row["refreshes"]) for row in rows(table)] == [(2, 1)]


@pytest.mark.parametrize("seed", range(5))
def test_lives_are_those_between_first_write_and_deletion(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    items: list[object] = []
    born: dict[str, int] = {}
    lengths: list[int] = []
    count = 0
    now = 1_800_000_000
    for _ in range(400):
        now += chance.randrange(50)
        key = f"k:{chance.randrange(12)}"
        items.append(timestamp(now))
        if chance.random() < 0.6:
            items.append(("SET", key, "v"))
            count += key not in born
            born.setdefault(key, now)
        else:
            items.append(("DEL", key))
            if key in born:
                lengths.append(now - born.pop(key))

    (row,) = rows(answer(tmp_path, "life", *items))

    assert (row["born"], row["ended"]) == (count, len(lengths))
    ordered = sorted(lengths)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        exact = ordered[max(-(-int(share * 100) * len(ordered) // 100) - 1, 0)]
        assert abs(int(row[name]) - exact) <= max(1, 0.02 * exact)  # type: ignore[call-overload]


def test_a_renamed_key_goes_on_living(tmp_path: Path) -> None:
    table = answer(
        tmp_path, "life", timestamp(100), ("SET", "a:1", 1), timestamp(200), ("RENAME", "a:1", "b:1"),
        timestamp(500), ("DEL", "b:1"),
    )  # fmt: skip

    found = {row["prefix"]: row for row in rows(table)}
    assert (found[b"a:*"]["born"], found[b"b:*"]["born"]) == (0, 1)
    assert abs(int(found[b"b:*"]["p50"]) - 400) <= 8  # type: ignore[call-overload]


def test_a_backlog_is_what_went_in_and_did_not_come_out(tmp_path: Path) -> None:
    table = answer(
        tmp_path, "backlog", ("RPUSH", "q", 1, 2, 3), ("LPOP", "q"), ("LPOP", "q", 2), ("LPUSH", "q", 4),
        ("RPOPLPUSH", "q", "r"), ("XADD", "s", "1-1", "f", "v"), ("XADD", "s", "2-1", "f", "v"),
        ("XDEL", "s", "1-1"), ("RPUSH", "t", 1), ("LTRIM", "t", 0, 5), ("RPUSH", "u", 1, 2),
        ("DEL", "u"), ("RPUSH", "u", 9),
    )  # fmt: skip

    found = {row["key"]: (row["in"], row["out"], row["growth"]) for row in rows(table)}
    assert found == {b"q": (4, 4, 0), b"r": (1, 0, 1), b"s": (2, 1, 1), b"t": (1, 0, None), b"u": (3, 0, 1)}


def test_values_are_alike_by_what_begins_and_ends_them() -> None:
    assert alike_bytes(b"abcdef", b"abXdef") == 5
    assert alike_bytes(b"abcdef", b"abcXXdef") == 6
    assert alike_bytes(b"aaaa", b"aa") == 2
    assert alike_bytes(b"", b"x") == 0
    assert alike_bytes(b"abc", b"xyz") == 0


def test_large_values_that_change_little_are_found(tmp_path: Path) -> None:
    value = "x" * 5000
    table = answer(
        tmp_path, "blobs", ("SET", "p:1", value), ("SET", "p:1", "y" + value[1:]), ("SET", "p:1", "short"),
        ("SET", "p:1", value), ("SET", "q:1", "z" * 4095), ("SET", "q:1", "z" * 4095),
    )  # fmt: skip

    assert rows(table) == [
        {
            "prefix": b"p:*",
            "keys": 1,
            "rewrites": 1,
            "mean_bytes": 5000,
            "alike": 0.9998,
            "repeated_bytes": 4999,
        }
    ]


def test_a_hot_key_is_hot_in_its_stretch_only(tmp_path: Path) -> None:
    items: list[object] = []
    for second in range(100):
        items.append(timestamp(1_800_000_000 + second))
        items += [("INCR", f"cold:{second}:{number}") for number in range(4)]
        items += [("INCR", "hot")] * (4 if 40 <= second < 50 else 0)

    found = rows(answer(tmp_path, "hot", *items))[0]

    assert (found["key"], found["peak"], found["hot"], found["writes"]) == (b"hot", 0.5, 1, 40)
    assert found["since_s"] == 1_800_000_040
    assert found["usual"] == 40 / 440


def test_slots_are_those_of_a_cluster(tmp_path: Path) -> None:
    # Values of CLUSTER KEYSLOT.
    assert [slot_of(key) for key in (b"foo", b"bar", b"{foo}x", b"{}foo", b"123456789")] == [
        12182, 5061, 12182, slot_of(b"{}foo"), 12739,
    ]  # fmt: skip

    table = answer(
        tmp_path, "slot", ("SET", "foo", 1), ("MSET", "foo", 1, "bar", 2), ("RENAME", "{foo}1", "{foo}2")
    )

    assert rows(table)[0] | {"bytes": 0} == {
        "slot": 12182, "writes": 4, "share": 0.8, "bytes": 0, "key": b"foo",
    }  # fmt: skip
    assert dict(table.facts)["cross-slot"] == "MSET 1"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (b"mail to ann@example.com now", ["e-mail"]),
        (b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh1234", ["JWT"]),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMII", ["private key"]),
        (b"id AKIAIOSFODNN7EXAMPLE", ["cloud key"]),
        (b'{"password": "hunter22"}', ["password"]),
        (b"4111 1111 1111 1111", ["card number"]),
        (b"4111 1111 1111 1112", []),
        (b"user:1042", []),
        (b"", []),
    ],
)
def test_a_secret_is_known_by_its_pattern(text: bytes, kinds: list[str]) -> None:
    assert kinds_in(text) == kinds


@pytest.mark.parametrize("by", HABITS)
def test_an_empty_log_has_an_answer(by: str, tmp_path: Path) -> None:
    assert answer(tmp_path, by).rows == []


@pytest.mark.parametrize("by", HABITS)
def test_any_commands_have_an_answer(by: str, tmp_path: Path) -> None:
    chance = random.Random(by)
    words = "SET MSET SETEX HSET LPOP RPUSH LMOVE XADD XTRIM DEL RENAME SWAPDB FLUSHDB COPY SELECT EVAL"
    names = [*words.split(), "SORT", "NOSUCH"]
    items = [
        (
            chance.choice(names),
            *(chance.choice(["k", "l", "", "1", "99999999999999999999"]) for _ in range(chance.randrange(5))),
        )
        for _ in range(2000)
    ]

    table = answer(tmp_path, by, *items)

    assert all(len(row) == len(table.columns) for row in table.rows)


def test_a_slot_names_the_key_that_takes_its_writes(tmp_path: Path) -> None:
    """It named the first one, which may have hardly any."""
    keys = [f"{{same}}:{number}" for number in range(30)]
    random.Random(1).shuffle(keys)
    once = [("SET", key, 1) for key in keys]
    busy = [("INCR", "{same}:busy")] * 20

    table = answer(tmp_path, "slot", *once[:20], *busy, *once[20:])

    (row,) = rows(table)
    assert (row["key"], row["writes"]) == (b"{same}:busy", 50)

"""What is measured of a log: its pace, and what a rewrite would leave along it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import UnsupportedError
from aoftool.simulate.measuring import measure_log
from aoftool.simulate.model import Measured, Pace
from aoftool.simulate.running import at_place, size_at
from tests.builders import Word, log, manifest_line, timestamp
from tests.corpus import FIXTURES
from tests.servers import Build, Server

START_S = 1_700_000_000
RELEASE = "valkey-9.1"


def measured(path: Path, **options: Any) -> Measured:
    return measure_log(find_log(str(path)), written_by=RELEASE, **options)[0]


def shop(count: int, rng: random.Random | None = None) -> Iterator[tuple[Word, ...]]:
    """Yield commands of all types over few keys; some of them tie keys together."""
    rng = rng or random.Random(3)
    for number in range(count):
        who = int(400 * rng.random() ** 2)
        yield "SET", f"session:{who}", rng.randbytes(rng.randrange(10, 200)).hex()
        yield "HSET", f"cart:{who}", f"item{rng.randrange(9)}", rng.randbytes(20).hex()
        yield "ZADD", f"board:{who % 20}", str(rng.randrange(10**6)), f"user{who}"
        yield "RPUSH", f"queue:{who % 9}", rng.randbytes(20).hex()
        if number % 7 == 0:
            yield "SADD", f"tags:{who}", *(str(rng.randrange(10**4)) for _ in range(5))
        if number % 50 == 0:
            yield "SUNIONSTORE", f"all:{who % 5}", f"tags:{who}", f"tags:{who + 1}"
            yield "DEL", f"session:{who}", f"cart:{who + 1}"


def test_pace_is_that_of_the_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    parts: list[Any] = []
    for second, count in ((0, 10), (1, 30), (5, 10)):
        parts.append(timestamp(START_S + second))
        parts += [("SET", f"k{number}", "x" * 80) for number in range(10, 10 + count)]
    path.write_bytes(log(*parts))

    found = measured(path)

    assert found.pace is Pace.TIMES
    assert found.seconds == 6
    total = path.stat().st_size
    assert found.appended_bytes == total
    # A fifth in the first second, four fifths by the second, and nothing between the 2nd and the 5th.
    assert at_place(found, 1) == pytest.approx(total / 5, rel=0.01)
    assert at_place(found, 2) == at_place(found, 5) == pytest.approx(total * 4 / 5, rel=0.01)
    assert at_place(found, 5.5) == pytest.approx(total * 9 / 10, rel=0.01)


def test_clock_that_is_set_back_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    parts: list[Any] = []
    for second in (10, 11, 3, 4, 5):
        parts += [timestamp(START_S + second), ("SET", "k", "x" * 90)]
    path.write_bytes(log(*parts))

    found = measured(path)

    assert found.seconds == 5
    assert found.times_s == sorted(found.times_s)
    assert found.places == sorted(found.places)


def test_log_without_times_has_no_pace(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*shop(50)))

    found = measured(path)

    assert found.pace is Pace.NONE
    assert found.seconds is found.rate is None


def test_points_are_dense_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*shop(300)))

    places = [point.place for point in measured(path).sizes]

    assert places[0] == 0
    assert places[-1] == path.stat().st_size
    assert places == sorted(set(places))
    assert places[1] < places[-1] / 100


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_a_server_leaves_what_was_counted(
    newest_build: Build, start_server: Callable[..., Server], tmp_path: Path, preamble: str
) -> None:
    commands = list(shop(400))
    server = start_server(newest_build, settings={"aof-use-rdb-preamble": preamble})
    real = []
    sent = 0
    for part in range(4):
        server.pipeline([tuple(map(str, words)) for words in commands[part::4]])
        sent = sum(path.stat().st_size for path in server.log_directory.glob("*.incr.aof"))
        server.rewrite()
        real.append((sent, next(server.log_directory.glob("*.base.*")).stat().st_size))
    ordered = [words for part in range(4) for words in commands[part::4]]
    path = tmp_path / "a.aof"
    path.write_bytes(log(*ordered))

    found, _ = measure_log(find_log(str(path)), written_by=newest_build.release, is_rdb=preamble == "yes")

    assert found.sizes[-1].size_bytes == pytest.approx(real[-1][1], rel=0.005)
    assert size_at(found, real[0][0]).size_bytes == pytest.approx(real[0][1], rel=0.02)


def test_commands_of_a_base_are_not_appended(tmp_path: Path) -> None:
    base, incr = log(*shop(60)), log(timestamp(START_S), *shop(40, random.Random(9)))
    lines = manifest_line("a.1.base.aof", 1, "b") + manifest_line("a.1.incr.aof", 1, "i")
    (tmp_path / "a.manifest").write_text(lines)
    (tmp_path / "a.1.base.aof").write_bytes(base)
    (tmp_path / "a.1.incr.aof").write_bytes(incr)

    found = measured(tmp_path / "a.manifest")

    assert found.appended_bytes == len(incr)
    assert found.start.current_bytes == found.start.base_bytes == len(base)
    assert not found.is_rdb
    # What the base holds is there from the start.
    assert found.sizes[0].keys > 100


def test_sample_of_keys_is_close_to_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    rng = random.Random(1)
    path.write_bytes(log(*(("SET", f"user:{rng.randrange(9000)}", "x" * 100) for _ in range(20_000))))
    exact = measured(path)

    found = measured(path, most_bytes=path.stat().st_size // 4 + 1)

    assert found.sampled == 4
    # Some 2,000 of 8,000 keys are drawn, give or take 40: three times that are 6 %.
    for one, other in zip(exact.sizes[-20:], found.sizes[-20:], strict=True):
        assert other.size_bytes == pytest.approx(one.size_bytes, rel=0.06)


def test_tied_keys_are_all_in_a_sample(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    commands: list[Any] = [("SADD", f"s{number}", "a", f"b{number}") for number in range(50)]
    commands += [("SUNIONSTORE", f"u{number}", f"s{number}", f"s{number + 1}") for number in range(49)]
    commands += [("RENAME", "u0", "u00")]
    path.write_bytes(log(*commands))

    exact, found = measured(path), measured(path, most_bytes=path.stat().st_size // 8)

    assert found.sampled > 8
    assert found.sizes[-1] == exact.sizes[-1]


def test_effects_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("EVAL", "return redis.call('SET','a','b')", "0"), ("SET", "k", "v")))

    with pytest.raises(UnsupportedError, match="cannot be known"):
        measured(path)


def test_damage_is_told_and_what_is_before_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    content = log(*shop(50))
    path.write_bytes(content + b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$900\r\nyy")

    found = measured(path)

    assert found.damage is not None
    assert found.appended_bytes == len(content)


def test_set_of_files_is_one_line(tmp_path: Path) -> None:
    parts = [log(*shop(20, random.Random(seed))) for seed in (1, 2)]
    for number, content in enumerate(parts, 1):
        (tmp_path / f"a.{number}.incr.aof").write_bytes(content)
    lines = "".join(manifest_line(f"a.{number}.incr.aof", number, "i") for number in (1, 2))
    (tmp_path / "a.manifest").write_text(lines)

    found = measured(tmp_path / "a.manifest")

    assert found.appended_bytes == sum(map(len, parts))
    assert found.load_places[-1] == found.appended_bytes
    assert found.load_s == sorted(found.load_s)


def left(path: Path, *commands: tuple[Word, ...], **options: Any) -> Measured:
    path.write_bytes(log(*commands))
    return measure_log(find_log(str(path)), written_by="redis-8.0", **options)[0]


@pytest.mark.parametrize("is_rdb", [True, False])
@pytest.mark.parametrize(
    ("command", "is_within"),
    [
        (("JSON.SET", "j{}", "$", '{"a": 1}' * 100), True),
        (("JSON.MERGE", "j{}", "$.a", '"%s"' % ("x" * 800)), True),
        (("JSON.SET", "j{}", "$..a", '"%s"' % ("x" * 800)), False),
        (("VADD", "v{}", "VALUES", "2", "0.25", "0.5", "x" * 800), False),
        (("TS.ADD", "t{}", "1700000000000", "1", "LABELS", "a", "x" * 800), False),
    ],
)
def test_values_that_only_a_module_can_make_count_with_their_commands(
    tmp_path: Path, command: tuple[str, ...], is_within: bool, is_rdb: bool
) -> None:
    commands = [
        tuple(word.format(number) if word.endswith("{}") else word for word in command)
        for number in range(20)
    ]
    size = len(log(*commands))

    found = left(tmp_path / "a.aof", *commands, is_rdb=is_rdb)

    last = found.sizes[-1]
    assert last.stood_bytes == size
    assert size <= last.size_bytes < size + 300
    assert last.keys == 20
    assert found.is_within is is_within
    words = "at most" if is_within else "less or more"
    assert [words in note for note in found.notes] == [True]


def test_values_of_modules_keep_their_size_where_they_go(tmp_path: Path) -> None:
    document = ("JSON.SET", "a", "$", "x" * 500)
    size = len(log(document))

    moved = left(tmp_path / "a.aof", document, ("RENAME", "a", "b"), ("COPY", "b", "c"))
    gone = left(tmp_path / "b.aof", document, ("RENAME", "a", "b"), ("DEL", "b"))
    many = left(tmp_path / "c.aof", ("JSON.MSET", "a", "$", "x" * 500, "b", "$", "y"), ("DEL", "a"))

    assert moved.sizes[-1].stood_bytes == 2 * size
    assert gone.sizes[-1].stood_bytes == 0
    assert len(log(("JSON.SET", "b", "$", "y"))) <= many.sizes[-1].stood_bytes < 100


def test_a_key_behind_a_command_that_is_not_run_keeps_what_it_held(tmp_path: Path) -> None:
    held = ("SADD", "s", *(f"member-{number:03}" for number in range(200)))

    before = left(tmp_path / "a.aof", held)
    found = left(tmp_path / "b.aof", held, ("SADDEX", "s", "100", "one"))

    assert found.sizes[-1].size_bytes >= before.sizes[-1].size_bytes
    assert not found.is_within


def test_what_modules_keep_outside_of_keys_counts(tmp_path: Path) -> None:
    index = ("FT.CREATE", "i", "SCHEMA", "name", "TEXT")

    plain = left(tmp_path / "a.aof", ("SET", "k", "v"))
    found = left(tmp_path / "b.aof", ("SET", "k", "v"), index)

    assert found.sizes[-1].size_bytes == plain.sizes[-1].size_bytes + len(log(index))
    assert not found.is_within


def test_a_base_with_module_data_is_left_as_large_as_it_is() -> None:
    stack = find_log(str(FIXTURES / "redis-stack-7.4.1"))

    found, _ = measure_log(stack)

    base = next((FIXTURES / "redis-stack-7.4.1" / "appendonlydir").glob("*.base.rdb"))
    # The length of one number, the memory in use, is not known.
    assert found.sizes[0].size_bytes == pytest.approx(base.stat().st_size, abs=8)
    assert found.sizes[0].stood_bytes == 0

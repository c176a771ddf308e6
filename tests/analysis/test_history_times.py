"""Times inferred for the steps of a history hold, and what contradicts itself is not believed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.analysis.clock.model import TimeSource
from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.listing import CommandListing
from aoftool.analysis.history.history import KeyHistory
from aoftool.analysis.history.model import Actor, HistoryStep
from aoftool.aof.layout import find_log
from tests.builders import Word, log, rdb, timestamp, write_multi_part
from tests.servers import Build, Server, server_params

NOON_MS = 1_700_000_000_000
STREAM, DEADLINE, BASE, FILE = (
    TimeSource.STREAM,
    TimeSource.DEADLINE,
    TimeSource.BASE,
    TimeSource.FILE,
)
Item = tuple[Word, ...]


def entry(second: float, stream: str = "events") -> Item:
    return ("XADD", stream, f"{NOON_MS + round(second * 1000)}-0", "f", "v")


def write(directory: Path, *items: Item | bytes, until: float = 3600.5) -> Path:
    """Write a log that was last written to so many seconds past noon."""
    path = directory / "a.aof"
    path.write_bytes(log(*items))
    _written_at(path, until)
    return path


def _written_at(path: Path, second: float) -> None:
    written_ns = NOON_MS * 1_000_000 + round(second * 1000) * 1_000_000 + 1
    os.utime(path, ns=(written_ns, written_ns))


def steps_of(path: Path, key: bytes = b"k") -> list[HistoryStep]:
    return list(KeyHistory(find_log(path), frozenset((key,))))


def seconds(step: HistoryStep) -> tuple[float | None, float | None]:
    """Return the bounds of a step in seconds past noon."""
    bounds = step.bounds.earliest_ms, step.bounds.latest_ms
    first, last = (None if at is None else (at - NOON_MS) / 1000 for at in bounds)
    return first, last


def sources(step: HistoryStep) -> tuple[TimeSource | None, TimeSource | None]:
    return step.bounds.earliest_from, step.bounds.latest_from


def test_stream_entries_on_either_side_bound_a_step(tmp_path: Path) -> None:
    path = write(
        tmp_path, entry(10), ("SET", "k", 1), entry(12), ("SET", "k", 2), ("SET", "x", 1), entry(12.5)
    )

    first, second = steps_of(path)

    assert seconds(first) == (10, 12)
    assert seconds(second) == (12, 12.5)
    assert sources(first) == (STREAM, STREAM)
    assert first.bounds.is_inferred


def test_an_entry_of_the_stream_itself_says_its_time(tmp_path: Path) -> None:
    path = write(tmp_path, entry(10), entry(11.25, "k"), entry(12))

    (step,) = steps_of(path)

    assert seconds(step) == (11.25, 11.25)


@pytest.mark.parametrize("between", [100, 3_000])
def test_clues_are_found_near_a_step_and_farther_off(between: int, tmp_path: Path) -> None:
    others = [("SET", f"other:{n}", "x" * 40) for n in range(between)]
    path = write(tmp_path, entry(10), *others, ("SET", "k", 1), *others, entry(20))

    (step,) = steps_of(path)

    assert seconds(step) == (10, 20)


@pytest.mark.parametrize(
    "items",
    [
        [entry(12), ("SET", "k", 1), entry(10)],
        [entry(10), ("SET", "k", 1), entry(4000)],
        [("XADD", "s", "5-1", "f", "v"), ("SET", "k", 1), ("XADD", "s", "6-1", "f", "v")],
    ],
    ids=["running back", "behind the last write", "counted"],
)
def test_entry_ids_that_are_no_clock_say_nothing(items: list[Item], tmp_path: Path) -> None:
    path = write(tmp_path, *items)

    (step,) = steps_of(path)

    assert sources(step) == (None, FILE)


def test_a_stream_that_counts_its_entries_does_not_spoil_one_that_dates_them(tmp_path: Path) -> None:
    counted = [("XADD", "counted", f"{n}-1", "f", "v") for n in range(1, 4)]
    path = write(tmp_path, entry(10), counted[0], ("SET", "k", 1), *counted[1:], entry(12))

    (step,) = steps_of(path)

    assert seconds(step) == (10, 12)


def test_expire_times_given_later_bound_a_step_from_above(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ("SET", "k", 1),
        ("SET", "a", 1, "PXAT", NOON_MS + 300_000),
        ("PEXPIREAT", "b", NOON_MS + 60_000),
        ("SET", "k", 2),
        ("EXPIREAT", "c", NOON_MS // 1000 + 90),
    )

    first, second = steps_of(path)

    assert seconds(first) == (None, 60)
    assert sources(first) == (None, DEADLINE)
    assert seconds(second) == (None, 90)


def test_an_expire_time_that_was_over_when_given_says_nothing(tmp_path: Path) -> None:
    # A replica may log one, and Redis does for SET with PXAT.
    past = ("SET", "a", 1, "PXAT", NOON_MS + 5_000)
    path = write(tmp_path, entry(10), ("SET", "k", 1), past, entry(20))

    (step,) = steps_of(path)

    assert seconds(step) == (10, 20)


def test_the_base_bounds_what_follows_it_and_its_clues(tmp_path: Path) -> None:
    base = rdb(aux={"ctime": NOON_MS // 1000 + 100})
    believed = log(entry(101), ("SET", "k", 1))
    too_early = log(entry(10), ("SET", "k", 1))
    found = {}
    for name, incr in (("believed", believed), ("too early", too_early)):
        manifest = write_multi_part(tmp_path / name, base=base, base_is_rdb=True, incrs=[incr])
        _written_at(manifest.parent / "appendonly.aof.1.incr.aof", 200)

        (step,) = steps_of(manifest)

        found[name] = (seconds(step)[0], sources(step))

    assert found == {"believed": (101, (STREAM, FILE)), "too early": (99, (BASE, FILE))}


def test_the_clock_of_a_primary_is_not_that_of_the_log(tmp_path: Path) -> None:
    aux: dict[str, Word] = {"ctime": NOON_MS // 1000, "repl-id": "0" * 40, "repl-offset": 1, "aof-base": 0}
    manifest = write_multi_part(
        tmp_path / "d", base=rdb(aux=aux), base_is_rdb=True, incrs=[log(("SET", "k", 1))]
    )

    (step,) = steps_of(manifest)

    assert sources(step) == (None, FILE)


def test_the_first_annotation_bounds_what_stands_before_it(tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "k", 1), timestamp(NOON_MS // 1000 + 7), ("SET", "k", 2))

    first, second = steps_of(path)

    assert seconds(first) == (None, 7.999)
    assert not second.bounds.is_inferred
    assert seconds(second) == (7, 7.999)


def test_a_later_file_bounds_those_before_it(tmp_path: Path) -> None:
    incrs = [log(("SET", "k", 1)), log(("SET", "k", 2))]
    manifest = write_multi_part(tmp_path / "d", base=log(), base_is_rdb=False, incrs=incrs)
    for number, at in ((1, 900.5), (2, 500.5)):  # the first was touched, or copied
        _written_at(manifest.parent / f"appendonly.aof.{number}.incr.aof", at)

    first, second = steps_of(manifest)

    assert first.bounds.latest_ms == second.bounds.latest_ms


def test_a_deletion_graded_by_inferred_times_says_so(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        entry(1),
        ("SET", "k", 1, "PXAT", NOON_MS + 5_000),
        entry(8),
        ("UNLINK", "k"),
        entry(9),
    )

    _, removed = steps_of(path)

    assert removed.deletion is not None
    assert removed.deletion.actor is Actor.EXPIRY
    assert removed.deletion.reason == "3.0 s past its expire time by inferred times"


COMMANDS = st.lists(
    st.tuples(st.sampled_from(["k", "stream", "short", "long", "gone"]), st.integers(0, 5_000)), max_size=60
)


def simulated(made: list[tuple[str, int]]) -> tuple[list[Item], list[int]]:
    """Return commands as a server logs them, and the Unix milliseconds at which each ran."""
    now_ms = NOON_MS
    items: list[Item] = []
    times: list[int] = []
    for kind, waited in made:
        now_ms += waited
        times.append(now_ms)
        if kind == "k":
            items.append(("SET", "k", len(items)))
        elif kind == "stream":
            items.append(("XADD", "s", f"{now_ms}-{len(items)}", "f", "v"))
        elif kind == "gone":
            items.append(("UNLINK", f"gone:{len(items)}"))
        else:
            ttl_ms = 1 if kind == "short" else 3_600_000
            items.append(("SET", kind, 1, "PXAT", now_ms + ttl_ms))
    return items, times


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(made=COMMANDS, runs_on=st.integers(0, 10_000))
def test_bounds_hold_the_time_at_which_a_command_ran(
    made: list[tuple[str, int]], runs_on: int, tmp_path: Path
) -> None:
    items, times = simulated(made)
    path = write(tmp_path, *items, until=((times or [NOON_MS])[-1] + runs_on - NOON_MS) / 1000)

    steps = steps_of(path)

    ran = [time_ms for (kind, _), time_ms in zip(made, times, strict=True) if kind == "k"]
    assert len(steps) == len(ran)
    for step, ran_ms in zip(steps, ran, strict=True):
        earliest, latest = step.bounds.earliest_ms, step.bounds.latest_ms
        assert earliest is None or earliest <= ran_ms
        assert latest is not None
        assert ran_ms <= latest


def traffic(server: Server, rounds: int, *, has_streams: bool) -> Iterator[tuple[int, int]]:
    """Write with pauses, rewrite in the middle; yield between which times each write of the key ran."""
    with server.client() as client:
        for number in range(rounds):
            client.set(f"other:{number}", "x" * 200, px=60_000 + number)
            if has_streams and number % 3 != 1:
                client.xadd("events", {"number": number})
            if number == rounds // 2:
                client.bgrewriteaof()
            before_ms = time.time_ns() // 1_000_000
            client.append("k", "x")
            yield before_ms, -(-time.time_ns() // 1_000_000)
            client.set(f"short:{number}", 1, px=300)
            time.sleep(0.04)
        while client.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.05)
        # Long enough that the last write says less of the steps than the expire times do.
        time.sleep(0.2)
        client.set("late", 1)


@pytest.mark.parametrize("has_streams", [True, False], ids=["streams", "expire-times"])
@pytest.mark.parametrize("server_build", server_params())
def test_bounds_hold_what_a_server_was_seen_to_do(server_build: Build, has_streams: bool) -> None:
    with Server(server_build, settings={"appendfsync": "always"}) as server:
        ran = list(traffic(server, 10, has_streams=has_streams))

        server.stop()
        steps = steps_of(server.log_target)

        written = [step for step in steps if step.command.argv]
        assert written
        source = STREAM if has_streams else DEADLINE
        assert all(source in sources(step) for step in written[1:-1])
        # The first ones may have gone into the base.
        for step, (before_ms, after_ms) in zip(written, ran[-len(written) :], strict=True):
            earliest, latest = step.bounds.earliest_ms, step.bounds.latest_ms
            assert earliest is not None
            assert earliest <= after_ms
            assert latest is not None
            assert before_ms <= latest


@pytest.mark.parametrize("server_build", server_params(since="6.2"))
def test_only_redis_logs_an_expire_time_that_is_over(server_build: Build) -> None:
    past_ms = time.time_ns() // 1_000_000 - 60_000
    with Server(server_build, settings={"appendfsync": "always"}) as server:
        server.send("SET", "given-with-set", 1, "PXAT", past_ms)
        server.send("SET", "given-later", 1)
        server.send("PEXPIREAT", "given-later", past_ms)
        server.stop()

        logged = [row.argv for row in CommandListing(find_log(server.log_target), CommandFilter())]

        given = [argv for argv in logged if b"%d" % past_ms in argv]
        assert [argv[1] for argv in given] == ([b"given-with-set"] if server_build.kind == "redis" else [])

"""A small sample of the keys of a large log: near the full one, or refused where it cannot stand for all."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from aoftool.analysis.census.reading import read_log
from aoftool.aof.layout import find_log
from aoftool.aof.log import LogPart
from aoftool.api.postmortem import gathering
from aoftool.cli.app import run
from aoftool.errors import UnsupportedError
from aoftool.replay.log_replay import LogReplay
from aoftool.simulate import quick
from aoftool.simulate.measuring import _closed, measure_log
from aoftool.simulate.model import Measured
from aoftool.simulate.running import size_at
from tests.builders import Word, log, select, timestamp
from tests.report.pages import tables_of

KEYS = 3000


def shop(rng: random.Random, count: int) -> list[tuple[Word, ...]]:
    """Return writes of many kinds: values that stay, that grow, that go, and a flush at the start."""
    items: list[tuple[Word, ...]] = [("SET", "gone", "x"), ("FLUSHALL",)]
    for number in range(count):
        who = rng.randrange(KEYS)
        match rng.randrange(8):
            case 0 | 1 | 2 | 3:
                items.append(("SET", f"s:{who}", rng.randbytes(rng.randrange(20, 200)).hex()))
            case 4:
                items.append(("HSET", f"h:{who}", f"f{number % 9}", rng.randbytes(20).hex()))
            case 5:
                items.append(("RPUSH", f"l:{who}", rng.randbytes(15).hex()))
            case 6:
                items.append(("DEL", f"s:{who}", f"h:{rng.randrange(KEYS)}"))
            case _:
                items.append(("MSET", *(word for each in range(3) for word in (f"m:{who + each}", "v" * 50))))
    return items


def written(path: Path, items: list[tuple[Word, ...]]) -> str:
    path.write_bytes(timestamp(1_790_000_000) + log(select(0), *items) + timestamp(1_790_000_600))
    return str(path)


def measured(path: str, *, is_quick: bool) -> Measured:
    found = find_log(path)
    return measure_log(found, read=read_log(found), quick=is_quick)[0]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay few commands, so that a small log is a large one."""
    monkeypatch.setattr(quick, "_MOST_WRITES", 5000)


@pytest.mark.usefixtures("few")
def test_what_a_sample_says_is_near_what_all_keys_say(tmp_path: Path) -> None:
    path = written(tmp_path / "a.aof", shop(random.Random(5), 30_000))

    part, whole = measured(path, is_quick=True), measured(path, is_quick=False)

    assert whole.sampled == 1
    assert part.sampled > 5
    assert part.appended_bytes == whole.appended_bytes
    # Three deviations: of values that differ as these do, some 1,000 keys at the end, fewer before.
    for point in part.sizes[8:]:
        near = 0.1 if 2 * point.place > whole.appended_bytes else 0.22
        assert point.size_bytes == pytest.approx(size_at(whole, point.place).size_bytes, rel=near)
        assert point.keys == pytest.approx(size_at(whole, point.place).keys, rel=near)
    assert part.load_s[-1] == pytest.approx(whole.load_s[-1], rel=0.02)
    assert part.load_places == sorted(part.load_places)
    assert part.load_s == sorted(part.load_s)


@pytest.mark.usefixtures("few")
def test_one_large_key_among_many_counts_once(tmp_path: Path) -> None:
    items = shop(random.Random(6), 20_000)
    items += [("RPUSH", "queue", *(f"{number}-{each}" * 40 for each in range(100))) for number in range(40)]
    path = written(tmp_path / "a.aof", items)

    part, whole = measured(path, is_quick=True), measured(path, is_quick=False)

    assert part.sizes[-1].size_bytes == pytest.approx(whole.sizes[-1].size_bytes, rel=0.1)


def test_a_sample_of_all_is_exact(tmp_path: Path) -> None:
    path = written(tmp_path / "a.aof", shop(random.Random(7), 3000))

    part, whole = measured(path, is_quick=True), measured(path, is_quick=False)

    assert (part.sampled, part.sizes[-1]) == (1, whole.sizes[-1])


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([("INCR", f"n:{number % 50}") for number in range(20_000)], "written so often"),
        ([*shop(random.Random(1), 20_000), ("EVAL", "return 1", "0")], "what a command does cannot be known"),
        ([*shop(random.Random(1), 20_000), ("NOSUCH", "a")], "what a command does cannot be known"),
    ],
    ids=["few-keys", "script", "unknown"],
)
def test_what_no_sample_can_stand_for_is_refused(
    items: list[tuple[Word, ...]], why: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.aof", items)

    with pytest.raises(UnsupportedError, match=why):
        measured(path, is_quick=True)


def test_the_sample_of_a_log_that_does_not_fit_stops_at_an_unknown_command_too(tmp_path: Path) -> None:
    """It may do anything to keys of the sample."""
    path = written(tmp_path / "a.aof", [*shop(random.Random(1), 3000), ("NOSUCH", "a")])
    found = find_log(path)

    with pytest.raises(UnsupportedError, match="what a command does cannot be known"):
        measure_log(found, most_bytes=50_000)


@pytest.mark.usefixtures("few")
def test_the_page_of_a_large_log_has_the_thresholds_and_says_what_they_rest_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gathering, "REPLAYED_UNASKED_BYTES", 1000)
    path = written(tmp_path / "a.aof", shop(random.Random(5), 20_000))

    run(["report", "--json", path])

    found = json.loads(capsys.readouterr().out)
    assert len(tables_of(found)["thresholds"]["rows"]) == 9
    notes = [row["says"] for row in tables_of(found)["simulated"]["rows"] if row["what"] == "note"]
    assert any("was replayed; what a rewrite leaves is an estimate" in note for note in notes)
    assert not any("settings" in row["subject"] for row in tables_of(found)["not-looked"]["rows"])


def test_a_smaller_log_has_a_smaller_sample_but_never_of_few_keys() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**32, 30_000)
    often, seldom = np.full(30_000, 50), np.full(30_000, 1)

    def kept(writes: npt.NDArray[np.int64], wanted: int) -> tuple[int, int]:
        one_in, highest = quick._cut(hashes, writes, wanted)
        return one_in, int((hashes <= highest).sum())

    assert kept(often, 100_000) == (15, 2000)
    assert kept(often, 20_000) == (75, 400)
    # As many keys as it takes, though they have more writes.
    assert kept(often, 5000) == (150, 200)
    # And no more keys than it takes.
    assert kept(seldom, 100_000) == (3, 10_000)


def test_what_stands_around_commands_is_not_given_to_the_replay(tmp_path: Path) -> None:
    path = written(tmp_path / "a.aof", [("MULTI",), ("SET", "a", "1"), ("EXEC",)])
    found = find_log(path)

    watch = quick.quick_sample(found, read_log(found)).watch

    assert not any(map(watch.wants_name, (b"MULTI", b"EXEC", b"SELECT", b"SET")))
    assert watch.wants_name(b"FLUSHALL")


@pytest.mark.parametrize(
    ("tail", "closed"),
    [
        ([], True),
        ([("MULTI",), ("SET", "b", "2")], False),
        ([("MULTI",), ("DISCARD",)], False),
        ([("DISCARD",)], True),
    ],
)
def test_a_file_that_is_known_to_be_closed_is_not_walked_for_it(
    tail: list[tuple[Word, ...]], closed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.aof", [("SET", "a", "1"), *tail])
    found = find_log(path)
    read = read_log(found)
    walked: list[int] = []
    real = LogReplay._open_transaction

    def open_transaction(self: LogReplay, number: int, part: LogPart, start: int) -> int:
        answer = real(self, number, part, start)
        assert answer == LogReplay._open_transaction_walked(part, start)
        walked.append(answer)
        return answer

    monkeypatch.setattr(LogReplay, "_open_transaction", open_transaction)

    keys = measure_log(found, read=read)[0].sizes[-1].keys

    assert (_closed(read) == {0: Path(path).stat().st_size}) is closed
    assert keys == 1
    assert len(walked) == 1

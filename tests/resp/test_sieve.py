"""The sieve finds exactly the commands that a full reading finds, whoever walks and wherever it is cut."""

from __future__ import annotations

import importlib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.files.source import open_source
from aoftool.resp import sieve as sieve_module
from aoftool.resp.commands import CommandReader
from aoftool.resp.model import Command
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import WORD_MOST, Area, AreaEnd, SieveState, SieveStatus, Watch
from tests.kernels import twin
from tests.resp.streams import encode, streams, whole_streams

WATCHES = (
    Watch(),
    Watch(keys=frozenset((b"key", b"", b"v" * 300))),
    Watch(names=frozenset((b"SET", b"EXEC", b"SELECT"))),
    Watch(known=frozenset((b"SET", b"MULTI", b"SELECT"))),
    Watch(literal=b"ke", at_start=True),
    Watch(literal=b"v"),
    Watch(min_length=60),
    Watch(keys=frozenset((b"0",)), names=frozenset((b"MULTI",)), min_length=300),
    Watch(
        known=frozenset((b"SET", b"MULTI")),
        areas={b"SET": Area(2, frozenset((b"NX",))), b"DEL": Area(2), b"SELECT": Area(1)},
    ),
)
WORDS = frozenset((b"NX", b"GET", b"FIELDS", b"MAXLEN", b"A" * WORD_MOST))
AREAS = {
    b"SET": Area(2, WORDS),
    b"ZADD": Area(1, WORDS, AreaEnd.PLAIN, 2),
    b"XADD": Area(1, WORDS, AreaEnd.ENTRY_ID, 3),
    b"HEXPIRE": Area(1, WORDS, AreaEnd.FIELDS),
    b"HSET": Area(2, end=AreaEnd.AT_ONCE, size=2),
    b"A-LONG-NAME": Area(3),
}
SHORT_ARGUMENTS = b"NX nx get FIELDS fields MAXLEN XX x 1 1-1 -1 ~ 1e5 [x".split()
ODD_ARGUMENTS = [b"", b"\xc3\xa4x", b"a\r\nb"]
LONG_ARGUMENTS = [b"A" * WORD_MOST, b"a" * (WORD_MOST + 1), b"B" * WORD_MOST]
ARGUMENTS = st.sampled_from([*SHORT_ARGUMENTS, *ODD_ARGUMENTS, *LONG_ARGUMENTS])
fixture_is_shared = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(params=["py", "cy"])
def sieve_type(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give each implementation in turn, in use by the driver too."""
    found = twin("sieve", request.param).Sieve
    monkeypatch.setattr(sieve_module, "Sieve", found)
    return found


def wanted(command: Command, watch: Watch) -> bool:
    upper = command.name if len(command.argv[0]) <= 64 else b""
    return (
        any(map(watch.wants_argument, command.argv[1:]))
        or watch.wants_name(upper)
        or watch.wants_form(upper, command.argv)
        or 0 < watch.min_length <= command.length
    )


def slow_hits(path: Path, watch: Watch) -> tuple[list[Command], int]:
    with open_source(path) as source:
        reader = CommandReader(source)
        found = [command for command in reader if wanted(command, watch)]
        return found, reader.tally().good_end


def sieved(path: Path, watch: Watch, workers: int, part_bytes: int) -> tuple[list[Command], SieveReader]:
    with open_source(path) as source:
        reader = SieveReader(source, watch, workers=workers, part_bytes=part_bytes)
        return list(reader), reader


def test_a_command_glued_to_an_annotation_ends_the_reading_before_it(sieve_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(encode(b"PING") + b"#note*1\r\n$4\r\nPING\r\n")
    _, good_end = slow_hits(path, WATCHES[0])

    _, reader = sieved(path, WATCHES[0], 1, 1)

    assert reader.end == good_end == 14


@fixture_is_shared
@given(
    commands=st.lists(
        st.tuples(st.sampled_from([*AREAS, b"set", b"GET"]), st.lists(ARGUMENTS, max_size=6)), min_size=1
    )
)
def test_what_stands_in_an_area_is_judged_alike(
    sieve_type: Any, commands: list[tuple[bytes, list[bytes]]]
) -> None:
    watch, data = Watch(areas=AREAS), b"".join(encode(name, *rest) for name, rest in commands)
    hits = [at for at, (name, rest) in enumerate(commands) if watch.wants_form(name.upper(), [name, *rest])]

    sieve = sieve_type(watch, SieveState())
    used, _ = sieve.feed(data, 0, len(data))

    assert used == len(data)
    assert list(sieve.take_rows()[1]) == hits


@pytest.mark.parametrize(
    ("line", "hit"),
    [
        (b"SET k NX", False),
        (b"SET NEW nx", False),
        (b"SET k NEW", True),
        (b"SET k N", False),
        (b"ZADD nx 1 a 2 b", False),
        (b"ZADD nx 1 a 2", True),
        (b"ZADD new 1 a", True),
        (b"XADD MAXLEN 5 1-1 f v w", False),
        (b"XADD MAXLEN 5 1-1 f v", True),
        (b"HEXPIRE 5 FIELDS 1 new", False),
        (b"HEXPIRE 5 new FIELDS 1 f", True),
        (b"HSET k f v", False),
        (b"HSET k f", True),
        (b"A-LONG-NAME k v", False),
        (b"A-LONG-NAME k v 1", True),
    ],
)
def test_a_form_is_wanted_where_no_word_of_its_own_stands(line: bytes, hit: bool) -> None:
    name, *rest = line.split(b" ")

    assert Watch(areas=AREAS).wants_form(name, [name, *rest]) is hit


@fixture_is_shared
@given(data=streams(), watch=st.sampled_from(WATCHES), size=st.integers(1, 400))
def test_hits_are_those_of_a_full_reading(
    sieve_type: Any, tmp_path: Path, data: bytes, watch: Watch, size: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    expected, good_end = slow_hits(path, watch)

    for workers in (1, 2):
        found, reader = sieved(path, watch, workers, size)

        assert found == expected
        assert reader.end == good_end


@fixture_is_shared
@given(data=whole_streams, watch=st.sampled_from(WATCHES), cut=st.integers(0, 2000))
def test_a_reading_ends_on_the_first_boundary_behind_its_limit(
    sieve_type: Any, tmp_path: Path, data: bytes, watch: Watch, cut: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    with open_source(path) as source:
        reader = SieveReader(source, watch, until=cut)

        found = list(reader)

    expected, good_end = slow_hits(path, watch)
    assert found == [command for command in expected if command.offset < min(cut, reader.end)]
    assert min(cut, good_end) <= reader.end <= good_end


@given(data=streams(), watch=st.sampled_from(WATCHES), stop=st.integers(0, 500))
def test_both_implementations_walk_alike(data: bytes, watch: Watch, stop: int) -> None:
    try:
        native = importlib.import_module("aoftool.resp._sieve_cy").Sieve
    except ImportError:
        pytest.skip("the native sieve is not built")
    reference = importlib.import_module("aoftool.resp._sieve_py").Sieve
    seen = []
    for kind in (reference, native):
        state = SieveState()
        walker = kind(watch, state)
        used, status = walker.feed(data, 7, stop)
        rows, indexes = walker.take_rows()
        seen.append((used, status, rows, list(indexes), state))

    assert seen[0] == seen[1]
    assert isinstance(seen[1][1], SieveStatus)


@pytest.mark.parametrize(
    "keys", [(b"",), (b"a",), (b"\n", b"\r"), (b"\r\n", b"ab"), (b"", b"b", b"a\n", b"bab")]
)
def test_keys_of_hardly_any_bytes_are_told_apart(
    sieve_type: Any, tmp_path: Path, keys: tuple[bytes, ...]
) -> None:
    path = tmp_path / "log"
    texts = [b"".join(part) for size in range(4) for part in product((b"a", b"b", b"\r", b"\n"), repeat=size)]
    path.write_bytes(b"".join(encode(b"DEL", text) for text in texts))

    found, _ = sieved(path, Watch(keys=frozenset(keys)), 1, 1 << 20)

    assert [command.argv[1] for command in found] == [text for text in texts if text in keys]


def test_a_command_larger_than_the_buffer_is_found(sieve_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    large = encode(b"SET", b"other", b"x" * 1_000_000)
    path.write_bytes(large + encode(b"SET", b"mine", b"y" * 700_000) + large + encode(b"DEL", b"mine"))

    found, _ = sieved(path, Watch(keys=frozenset((b"mine",))), 1, 1 << 30)

    assert [(command.name, command.index) for command in found] == [(b"SET", 1), (b"DEL", 3)]
    assert found[0].argv[2] == b"y" * 700_000


def test_long_arguments_are_cut_on_request(sieve_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(encode(b"SET", b"mine", b"y" * 700))
    with open_source(path) as source:
        (found,) = SieveReader(source, Watch(keys=frozenset((b"mine",))), keep=100)

    assert found.argv[2] == b"y" * 100
    assert found.lengths == [3, 4, 700]


def test_the_state_at_the_end_is_that_of_the_stream(sieve_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    data = encode(b"SELECT", b"3") + b"#TS:77\r\n" + encode(b"MULTI") + encode(b"SET", b"a", b"b")
    path.write_bytes(data)

    for workers in (1, 2):
        _, reader = sieved(path, Watch(), workers, 20)

        assert (reader.state.db, reader.state.time_s, reader.state.is_open) == (3, 77, True)
        assert reader.state.commands == 3


def test_many_keys_that_are_alike_are_found_and_no_others(sieve_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    names = [b"key:%010d" % number for number in range(6000)]
    path.write_bytes(b"".join(encode(b"SET", name, b"v") for name in names))
    watch = Watch(keys=frozenset(names[::3]) | {b"", b"k", b"key:000000000"})

    found, reader = sieved(path, watch, 1, 1000)

    assert [command.argv[1] for command in found] == names[::3]
    assert [command.index for command in found] == list(range(0, 6000, 3))
    assert (reader.end, reader.stop) == (path.stat().st_size, None)
    assert (found, reader.end) == slow_hits(path, watch)

"""Commands one by one and in batches: the same commands, whatever the pieces and the implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.files.source import open_source
from aoftool.resp import batch, commands
from aoftool.resp.batch import Batch, BatchReader
from aoftool.resp.commands import CommandReader
from aoftool.resp.frame import FrameScan, argv_at
from aoftool.resp.grammar import Grammar, KeyRule, Limits, ScanOptions
from aoftool.resp.model import Command
from tests.kernels import twin
from tests.resp.conftest import load_scan
from tests.resp.streams import CONTAINERS, KEY_RULES, encode, scan_in_pieces, streams

fixture_is_shared = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(params=["py", "cy"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the readers use one implementation, with pieces so small that commands lie across them."""
    name: str = request.param
    scan = load_scan(name)
    cut_commands = twin("cut", name).cut_commands
    monkeypatch.setattr(commands, "Scan", scan)
    monkeypatch.setattr(batch, "Scan", scan)
    monkeypatch.setattr(commands, "cut_commands", cut_commands)
    monkeypatch.setattr(commands, "BUFFER_BYTES", 100)
    monkeypatch.setattr(batch, "_READ_BYTES", 100)
    monkeypatch.setattr(commands, "SKIP_BYTES", 64)
    monkeypatch.setattr(batch, "SKIP_BYTES", 64)
    return name


def frame_by_frame(data: bytes, spans: list[tuple[int, int]]) -> list[list[bytes]]:
    """Read each command from its own bytes alone."""
    found = []
    for offset, length in spans:
        scan = FrameScan(offset)
        scan.feed(data[offset : offset + length])
        scan.finish()
        frame = scan.frame()
        assert frame is not None
        assert frame.length == length
        found.append(frame.argv)
    return found


def read(path: Path, data: bytes, **options: Any) -> tuple[list[Command], CommandReader]:
    path.write_bytes(data)
    with open_source(path) as source:
        reader = CommandReader(source, containers=CONTAINERS, **options)
        return list(reader), reader


@fixture_is_shared
@given(data=streams())
def test_every_command_comes_with_its_arguments(tmp_path: Path, implementation: str, data: bytes) -> None:
    found, reader = read(tmp_path / "log.aof", data)

    whole = scan_in_pieces(load_scan("py"), ScanOptions(containers=CONTAINERS), data, ()).tally()
    tally = reader.tally()
    assert tally == whole
    assert [command.index for command in found] == list(range(whole.commands))
    assert [command.argv for command in found] == frame_by_frame(data, [(c.offset, c.length) for c in found])
    assert sum(command.length for command in found) == sum(row.bytes for row in whole.rows.values())


@fixture_is_shared
@given(data=streams(), names=st.sets(st.sampled_from((b"SET", b"DEL", b"MULTI", b"SELECT", b"XGROUP"))))
def test_names_filter_the_commands(
    tmp_path: Path, implementation: str, data: bytes, names: set[bytes]
) -> None:
    everything, _ = read(tmp_path / "log.aof", data)
    chosen, _ = read(tmp_path / "log.aof", data, names=frozenset(names))

    assert chosen == [command for command in everything if command.name in names]


def test_long_arguments_are_cut_on_request(tmp_path: Path, implementation: str) -> None:
    value = b"v" * 1000
    data = encode(b"SET", b"a", value) + encode(b"SET", b"b", b"1")

    found, _ = read(tmp_path / "log.aof", data, limit=70)

    assert [command.argv for command in found] == [[b"SET", b"a", value[:70]], [b"SET", b"b", b"1"]]
    assert [command.lengths for command in found] == [[3, 1, 1000], None]


def test_commands_know_their_database_transaction_and_time(tmp_path: Path, implementation: str) -> None:
    data = (
        encode(b"SET", b"a", b"1")
        + b"#TS:100\r\n"
        + encode(b"MULTI")
        + encode(b"SELECT", b"2")
        + encode(b"SET", b"a", b"1")
        + encode(b"EXEC")
        + b"#TS:200\r\n"
        + encode(b"MULTI")
        + encode(b"EXEC")
        + encode(b"DEL", b"a")
    )

    found, _ = read(tmp_path / "log.aof", data)

    assert [(c.argv[0], c.db, c.txn, c.time_s) for c in found] == [
        (b"SET", 0, 0, -1),
        (b"MULTI", 0, 1, 100),
        (b"SELECT", 2, 1, 100),
        (b"SET", 2, 1, 100),
        (b"EXEC", 2, 1, 100),
        (b"MULTI", 2, 2, 200),
        (b"EXEC", 2, 2, 200),
        (b"DEL", 2, 0, 200),
    ]


def all_batches(path: Path) -> tuple[list[Batch], BatchReader]:
    with open_source(path) as source:
        reader = BatchReader(source, containers=CONTAINERS, key_rules=KEY_RULES)
        return list(reader), reader


def expected_keys(argv: list[bytes]) -> list[bytes]:
    """Say where the keys of KEY_RULES are, in the plainest way."""
    name = argv[0].upper()
    if name == b"SET":
        return argv[1:2]
    if name == b"DEL":
        return argv[1:]
    if name == b"MSET":
        return argv[1::2]
    if name == b"XGROUP" and len(argv) > 1 and argv[1].upper() == b"CREATE":
        return argv[2:3]
    if name == b"ZUNIONSTORE":
        count = int(argv[2]) if len(argv) > 2 and len(argv[2]) < 10 and argv[2].isdigit() else 0
        return argv[1:2] + argv[3 : 3 + count]
    return []


@fixture_is_shared
@given(data=streams())
def test_batches_hold_the_same_commands_and_their_keys(
    tmp_path: Path, implementation: str, data: bytes
) -> None:
    found, _ = read(tmp_path / "log.aof", data)
    made, reader = all_batches(tmp_path / "log.aof")

    rows = [
        (
            part.first_index + i,
            part.offset[i],
            part.length[i],
            part.argc[i],
            part.db[i],
            part.txn[i],
            part.time_s[i],
        )
        for part in made
        for i in range(len(part))
    ]
    assert rows == [(c.index, c.offset, c.length, len(c.argv), c.db, c.txn, c.time_s) for c in found]
    keys = [part.keys(i) for part in made for i in range(len(part))]
    assert keys == [expected_keys(command.argv) for command in found]
    assert reader.tally().commands == len(found)


def test_key_spans_point_at_the_keys(tmp_path: Path, implementation: str) -> None:
    data = encode(b"MSET", b"first", b"1", b"second", b"2") + encode(b"PING")
    (tmp_path / "log.aof").write_bytes(data)

    made, _ = all_batches(tmp_path / "log.aof")

    part = made[0]
    spans = zip(part.key_offset, part.key_length, strict=True)
    assert [data[offset : offset + length] for offset, length in spans] == [b"first", b"second"]
    assert part.key_argument.tolist() == [1, 3]
    assert part.first_key()[0].tolist() == [data.index(b"first"), -1]
    assert [part.names[number] for number in part.command] == [(b"MSET", None), (b"PING", None)]


def test_very_long_keys_are_cut_but_measured(tmp_path: Path, implementation: str) -> None:
    key = b"k" * (Limits.KEY_BYTES + 10)
    (tmp_path / "log.aof").write_bytes(encode(b"SET", key, b"v"))

    made, _ = all_batches(tmp_path / "log.aof")

    assert made[0].keys(0) == [key[: Limits.KEY_BYTES]]
    assert made[0].key_length.tolist() == [len(key)]


def test_a_command_is_read_at_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    first = encode(b"SET", b"a", b"x" * 100_000)
    path.write_bytes(first + b"*2\n$3\nGET\r\n$1\n\0\r\n")

    with open_source(path) as source:
        cut = argv_at(source, 0, limit=100)
        odd = argv_at(source, len(first))

    assert (cut.length, cut.argv[2], cut.lengths) == (len(first), b"x" * 100, [3, 1, 100_000])
    assert (odd.argv, odd.lenient, odd.lengths) == ([b"GET", b"\0"], True, None)


@pytest.mark.parametrize("grammar", [Grammar.STRICT, Grammar.LENIENT])
def test_both_scanners_find_the_keys_of_a_million_arguments(tmp_path: Path, grammar: Grammar) -> None:
    count = 20_000
    data = encode(b"DEL", *(b"%d" % i for i in range(count)))
    options = ScanOptions(rows=True, grammar=grammar, key_rules={(b"DEL", None): (KeyRule(1, -1),)})

    made = [
        scan_in_pieces(load_scan(name), options, data, range(0, len(data), 4096)).take_rows()
        for name in ("py", "cy")
    ]

    assert made[0] == made[1]
    assert len(made[0].key_offset) == 8 * count

"""A scan by ranges counts exactly as a scan in one piece, wherever the cuts fall."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.files.source import open_source
from aoftool.resp import scanner
from aoftool.resp.grammar import Grammar, ScanOptions
from aoftool.resp.model import TailTally
from aoftool.resp.pieces import ranges
from aoftool.resp.pieces.join import NotJoinableError, join
from aoftool.resp.pieces.ranges import RangeScan, tally_ranges
from aoftool.resp.stops import Halt
from tests.resp.streams import CONTAINERS, encode, scan_in_pieces, streams, whole_streams

fixture_is_shared = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def tally_cut_at(scan_type: Any, data: bytes, cuts: list[int]) -> TailTally | None:
    """Scan the stream in ranges that end behind the given places; None when they do not join."""
    front: TailTally | None = None
    start = 0
    for cut in [*sorted(cuts), None]:
        options = ScanOptions(start=start, limit=cut, containers=CONTAINERS, known_state=start == 0)
        scan = scan_type(options)
        scan.feed(data[start:])
        scan.finish()
        part = scan.tally()
        if front is None:
            front = part
        else:
            try:
                join(front, part)
            except NotJoinableError:
                return None
        if scan.halt is not Halt.BOUNDARY or cut is None:
            break
        start = scan.offset
    assert front is not None
    return front


def same(one: TailTally, two: TailTally) -> bool:
    """Compare what was counted; how the start was known is no part of it."""
    return replace(one, edge=two.edge) == two


@fixture_is_shared
@given(data=streams(), draw=st.data())
def test_ranges_join_to_the_whole(scan_type: Any, data: bytes, draw: st.DataObject) -> None:
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=6))

    whole = scan_in_pieces(scan_type, ScanOptions(containers=CONTAINERS), data, ()).tally()
    joined = tally_cut_at(scan_type, data, cuts)

    assert joined is None or same(joined, whole)


@fixture_is_shared
@given(data=whole_streams)
def test_every_single_cut_joins_to_the_whole(scan_type: Any, data: bytes) -> None:
    whole = scan_in_pieces(scan_type, ScanOptions(containers=CONTAINERS), data, ()).tally()

    for cut in range(0, len(data), max(1, len(data) // 50)):
        joined = tally_cut_at(scan_type, data, [cut])
        assert joined is None or same(joined, whole)


def by_threads(path: Path, part_bytes: int, workers: int = 2) -> TailTally:
    with open_source(path) as source:
        size = source.size_bytes
        assert size is not None
        drive = functools.partial(scanner.drive, end=size)
        shared = RangeScan(source, 0, size, CONTAINERS, Grammar.LENIENT, drive, part_bytes)
        return tally_ranges(shared, source, workers, 4096, None)


def in_one_piece(path: Path) -> TailTally:
    with open_source(path) as source:
        return scanner.tally(source, containers=CONTAINERS)


def assert_same_by_threads(path: Path, part_bytes: int, workers: int = 2) -> None:
    whole = in_one_piece(path)
    joined = by_threads(path, part_bytes, workers)
    joined.rest_bytes = whole.rest_bytes
    # Only the driver looks behind a torn payload.
    whole.stop, joined.stop = (
        None
        if tally.stop is None
        else replace(tally.stop, reason=tally.stop.loader_reason, resume_offset=None)
        for tally in (whole, joined)
    )
    assert same(joined, whole)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(pieces=st.lists(whole_streams, max_size=6), tail=streams(), part_bytes=st.integers(20, 2000))
def test_threads_count_as_one(tmp_path: Path, pieces: list[bytes], tail: bytes, part_bytes: int) -> None:
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join(pieces) + tail)

    try:
        assert_same_by_threads(path, part_bytes)
    except NotJoinableError:
        return


@pytest.mark.parametrize("part_bytes", [100, 1000, 5000, 64 * 1024, 1 << 20])
def test_commands_inside_values_do_not_mislead_ranges(tmp_path: Path, part_bytes: int) -> None:
    inner = encode(b"SET", b"inner", b"1") * 400
    path = tmp_path / "log.aof"
    path.write_bytes((encode(b"SELECT", b"3") + encode(b"SET", b"outer", inner) + encode(b"INCR", b"n")) * 20)

    tally = by_threads(path, part_bytes)

    assert tally.by_name() == {b"SELECT": 20, b"SET": 20, b"INCR": 20}
    assert_same_by_threads(path, part_bytes)


@pytest.mark.parametrize("part_bytes", [50, 500, 5000])
def test_transactions_and_databases_pass_from_range_to_range(tmp_path: Path, part_bytes: int) -> None:
    block = encode(b"MULTI") + encode(b"SELECT", b"7") + encode(b"SET", b"a", b"b") * 30 + encode(b"EXEC")
    odd = (
        encode(b"EXEC") + encode(b"MULTI") + encode(b"MULTI") + encode(b"DISCARD") + encode(b"GET", b"x") * 40
    )
    path = tmp_path / "log.aof"
    path.write_bytes(encode(b"SELECT", b"x") + block * 20 + odd * 3)

    tally = by_threads(path, part_bytes, workers=3)

    assert_same_by_threads(path, part_bytes)
    assert tally.transactions.count == 22
    assert tally.transactions.nested.count == 3
    assert tally.transactions.lone_execs.count == 1
    assert tally.transactions.discards_inside.count == 3
    assert tally.transactions.open_commands == 42


def test_more_names_than_the_table_holds_are_counted_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "PART_BYTES", 4096)
    monkeypatch.setattr(scanner, "NATIVE", True)
    path = tmp_path / "log.aof"
    path.write_bytes(b"".join(encode(b"N%d" % (i * 7919 % 6000)) for i in range(12000)))

    with open_source(path) as source:
        by_two = scanner.tally(source, workers=2)

    assert by_two.capped
    assert same(by_two, replace(in_one_piece(path), edge=by_two.edge))

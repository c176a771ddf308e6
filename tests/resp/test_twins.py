"""The reference and the kernel give the same answers: on every input, split, limit and start state."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoftool.resp.grammar import Limits, ScanOptions
from aoftool.resp.stops import DEPARTURES, Departure, Halt
from tests.resp.streams import CONTAINERS, GRAMMARS, KEY_RULES, scan_in_pieces, streams

fixture_is_shared = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def outcome(scan: Any) -> tuple[Any, ...]:
    return scan.tally(), scan.offset, scan.halt, scan.names(), scan.take_rows()


@st.composite
def options(draw: st.DrawFn) -> ScanOptions:
    return ScanOptions(
        start=draw(st.sampled_from((0, 7, 2**40))),
        grammar=draw(st.sampled_from(GRAMMARS)),
        containers=draw(st.sampled_from((frozenset(), CONTAINERS))),
        known_state=draw(st.booleans()),
        rows=draw(st.booleans()),
        key_rules=draw(st.sampled_from(({}, KEY_RULES))),
    )


@fixture_is_shared
@given(data=streams(), options=options())
def test_both_agree_on_every_input(both_scans: tuple[Any, Any], data: bytes, options: ScanOptions) -> None:
    python, native = both_scans

    one = outcome(scan_in_pieces(python, options, data, ()))
    two = outcome(scan_in_pieces(native, options, data, ()))

    assert one == two


@fixture_is_shared
@given(data=streams(), options=options(), draw=st.data())
def test_no_split_changes_the_answer(
    scan_type: Any, data: bytes, options: ScanOptions, draw: st.DataObject
) -> None:
    cuts = draw.draw(st.lists(st.integers(0, len(data)), max_size=8))

    whole = outcome(scan_in_pieces(scan_type, options, data, ()))
    pieces = outcome(scan_in_pieces(scan_type, options, data, cuts))

    assert whole == pieces


@fixture_is_shared
@given(data=streams(), options=options())
def test_one_byte_at_a_time_gives_the_same_answer(scan_type: Any, data: bytes, options: ScanOptions) -> None:
    whole = outcome(scan_in_pieces(scan_type, options, data, ()))
    bytewise = outcome(scan_in_pieces(scan_type, options, data, range(len(data))))

    assert whole == bytewise


@fixture_is_shared
@given(data=st.binary(max_size=300), options=options())
def test_both_agree_on_noise(both_scans: tuple[Any, Any], data: bytes, options: ScanOptions) -> None:
    python, native = both_scans

    assert outcome(scan_in_pieces(python, options, data, ())) == outcome(
        scan_in_pieces(native, options, data, range(0, len(data), 3))
    )


@fixture_is_shared
@given(data=streams(), options=options())
def test_bytes_add_up_to_the_input(scan_type: Any, data: bytes, options: ScanOptions) -> None:
    tally = scan_in_pieces(scan_type, options, data, ()).tally()

    rest = options.start + len(data) - tally.good_end

    assert tally.bytes_scanned + rest == len(data)
    assert sum(row.commands for row in tally.rows.values()) == tally.commands == tally.stop.command_index


def test_the_kernel_uses_the_numbers_of_the_enumerations(both_scans: tuple[Any, Any]) -> None:
    assert [halt.value for halt in Halt] == list(range(12))
    assert [departure.value for departure in Departure] == list(range(10))
    assert len(DEPARTURES) == 10
    assert (Limits.NAME_BYTES, Limits.FOUND_BYTES, Limits.NAMES, Limits.DBS, Limits.ROWS) == (
        64, 64, 4096, 1024, 32768,
    )  # fmt: skip

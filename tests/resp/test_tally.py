"""What a scan counts: names, databases, transactions, times; and how tallies add up."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings

from aoftool.resp.grammar import Limits, ScanOptions
from aoftool.resp.model import OTHER_DB, OTHER_NAMES, Row, RowKey, TailTally
from tests.resp.streams import CONTAINERS, encode, scan_in_pieces, streams

fixture_is_shared = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def tally_of(scan_type: Any, *pieces: bytes) -> TailTally:
    tally: TailTally = scan_in_pieces(
        scan_type, ScanOptions(containers=CONTAINERS), b"".join(pieces), ()
    ).tally()
    return tally


def test_names_are_taken_together_whatever_their_case(scan_type: Any) -> None:
    tally = tally_of(
        scan_type, encode(b"SET", b"a", b"b"), encode(b"set", b"a", b"bb"), encode(b"SeT", b"a", b"b")
    )

    row = tally.rows[RowKey(b"SET", None, 0)]
    assert (row.commands, row.bytes, row.largest_bytes, row.largest_offset) == (3, 82, 28, 27)


def test_a_row_holds_the_least_and_the_most_arguments(scan_type: Any) -> None:
    commands = [encode(b"DEL", *[b"k"] * count) for count in (2, 5, 1, 3)]

    tally = tally_of(scan_type, *commands, encode(b"PING"), b"*1\n$4\r\nPING\r\n", encode(b"PING", b"a"))

    limits = {key.name: (row.least_argc, row.most_argc) for key, row in tally.rows.items()}
    assert limits == {b"DEL": (2, 6), b"PING": (1, 2)}


def test_an_empty_row_is_neutral() -> None:
    row = Row(1, 30, 30, 0, 3, 3)

    row.merge(Row())

    assert row == Row(1, 30, 30, 0, 3, 3)


def test_subcommands_of_containers_are_counted_apart(scan_type: Any) -> None:
    tally = tally_of(
        scan_type, encode(b"XGROUP", b"create", b"s"), encode(b"xgroup", b"SETID", b"s"), encode(b"XGROUP")
    )

    assert set(tally.rows) == {
        RowKey(b"XGROUP", b"CREATE", 0),
        RowKey(b"XGROUP", b"SETID", 0),
        RowKey(b"XGROUP", None, 0),
    }


def test_a_select_counts_in_the_database_it_selects(scan_type: Any) -> None:
    tally = tally_of(
        scan_type,
        encode(b"SELECT", b"5"),
        encode(b"SET", b"a", b"b"),
        encode(b"MULTI"),
        encode(b"select", b"7"),
        encode(b"SET", b"a", b"b"),
        encode(b"EXEC"),
        encode(b"DEL", b"a"),
    )

    assert {(key.name, key.db) for key in tally.rows} == {
        (b"SELECT", 5), (b"SET", 5), (b"MULTI", 5), (b"SELECT", 7), (b"SET", 7), (b"EXEC", 7), (b"DEL", 7),
    }  # fmt: skip
    assert tally.selects.last_db == 7


def test_a_select_that_is_no_canonical_decimal_changes_nothing(scan_type: Any) -> None:
    bad = (b"-1", b"x", b"01", b"+1", b" 1", b"", b"2147483648", b"99999999999")
    tally = tally_of(
        scan_type,
        encode(b"SELECT", b"3"),
        *(encode(b"SELECT", number) for number in bad),
        encode(b"SELECT"),
        encode(b"SELECT", b"1", b"2"),
        encode(b"GET", b"k"),
    )

    assert tally.selects.count == 11
    assert (tally.selects.invalid.count, tally.selects.invalid.first_offset) == (10, 23)
    assert RowKey(b"GET", None, 3) in tally.rows


def test_transactions_are_followed(scan_type: Any) -> None:
    multi, write, run, drop = (
        encode(b"MULTI"),
        encode(b"SET", b"a", b"b"),
        encode(b"EXEC"),
        encode(b"DISCARD"),
    )
    tally = tally_of(scan_type, drop, run, multi, write, run, multi, multi, drop, run, multi, write, write)

    seen = tally.transactions
    assert seen.count == 2
    assert [
        seen.lone_discards.count,
        seen.lone_execs.count,
        seen.nested.count,
        seen.discards_inside.count,
    ] == [1] * 4
    assert seen.lone_execs.first_offset == len(drop)
    assert seen.open_offset == tally.good_end - len(multi + write + write)
    assert seen.open_commands == 2


def test_times_are_followed(scan_type: Any) -> None:
    tally = tally_of(
        scan_type,
        b"#TS:300\r\n",
        encode(b"A"),
        b"#TS:100\n",
        b"#TS:200\r\n",
        b"#TS:150\r\n",
        b"#HDR:v1;\r\n",
        b"#note\n",
        b"#TS:x\n",
    )

    notes = tally.annotations
    assert (notes.first_s, notes.last_s, notes.min_s, notes.max_s) == (300, 150, 100, 300)
    assert (notes.timestamps, notes.count, notes.first_offset) == (4, 7, 0)
    assert (notes.backwards.count, notes.backwards.first_offset) == (2, 20)
    assert notes.kinds == {b"HDR": 1, b"": 1, b"TS": 1}


def test_long_names_are_cut_and_marked(scan_type: Any) -> None:
    tally = tally_of(scan_type, encode(b"n" * 64), encode(b"n" * 65), encode(b"n" * 5000))

    assert tally.by_name() == {b"N" * 64: 1, b"N" * 64 + b"...": 2}


def test_names_without_a_place_share_a_row(scan_type: Any) -> None:
    tally = tally_of(scan_type, *(encode(b"N%d" % i) for i in range(Limits.NAMES + 50)), encode(b"N0"))

    assert tally.capped
    assert tally.rows[RowKey(OTHER_NAMES, None, 0)].commands == 50
    assert tally.rows[RowKey(b"N0", None, 0)].commands == 2


def test_databases_without_a_place_share_their_rows(scan_type: Any) -> None:
    tally = tally_of(scan_type, *(encode(b"SELECT", b"%d" % db) for db in range(Limits.DBS + 9)))

    assert tally.capped
    assert tally.rows[RowKey(b"SELECT", None, OTHER_DB)].commands == 9


@fixture_is_shared
@given(one=streams(), two=streams(), three=streams())
def test_tallies_add_up_in_any_order(scan_type: Any, one: bytes, two: bytes, three: bytes) -> None:
    first, second, third = (tally_of(scan_type, data) for data in (one, two, three))

    assert first.merge(second).merge(third) == first.merge(second.merge(third))
    assert first.merge(second) == second.merge(first)
    assert first.merge(TailTally()) == TailTally().merge(first)


@fixture_is_shared
@given(data=streams())
def test_a_tally_survives_its_dict_form(scan_type: Any, data: bytes) -> None:
    tally = tally_of(scan_type, data)

    assert TailTally.from_dict(json.loads(json.dumps(tally.to_dict()))) == tally

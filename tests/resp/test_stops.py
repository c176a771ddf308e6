"""Every way a stream can stop: its reason, its place, and what a loader would have made of it."""

from __future__ import annotations

from typing import Any

import pytest

from aoftool.resp.grammar import Grammar, ScanOptions
from aoftool.resp.model import Leniency, Reason, Stop
from tests.resp.streams import encode, scan_in_pieces

GOOD = encode(b"SELECT", b"0") + encode(b"SET", b"a", b"1") + encode(b"SET", b"b", b"22")
TORN_IN = b"*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$3\r\n333"
END = len(GOOD)

STOPS = [
    # bytes behind GOOD, reason, offset from the end of GOOD
    pytest.param(b"", Reason.END, 0, id="clean-end"),
    pytest.param(b"*", Reason.TORN_HEADER, 0, id="torn-star"),
    pytest.param(b"*3", Reason.TORN_HEADER, 0, id="torn-count"),
    pytest.param(b"*3\r", Reason.TORN_HEADER, 0, id="torn-count-after-cr"),
    pytest.param(b"*3\r\n", Reason.TORN_HEADER, 4, id="torn-before-bulk"),
    pytest.param(b"*3\r\n$", Reason.TORN_HEADER, 4, id="torn-in-bulk-header"),
    pytest.param(b"*3\r\n$3\r\nSE", Reason.TORN_PAYLOAD, 4, id="torn-name"),
    pytest.param(b"*3\r\n$3\r\nSET\r", Reason.TORN_PAYLOAD, 4, id="torn-in-first-terminator"),
    pytest.param(TORN_IN, Reason.MISSING_FINAL_CRLF, 20, id="crlf-missing"),
    pytest.param(TORN_IN + b"\r", Reason.MISSING_FINAL_CRLF, 20, id="lf-missing"),
    pytest.param(b"#TS:17000", Reason.TORN_ANNOTATION, 0, id="torn-annotation"),
    pytest.param(
        b"#TS:17000*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n", Reason.GLUED_ANNOTATION, 9, id="glued-annotation"
    ),
    pytest.param(b"\0", Reason.ZERO_TAIL, 0, id="one-nul"),
    pytest.param(b"\0" * 4096, Reason.ZERO_TAIL, 0, id="nul-tail"),
    pytest.param(b"\0" * 512 + encode(b"GET", b"a"), Reason.ZERO_GAP, 0, id="nul-gap"),
    pytest.param(b"*3\r\n$3\r\nSET\r\n$1\0\0\0\0", Reason.ZERO_TAIL, 13, id="nuls-in-a-torn-header"),
    pytest.param(
        b"*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$3\r\n3" + b"\0" * 50, Reason.ZERO_TAIL, 27, id="nuls-from-a-value-on"
    ),
    pytest.param(b"\r\n", Reason.BLANK_LINE, 0, id="blank-line"),
    pytest.param(b"\n", Reason.BLANK_LINE, 0, id="line-feed"),
    pytest.param(b"SET x 9\r\n", Reason.INLINE_COMMAND, 0, id="inline-command"),
    pytest.param(b">3\r\n$3\r\nSET\r\n", Reason.RESP3_PREFIX, 0, id="resp3-push"),
    pytest.param(b":1000\r\n", Reason.RESP3_PREFIX, 0, id="resp-integer"),
    pytest.param(b"\xef\xbb\xbf*1\r\n", Reason.BYTE_ORDER_MARK, 0, id="byte-order-mark"),
    pytest.param(b"REDIS0011\xfa", Reason.RDB_MAGIC, 0, id="redis-magic"),
    pytest.param(b"VALKEY080\xfa", Reason.RDB_MAGIC, 0, id="valkey-magic"),
    pytest.param(b"$3\r\nSET\r\n", Reason.ORPHAN_BULK, 0, id="orphan-bulk"),
    pytest.param(b"\xff\xfe\x01", Reason.BAD_PREFIX, 0, id="noise"),
    pytest.param(b" *1\r\n$4\r\nPING\r\n", Reason.BAD_PREFIX, 0, id="space-before-star"),
    pytest.param(b"*0\r\n", Reason.BAD_COUNT, 0, id="count-zero"),
    pytest.param(b"*-1\r\n", Reason.BAD_COUNT, 0, id="count-negative"),
    pytest.param(b"*\r\n", Reason.BAD_COUNT, 0, id="count-empty"),
    pytest.param(b"*0x3\r\n", Reason.BAD_COUNT, 0, id="count-hex"),
    pytest.param(b"*2147483648\r\n", Reason.BAD_COUNT, 0, id="count-2^31"),
    pytest.param(b"*18446744073709551616\r\n", Reason.BAD_COUNT, 0, id="count-2^64"),
    pytest.param(b"*1000000000\r\n", Reason.TORN_HEADER, 13, id="count-huge-at-the-end"),
    pytest.param(b"*2\r\n%3\r\nGET\r\n", Reason.BAD_BULK_PREFIX, 4, id="bulk-prefix"),
    pytest.param(
        b"*4\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n9\r\n*1\r\n", Reason.BAD_BULK_PREFIX, 27, id="count-too-large"
    ),
    pytest.param(b"*1\r\n$-1\r\n", Reason.BAD_LENGTH, 4, id="length-negative"),
    pytest.param(b"*1\r\n$9223372036854775808\r\nx", Reason.BAD_LENGTH, 4, id="length-2^63"),
    pytest.param(b"*1\r\n$18446744073709551617\r\nx\r\n", Reason.BAD_LENGTH, 4, id="length-2^64"),
    pytest.param(b"*1\r\n$99999999999\r\nx\r\n", Reason.TORN_PAYLOAD, 4, id="length-beyond"),
    pytest.param(b"*2\r\n$3\r\nGET\r\n$2\r\nabc\r\n*1\r\n", Reason.BAD_TERMINATOR, 19, id="length-too-small"),
    pytest.param(
        b"*2\r\n$3\r\nGET\r\n$5\r\nabc\r\n*1\r\n$4\r\nPING\r\n",
        Reason.BAD_TERMINATOR,
        22,
        id="length-too-large",
    ),
    pytest.param(b"#" + b"x" * 1023 + b"\n", Reason.LINE_TOO_LONG, 0, id="annotation-too-long"),
    pytest.param(b"*3\n$3\nSET\n$1\nx\n$1\n9\n", Reason.BARE_LINE_FEED, 0, id="crs-stripped"),
]


def stop_of(scan_type: Any, data: bytes, grammar: Grammar = Grammar.LENIENT) -> Stop:
    stop: Stop = scan_in_pieces(scan_type, ScanOptions(grammar=grammar), data, ()).tally().stop
    return stop


@pytest.mark.parametrize(("tail", "reason", "at"), STOPS)
def test_each_damage_is_named_and_placed(scan_type: Any, tail: bytes, reason: Reason, at: int) -> None:
    stop = stop_of(scan_type, GOOD + tail)

    assert (stop.reason, stop.offset) == (reason, END + at)
    if not tail.startswith(b"#") or reason is not Reason.END:
        assert stop.good_end == stop.command_start == END
    assert stop.command_index == 3
    assert stop.command_end == END


@pytest.mark.parametrize(("tail", "reason", "at"), STOPS)
def test_a_stop_survives_its_dict_form(scan_type: Any, tail: bytes, reason: Reason, at: int) -> None:
    stop = stop_of(scan_type, GOOD + tail)

    assert Stop.from_dict(stop.to_dict()) == stop


def test_every_cut_of_a_last_command_is_torn(scan_type: Any) -> None:
    last = encode(b"SET", b"c", b"333")

    stops = [stop_of(scan_type, GOOD + last[:cut]) for cut in range(1, len(last))]

    torn = {Reason.TORN_HEADER, Reason.TORN_PAYLOAD, Reason.MISSING_FINAL_CRLF}
    assert {stop.reason for stop in stops} == torn
    assert {stop.good_end for stop in stops} == {END}


def test_a_torn_payload_says_how_much_of_it_is_there(scan_type: Any) -> None:
    stop = stop_of(scan_type, b"*1\r\n$1000\r\nabc")

    assert (stop.declared, stop.remaining) == (1000, 3)


def test_a_run_of_zeros_is_measured(scan_type: Any) -> None:
    tail = stop_of(scan_type, GOOD + bytes(700))
    gap = stop_of(scan_type, GOOD + bytes(700) + b"*1\r\n")

    assert (tail.run_bytes, tail.resume_offset) == (700, None)
    assert (gap.run_bytes, gap.resume_offset) == (700, END + 700)


def test_a_good_end_counts_annotations_and_a_command_end_does_not(scan_type: Any) -> None:
    stop = stop_of(scan_type, GOOD + b"#TS:1700000000\r\n" + b"*1\r")

    assert stop.good_end == END + 16
    assert stop.command_end == END


def test_the_loader_runs_a_command_whose_terminator_is_lost(scan_type: Any) -> None:
    short = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n99\r\n"

    stop = stop_of(scan_type, GOOD + short)

    assert stop.reason is Reason.BAD_TERMINATOR
    assert stop.loader_reason is Reason.BLANK_LINE or stop.loader_reason is Reason.BAD_PREFIX
    assert stop.loader_end == END + len(short) - 1
    assert stop.good_end == END


LENIENT = [
    pytest.param(b"*+3\r\n$3\r\nSET\r\n$ 1\r\nx\r\n$001\r\n9\r\n", {Leniency.PADDED_NUMBER: 3}, id="padded"),
    pytest.param(b"*3abc\r\n$3zz\r\nSET\r\n$1\r\nx\r\n$1\r\r\n9\r\n", {Leniency.HEADER_JUNK: 3}, id="junk"),
    pytest.param(b"*3\n$3\nSET\r\n$1\nx\r\n$1\r\n9\r\n", {Leniency.BARE_LINE_FEED: 3}, id="line-feed"),
    pytest.param(b"*3\0\r\n$3\0zz\r\nSET\r\n$1\r\nx\r\n$1\r\n9\r\n", {Leniency.HEADER_NUL: 2}, id="nul"),
    pytest.param(b"*4294967299\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n9\r\n", {Leniency.COUNT_WRAP: 1}, id="wrap"),
    pytest.param(b"*3\r\n$3\r\nSET\r\n$\r\n\r\n$abc\r\n\r\n", {Leniency.EMPTY_LENGTH: 2}, id="no-digits"),
    pytest.param(b"*3\r\n$3\r\nSETzz$1\r\nxzz$1\r\n9zz", {Leniency.TERMINATOR: 3}, id="terminators"),
    pytest.param(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n9\0\0", {Leniency.ZERO_TERMINATOR: 1}, id="zeros"),
    pytest.param(
        b"*" + b"0" * 130 + b"3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\n9\r\n",
        {Leniency.PADDED_NUMBER: 1},
        id="long-padding",
    ),
    pytest.param(
        b"*3" + b"y" * 1021 + b"$3\r\nSET\r\n$1\r\nx\r\n$1\r\n9\r\n", {Leniency.LONG_LINE: 1}, id="long-line"
    ),
    pytest.param(
        b"#" + b"x" * 1022 + encode(b"SET", b"x", b"9"), {Leniency.LONG_ANNOTATION: 1}, id="long-annotation"
    ),
]


@pytest.mark.parametrize(("odd", "kinds"), LENIENT)
def test_what_loaders_let_pass_is_counted(scan_type: Any, odd: bytes, kinds: dict[Leniency, int]) -> None:
    tally = scan_in_pieces(scan_type, ScanOptions(), GOOD + odd, ()).tally()

    assert tally.stop.reason is Reason.END
    assert tally.commands == 4
    assert {kind: seen.count for kind, seen in tally.leniencies.items()} == kinds
    assert all(END <= seen.first_offset < END + len(odd) for seen in tally.leniencies.values())


@pytest.mark.parametrize(("odd", "kinds"), LENIENT)
def test_the_strict_grammar_stops_there(scan_type: Any, odd: bytes, kinds: dict[Leniency, int]) -> None:
    stop = stop_of(scan_type, GOOD + odd, Grammar.STRICT)

    assert stop.reason is not Reason.END
    assert stop.good_end == END


def test_redis_6_2_knows_no_annotations_and_shorter_lines(scan_type: Any) -> None:
    noted = stop_of(scan_type, GOOD + b"#TS:1\r\n", Grammar.LENIENT_6_2)
    long = stop_of(scan_type, b"*" + b"0" * 130 + b"1\r\n$4\r\nPING\r\n", Grammar.LENIENT_6_2)

    assert noted.reason is Reason.ANNOTATION_REFUSED
    assert long.reason is Reason.BAD_COUNT


@pytest.mark.parametrize(
    "line", [b"#hello\n", b"#\r\n", b"#\0\0\n", b"#TS:abc\r\n", b"#TS:12\n", b"#" + b"x" * 1021 + b"\n"]
)
def test_any_text_is_an_annotation(scan_type: Any, line: bytes) -> None:
    tally = scan_in_pieces(scan_type, ScanOptions(), GOOD + line + GOOD, ()).tally()

    assert tally.stop.reason is Reason.END
    assert (tally.annotations.count, tally.annotations.bytes) == (1, len(line))
    assert not tally.leniencies


def test_an_annotation_between_header_and_argument_is_damage(scan_type: Any) -> None:
    stop = stop_of(scan_type, b"*1\r\n#TS:5\r\n$4\r\nPING\r\n")

    assert (stop.reason, stop.offset) == (Reason.BAD_BULK_PREFIX, 4)

"""Commands as lines say what the rows say, by either implementation, whatever the bytes are."""

from __future__ import annotations

import csv
import io
import json
from array import array
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.lines_model import RowForm, RowLook
from aoftool.analysis.commands.listing import CommandListing
from aoftool.aof.layout import find_log
from aoftool.aof.moment import Resolved
from aoftool.aof.stretch import Stretch
from aoftool.cli.ending import Unknown
from aoftool.report.command_rows import CSV_ROWS, JSON_ROWS
from aoftool.resp._sieve_py import Sieve
from aoftool.resp.columns import RowColumns
from aoftool.resp.model import Lines
from aoftool.resp.watch import SieveState, Watch
from tests.builders import command, select, timestamp, transaction
from tests.corpus import FIXTURES, Case, case_params
from tests.kernels import both, compiled

FORMS = pytest.mark.parametrize("form", [JSON_ROWS, CSV_ROWS], ids=["json", "csv"])
# What is special to one of the forms, at the edges of what is read eight bytes at a time.
ODD_TEXT = ["é", "\u202e", "\u2028", "漢字", "🙂", "\u0301", "\u00a0", "\ufeff", "\U000e0001"]
ODD_BYTES = [
    b"", b" ", b'"', b",", b"=1+1", b"'", b"-", b"@x", b"+", b"\\", b"\n", b"\r\n", b"\x00",
    b"\x7f", b"\x1b[1m",
    b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xf0\x9f\x99", b"\xff", b"\x80",
    b"1234567", b"12345678",
]  # fmt: skip
ODD = st.sampled_from([*ODD_BYTES, *map(str.encode, ODD_TEXT)])
ARGUMENT = st.one_of(
    st.binary(max_size=20),
    st.lists(ODD, max_size=6).map(b"".join),
    st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
NAME = st.one_of(
    st.sampled_from(
        [b"SET", b"set", b"SeT", b"MULTI", b"EXEC", b"XGROUP", b"RESTORE", b"RREPLAY", b"NOSUCH"]
    ),
    st.binary(max_size=66),
)
ITEM = st.one_of(
    st.builds(lambda name, rest: command(name, *rest), NAME, st.lists(ARGUMENT, max_size=4)),
    st.integers(0, 10**18 - 1).map(timestamp),
    st.integers(0, 3).map(select),
)
WANTED = st.builds(
    CommandFilter,
    dbs=st.one_of(st.none(), st.frozensets(st.integers(0, 3), min_size=1)),
    txn=st.one_of(st.none(), st.integers(0, 2), st.just(2**70)),
    min_size=st.one_of(st.just(0), st.integers(0, 60), st.just(2**70)),
    stretch=st.one_of(
        st.just(Stretch()),
        st.builds(
            lambda first, last: Stretch(Resolved(time_ms=first), Resolved(time_ms=last)),
            st.integers(0, 10**21),
            st.integers(0, 10**21),
        ),
    ),
)


def look(form: RowForm) -> RowLook:
    return RowLook(form, Unknown().settled)


def rows_of(data: bytes, base: int) -> tuple[RowColumns, memoryview]:
    sieve = Sieve(Watch(min_length=1), SieveState(db=-1))
    sieve.feed(data, base, base + len(data))
    return sieve.take_rows()


@FORMS
@given(items=st.lists(ITEM, max_size=12), wanted=WANTED, bounded=st.booleans(), cut=st.integers(0, 40))
def test_both_write_the_same(
    form: RowForm, items: list[bytes], wanted: CommandFilter, bounded: bool, cut: int
) -> None:
    data, base = b"".join(items), 1000
    rows, indexes = rows_of(data, base)
    # Rows that end behind the piece, and one that begins before it.
    pieces = [(data, base), (data[: len(data) - cut], base), (data[cut:], base + cut)]
    reference, kernel = (
        module.RowWriter(look(form), "a,b\\xff", wanted, bounded) for module in both("lines")
    )

    for piece, start in pieces:
        given_bytes = memoryview(bytearray(piece))
        assert kernel.write(given_bytes, start, rows, indexes) == reference.write(
            given_bytes, start, rows, indexes
        )
    assert kernel.times_seen == reference.times_seen


def packed(*columns: list[int]) -> RowColumns:
    return RowColumns._make([*(array("q", column).tobytes() for column in columns), *([b""] * 6)])


@FORMS
@given(
    data=st.one_of(st.binary(max_size=80), st.builds(command, NAME, ARGUMENT)),
    spans=st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90), st.integers(0, 1)), min_size=1),
)
def test_rows_that_are_wrong_are_read_no_further_than_the_piece(
    form: RowForm, data: bytes, spans: list[tuple[int, int, int]]
) -> None:
    writer = compiled("lines").RowWriter(look(form), "a", CommandFilter(), False)
    offsets, sizes, lenients = map(list, zip(*spans, strict=True))
    none = [0] * len(spans)
    rows = packed(offsets, sizes, none, none, none, none, none, lenients)

    with suppress(ValueError):
        for item in writer.write(memoryview(bytearray(data)), 0, rows, memoryview(array("q", none))):
            assert isinstance(item, Lines) or not item.argv or item.offset + item.length <= len(data)


@pytest.mark.parametrize("name", ["offset", "length", "db", "txn", "time_s", "lenient"])
def test_columns_of_other_lengths_are_refused(name: str) -> None:
    data = command("SET", "a", "b") * 2
    rows, indexes = rows_of(data, 0)
    short = rows._replace(**{name: getattr(rows, name)[:8]})
    writer = compiled("lines").RowWriter(look(JSON_ROWS), "a", CommandFilter(), False)

    with pytest.raises(ValueError, match="one length"):
        writer.write(memoryview(bytearray(data)), 0, short, indexes)


@pytest.mark.parametrize(
    "inside",
    [
        b"*3\r\n$3\r\nSET\r\n$99\r\na\r\n$1\r\nb\r\n",
        b"*9\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
        b"*3\r\n$3\r\nSET\r\n$99999999999\r\na\r\n$1\r\nb",
        b"*3\r\n$90\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb",
        b"*3\r\n$3\r\nSET",
        b"*3\r\n$3",
        b"*3",
        b"*0\r\n",
    ],
)
@FORMS
def test_lengths_inside_are_held_against_the_end_of_the_command(form: RowForm, inside: bytes) -> None:
    writer = compiled("lines").RowWriter(look(form), "a", CommandFilter(), False)
    rows = packed([0], [len(inside)], *([[0]] * 6))

    with pytest.raises(ValueError, match="a row that is no"):
        writer.write(memoryview(bytearray(inside + b"\r\n" * 50)), 0, rows, memoryview(array("q", [0])))


def spelled(listing: CommandListing, form: RowForm) -> str:
    return "".join(
        piece.text.decode() if isinstance(piece, Lines) else form.line_of(piece) for piece in listing.pieces()
    )


FILTERS = (
    CommandFilter(),
    CommandFilter(names=frozenset((b"SET",))),
    CommandFilter(dbs=frozenset((1, 2))),
    CommandFilter(txn=0),
    CommandFilter(stretch=Stretch(Resolved(time_ms=1_000), None)),
)
LOGS = [*case_params("recorded", root=FIXTURES), *case_params("damaged", root=FIXTURES)]


@pytest.mark.parametrize("case", LOGS)
def test_lines_of_a_log_are_those_of_its_rows(case: Case) -> None:
    found = find_log(case.source)
    for wanted, form in [*((wanted, JSON_ROWS) for wanted in FILTERS), (FILTERS[0], CSV_ROWS)]:
        plain = CommandListing(found, wanted, keep=None)
        quick = CommandListing(found, wanted, look=look(form), keep=None)

        assert spelled(quick, form) == "".join(map(form.line_of, plain))
        assert quick.end == plain.end


@FORMS
@pytest.mark.parametrize("limit", [0, 1, 2, 3, 5, 8, 100])
def test_a_limit_ends_lines_where_it_ends_rows(tmp_path: Path, form: RowForm, limit: int) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        select(0)
        + command("SET", "a", "1\n2\u2028") * 3
        + command("XGROUP", "CREATE", "s", "g", "0")
        + transaction(command("SET", "b", "2"))
        + b"*1\r\n$3"
    )
    found = find_log(str(path))
    plain = CommandListing(found, CommandFilter(), keep=None, limit=limit)
    quick = CommandListing(found, CommandFilter(), keep=None, limit=limit, look=look(form))

    assert spelled(quick, form) == "".join(islice(map(form.line_of, plain), limit))
    assert quick.end == plain.end


def test_json_lines_and_csv_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(timestamp(7) + command("SET", 'k "1"', b"\xff\x00,=", "é,") + command("DEL", "=x"))
    found = find_log(str(path))

    def lines(form: RowForm) -> str:
        return spelled(CommandListing(found, CommandFilter(), keep=None, look=look(form)), form)

    first, second = map(json.loads, lines(JSON_ROWS).splitlines())
    assert first["argv"] == ["SET", 'k "1"', {"b64": "/wAsPQ=="}, "é,"]
    assert (first["time_s"], second["name"], second["index"]) == (7, "DEL", 1)
    cells = list(csv.reader(io.StringIO(lines(CSV_ROWS))))
    assert cells[0][3:9] == ["7", "0", "0", "0", "SET", '"k "1"" \\xff\\x00,= é,']
    assert cells[1][7:9] == ["DEL", "'=x"]


def test_names_that_nobody_knows_are_handed_back_until_one_was_seen(tmp_path: Path) -> None:
    unknown = Unknown()
    data = command("NOSUCH", "a") + command("SET", "a", "1")
    rows, indexes = rows_of(data, 0)
    writer = compiled("lines").RowWriter(RowLook(JSON_ROWS, unknown.settled), "a", CommandFilter(), False)

    def kinds() -> list[bool]:
        return [
            isinstance(item, Lines) for item in writer.write(memoryview(bytearray(data)), 0, rows, indexes)
        ]

    before = kinds()
    unknown.place = "a", 0, "seen"

    assert (before, kinds()) == ([False, True], [True])


def test_more_spellings_than_are_kept_are_written_all_the_same() -> None:
    spellings = [
        bytes([65 + number % 26, 97 + number // 26 % 26, 65 + number // 676]) for number in range(5000)
    ]
    data = b"".join(command(name, "x") for name in spellings)
    rows, indexes = rows_of(data, 0)

    def is_plain(name: bytes) -> bool:
        return True

    one, other = (
        module.RowWriter(RowLook(JSON_ROWS, is_plain), "a", CommandFilter(), False)
        for module in both("lines")
    )
    piece = memoryview(bytearray(data))

    assert other.write(piece, 0, rows, indexes) == one.write(piece, 0, rows, indexes)

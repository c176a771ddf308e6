"""Tables as text: by either implementation, as the library of Arrow writes them, and as readers read them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from arro3 import io as arrow_io
from hypothesis import given
from hypothesis import strategies as st

from aoftool.tables.arrow import ArrowTable
from aoftool.tables.batch import Batch, Chosen, Data, Lists, Numbers, Texts, Valid, texts_of
from aoftool.tables.cells import table_text
from aoftool.tables.schema import Column, Kind, Table
from tests.kernels import both, compiled, twins

TABLE = Table(
    "made_up",
    "A row of each kind of column.",
    (
        Column("text", Kind.TEXT, ""),
        Column("few", Kind.WORD, ""),
        Column("short", Kind.SHORT, ""),
        Column("same", Kind.LONG, ""),
        Column("long", Kind.LONG, ""),
        Column("flag", Kind.FLAG, ""),
        Column("time", Kind.TIME, ""),
        Column("list", Kind.TEXTS, ""),
        Column("picked", Kind.TEXTS, ""),
        Column("none", Kind.LONG, ""),
    ),
)
BATCHES = pytest.mark.parametrize("is_csv", [True, False], ids=["csv", "jsonl"])
# What is special to one of the forms, at the edges of what is read eight bytes at a time.
ODD = [
    "",
    " ",
    '"',
    ",",
    "=",
    "+",
    "-1",
    "@",
    "'",
    "\\",
    "\\n",
    "\n",
    "\r",
    "\t",
    "\x00",
    "\x1f",
    "\x7f",
    "\x80",
]
ODD += ["é", "漢", "🙂", "1234567", "12345678"]
TEXT = st.one_of(
    st.lists(st.sampled_from(ODD), max_size=5).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
LONG = st.one_of(
    st.sampled_from([0, 1, 9, 10, 99, 100, 999, 1000, 9999, 10_000, -1, -10, 2**63 - 1, -(2**63)]),
    st.integers(-(2**63), 2**63 - 1),
)
# What the library can tell; our own tell all of them.
SHOWN_TIME = st.one_of(
    st.integers(-8_000_000_000_000, 8_000_000_000_000),
    st.integers(-(10**9), 10**9).map(lambda s: s * 1000),
    st.sampled_from(
        [0, -1, 999, 1000, 86_399_999, 86_400_000, -86_400_000, -86_400_001, -62_167_219_200_001]
    ),
)


def valid_of(cells: Sequence[object]) -> Valid:
    return None if None not in cells else np.array([cell is not None for cell in cells], np.bool_)


def numbers(cells: Sequence[int | None], dtype: type) -> Numbers:
    return Numbers(np.array([cell or 0 for cell in cells], dtype), valid_of(cells))


def chosen(cells: Sequence[str | None]) -> Chosen:
    known = list(dict.fromkeys(cell for cell in cells if cell is not None))
    found = [-1 if cell is None else known.index(cell) for cell in cells]
    return Chosen(np.array(found, np.int64), texts_of(known))


def lists(cells: Sequence[list[str] | None], *, picked: bool) -> Lists:
    offsets = np.array([0, *accumulate(len(cell or ()) for cell in cells)], np.int32)
    items = [item for cell in cells for item in cell or ()]
    return Lists(offsets, chosen(items) if picked else texts_of(items), valid_of(cells))


def batch_of(rows: Sequence[Sequence[Any]]) -> Batch:
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(TABLE.columns)
    columns: dict[str, Data] = {
        "text": texts_of(cells[0]),
        "few": chosen(cells[1]),
        "short": numbers(cells[2], np.int32),
        "same": numbers(cells[3], np.int64),
        "long": numbers(cells[4], np.int64),
        "flag": numbers(cells[5], np.bool_),
        "time": numbers(cells[6], np.int64),
        "list": lists(cells[7], picked=False),
        "picked": lists(cells[8], picked=True),
        "none": numbers([None] * len(rows), np.int64),
    }
    return Batch(len(rows), columns)


def rows(time: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    items = st.lists(TEXT, max_size=3)
    few = st.sampled_from([None, "SET", "a,b", '"', "=1", "\u00e9"])
    cells = (
        st.none() | TEXT, few, st.none() | st.integers(-(2**31), 2**31 - 1), st.sampled_from([7, 7, 7, None]),
        st.none() | LONG, st.none() | st.booleans(), st.none() | time, st.none() | items, st.none() | items,
        st.none(),
    )  # fmt: skip
    return st.lists(st.tuples(*cells), max_size=9)


def written(writer: Any, batches: Sequence[Batch], most: int = 1 << 20) -> bytes:
    found = [writer.head]
    for batch in batches:
        writer.load(batch)
        while text := writer.take(most):
            found.append(text)
    return b"".join(found)


@BATCHES
@given(parts=st.lists(rows(LONG), max_size=3), most=st.integers(1, 400))
def test_both_write_the_same(parts: list[list[tuple[Any, ...]]], is_csv: bool, most: int) -> None:
    batches = [batch_of(part) for part in parts]
    reference, kernel = (module.CellWriter(TABLE, is_csv) for module in both("cells"))

    whole = written(reference, batches)

    assert written(kernel, batches) == whole
    assert written(kernel, batches, most) == whole
    reference.load(batches[0] if batches else Batch(0, batch_of([]).columns))
    kernel.load(batches[0] if batches else Batch(0, batch_of([]).columns))
    assert list(iter(lambda: kernel.take(most), b"")) == list(iter(lambda: reference.take(most), b""))


@BATCHES
@given(part=rows(SHOWN_TIME))
def test_text_is_what_the_library_of_arrow_writes(part: list[tuple[Any, ...]], is_csv: bool) -> None:
    if is_csv:
        # It knows no lists there, and no formulas.
        part = [tuple(_plain(cell) for cell in row) for row in part]
    table = Table("made_up", "", tuple(c for c in TABLE.columns if not is_csv or c.kind is not Kind.TEXTS))
    out = io.BytesIO()
    stream = ArrowTable(table, lambda: iter([batch_of(part)])).reader()
    if is_csv:
        arrow_io.write_csv(stream, out, header=True)
    else:
        arrow_io.write_ndjson(stream, out, explicit_nulls=True)

    assert b"".join(table_text(table, [batch_of(part)], is_csv=is_csv)) == out.getvalue()


def _plain(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell.lstrip("=+-@'")
    return cell


@given(part=rows(SHOWN_TIME))
def test_readers_of_json_read_what_was_there(part: list[tuple[Any, ...]]) -> None:
    text = b"".join(table_text(TABLE, [batch_of(part)], is_csv=False)).decode()
    lines = [json.loads(line) for line in text.split("\n")[:-1]]

    assert [list(line) for line in lines] == [list(TABLE.names)] * len(part)
    for line, row in zip(lines, part, strict=True):
        told = [value for name, value in line.items() if name != "time"]
        assert told == [cell for number, cell in enumerate(row) if number != 6]


@given(part=rows(SHOWN_TIME))
def test_readers_of_csv_read_what_was_there_and_no_formula(part: list[tuple[Any, ...]]) -> None:
    text = b"".join(table_text(TABLE, [batch_of(part)], is_csv=True)).decode()
    head, *found = csv.reader(io.StringIO(text, newline=""))

    assert tuple(head) == TABLE.names
    for line, row in zip(found, part, strict=True):
        for name, cell, value in zip(TABLE.names, line, row, strict=True):
            if name in ("text", "few", "list", "picked"):
                assert cell == armed(listed(value) if isinstance(value, list) else value or "")
            elif name != "time":
                assert cell == ("" if value is None else str(value).lower())


def armed(text: str) -> str:
    return "'" + text if text.startswith(("=", "+", "-", "@", "'")) else text


def listed(items: list[str]) -> str:
    return " ".join(f'"{item}"' if not item or " " in item or '"' in item else item for item in items)


@pytest.mark.parametrize("module", twins("cells"))
@pytest.mark.parametrize(
    ("time_ms", "told"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
        (4_107_542_399_000, "2100-02-28T23:59:59Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+10000-01-01T00:00:00Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00Z"),
        (-62_167_219_200_001, "-0001-12-31T23:59:59.999Z"),
        (2**63 - 1, "+292278994-08-17T07:12:55.807Z"),
        (-(2**63), "-292275055-05-16T16:47:04.192Z"),
    ],
)
def test_times_of_any_year(module: Any, time_ms: int, told: str) -> None:
    table = Table("times", "", (Column("time", Kind.TIME, ""), Column("other", Kind.LONG, "")))
    column = Numbers(np.array([time_ms, 0], np.int64))
    batch = Batch(2, {"time": column, "other": Numbers(np.arange(2))})

    text = written(module.CellWriter(table, True), [batch])

    assert text.decode().splitlines()[1] == f"{told},0"


@pytest.mark.parametrize("module", twins("cells"))
def test_every_day_of_four_centuries_is_that_of_the_calendar(module: Any) -> None:
    table = Table("days", "", (Column("time", Kind.TIME, ""),))
    days = np.arange(-135_140, 11_000, 7 if module.CellWriter.implementation == "python" else 1)
    batch = Batch(len(days), {"time": Numbers(days * 86_400_000)})

    told = written(module.CellWriter(table, False), [batch]).decode().splitlines()

    start = datetime(1970, 1, 1, tzinfo=timezone.utc)
    wanted = [(start + timedelta(days=int(day))).strftime("%Y-%m-%dT%H:%M:%SZ") for day in days]
    assert told == [f'{{"time":"{day}"}}' for day in wanted]


def changed(data: Data, name: str, column: object) -> Data:
    fields = {field: getattr(data, field) for field in data.__slots__}
    return type(data)(**{**fields, name: column})


def spoilt(columns: Mapping[str, Data]) -> Iterator[tuple[str, Data]]:
    """Yield columns that do not fit their three rows, or point outside of what they hold."""
    texts, few, numbers, listed = columns["text"], columns["few"], columns["long"], columns["list"]
    assert isinstance(few, Chosen)
    for name in ("text", "few", "long", "list", "picked"):
        for rows in (2, 4):
            yield name, batch_of([ROW] * rows).columns[name]
    for flags in (2, 4):
        yield "long", changed(numbers, "valid", np.zeros(flags, np.bool_))
        yield "list", changed(listed, "valid", np.zeros(flags, np.bool_))
        yield "text", changed(texts, "valid", np.ones(flags, np.bool_))
    for offsets in ([0, 3, 2, 6], [0, 2, 4, 7], [-1, 2, 4, 6], [3, 3, 3, 2**31 - 1], [0, -(2**31), 4, 6]):
        yield "text", changed(texts, "offsets", np.array(offsets, np.int32))
        yield "list", changed(listed, "offsets", np.array(offsets, np.int32))
    for picked in ([0, 1, 0], [0, 2**40, 0], [0, 0, 1]):
        yield "few", changed(few, "numbers", np.array(picked, np.int64))
    yield "few", changed(few, "texts", Texts(np.array([0, 99], np.int32), b"abc"))
    yield "few", changed(few, "texts", Texts(np.array([], np.int32), b""))
    yield "list", changed(listed, "items", Chosen(np.full(6, -1), texts_of(["a"])))


ROW = ("ab", "SET", 1, 2, 3, True, 4, ["a", "b"], ["c"], None)


@BATCHES
@pytest.mark.parametrize("module", twins("cells"))
def test_columns_that_do_not_fit_are_refused_and_read_no_further(module: Any, is_csv: bool) -> None:
    batch = batch_of([ROW, ("cd", "SET", 5, 2, 6, False, 7, ["a", "b"], ["c"], None), ROW])
    whole = written(module.CellWriter(TABLE, is_csv), [batch])

    for name, data in spoilt(batch.columns):
        writer = module.CellWriter(TABLE, is_csv)
        with pytest.raises(ValueError, match="does not fit"):
            written(writer, [Batch(3, {**batch.columns, name: data})])
        # It goes on with what is right, as if nothing had been.
        assert written(writer, [batch]) == whole


@BATCHES
@given(
    offsets=st.lists(st.integers(-3, 12), min_size=1, max_size=6),
    picked=st.lists(st.integers(-2, 7), min_size=3, max_size=3),
    starts=st.lists(st.integers(-2, 6), min_size=4, max_size=4),
    data=st.binary(max_size=10),
    many=st.booleans(),
)
def test_both_refuse_the_same_places(
    is_csv: bool, offsets: list[int], picked: list[int], starts: list[int], data: bytes, many: bool
) -> None:
    batch = batch_of([ROW] * 3)
    texts = Texts(np.array(offsets, np.int32), data)
    words = Chosen(np.array(picked, np.int64), texts)
    spoilt = {"few": words} if many else {"list": Lists(np.array(starts, np.int32), words)}
    told = []
    for made in both("cells"):
        text: bytes | None = None
        with suppress(ValueError):
            text = written(made.CellWriter(TABLE, is_csv), [Batch(3, {**batch.columns, **spoilt})])
        told.append(text)

    assert told[0] == told[1]


def test_other_numbers_than_those_of_a_column_are_refused() -> None:
    writer = compiled("cells").CellWriter(TABLE, True)
    batch = batch_of([ROW] * 3)
    for column in (np.zeros((3, 2), np.int64), np.zeros(6, np.int64)[::2], np.zeros(3), np.zeros(3, np.int8)):
        with pytest.raises((ValueError, KeyError)):
            writer.load(Batch(3, {**batch.columns, "long": Numbers(column)}))
        assert writer.take(1) == b""


@pytest.mark.parametrize("module", twins("cells"))
def test_a_batch_may_go_once_its_rows_are_written(module: Any) -> None:
    column = np.arange(3)
    writer = module.CellWriter(Table("t", "", (Column("n", Kind.LONG, ""),)), False)
    writer.load(Batch(3, {"n": Numbers(column)}))

    assert writer.take(1) == b'{"n":0}\n'
    assert writer.take(100) == b'{"n":1}\n{"n":2}\n'
    assert writer.take(100) == b""
    writer.load(Batch(0, {"n": Numbers(column[:0])}))
    assert writer.take(100) == b""

"""A log as tables: rows and sums are those of the verbs, on every recorded log; and who takes the streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aoftool
from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.listing import CommandListing
from aoftool.analysis.tables import arguments, scanning
from aoftool.analysis.tables.keys import shown_texts
from aoftool.aof.model import Log
from aoftool.api.tabling import LogTables, TableRequest
from aoftool.commands.wrapped import WRAPPER
from aoftool.escape import printable
from aoftool.keyspace.selection import key_selection
from aoftool.tables.arrow import ArrowTable
from aoftool.tables.batch import Batch
from aoftool.tables.schema import TABLES, table_named
from tests.builders import command, log, select, timestamp, transaction
from tests.corpus import CHECKOUT, FIXTURES, Case, case_params, need_corpus
from tools.write_tables_docs import page

SHOP = FIXTURES / "valkey-9" / "shop"


def table(opened: Log, name: str, asked: TableRequest | None = None) -> pa.Table:
    tables = LogTables(opened, asked)
    return pa.table(ArrowTable(table_named(name), lambda: tables.batches(name)))


def need_equal_to_inspect(path: Path) -> None:
    """Hold the table of commands against the answers of inspect and log."""
    opened = aoftool.open_log(path)
    found = table(opened, "commands")
    found.validate(full=True)
    overview = aoftool.inspect(opened, contents=False).overview

    names, sizes = found["name"].to_pylist(), found["size_bytes"].to_pylist()
    counts, bytes_of = Counter(names), Counter[str]()
    for name, size in zip(names, sizes, strict=True):
        bytes_of[name] += size
    own = [row for row in overview.commands if row.kind in ("command", "framing")]
    assert {printable(row.name): (row.count, row.size_bytes) for row in own} == {
        name: (counts[name], bytes_of[name]) for name in counts
    }
    kinds = {printable(row.name): row.kind for row in own}
    assert found["kind"].to_pylist() == [kinds[name] for name in names]
    by_db = {row.db: row.commands for row in overview.databases if row.commands}
    assert Counter(found["db"].to_pylist()) == by_db or None in by_db
    need_rows_of_log(opened, found)


def need_rows_of_log(opened: Log, found: pa.Table) -> None:
    columns = ("file", "file_number", "offset", "size_bytes", "index", "db", "txn", "argc")
    rows = list(zip(*(found[name].to_pylist() for name in columns), strict=True))
    times = [None if at is None else int(at.timestamp()) for at in found["time"].to_pylist()]
    listed = aoftool.commands(opened)
    wanted = [
        ((c.file, c.file_number, c.offset, c.length, c.index, c.db, c.txn, len(c.argv)), c.time_s)
        for c in listed
    ]
    got = list(zip(rows, times, strict=True))
    # Behind damage `log` reads no further file, where inspect does.
    assert got[: len(wanted)] == wanted
    assert len(got) == len(wanted) or listed.end.damage is not None


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_commands_are_those_of_inspect_and_log(case: Case) -> None:
    need_equal_to_inspect(case.directory)


@pytest.mark.parametrize("case", case_params("damaged", root=FIXTURES))
def test_commands_of_damaged_logs_are_those_of_inspect_and_log(case: Case) -> None:
    log = aoftool.open_log(case.directory)
    if log.files:
        need_equal_to_inspect(case.directory)
    else:
        with pytest.raises(aoftool.AoftoolError, match="no files to read"):
            pa.table(log.to_arrow("commands"))


def _is_wrapped(path: Path) -> bool:
    overview = aoftool.inspect(aoftool.open_log(path), contents=False).overview
    return any(row.name == WRAPPER for row in overview.commands)


@pytest.mark.soak
@pytest.mark.corpus
def test_commands_of_every_log_of_the_corpus_are_those_of_inspect_and_log() -> None:
    root = need_corpus()
    held = 0
    for path in sorted(root.rglob("*.aof")) + sorted(path.parent for path in root.rglob("facts.json")):
        try:
            if _is_wrapped(path):
                # `log` takes apart what KeyDB wraps, and the table says that it does not.
                continue
            need_equal_to_inspect(path)
        except (aoftool.AoftoolError, pa.ArrowInvalid):
            continue
        held += 1
    assert held > 400


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_other_tables_say_what_their_verbs_say(case: Case) -> None:
    from aoftool.api.auditing import audit

    opened = aoftool.open_log(case.directory)

    events = audit(opened, context=0).events
    found = table(opened, "events")
    assert found["code"].to_pylist() == [event.code.value for event in events]
    assert found["keys_lost"].to_pylist() == [event.loss and event.loss.keys for event in events]
    assert table(opened, "findings")["code"].to_pylist() == [f.code for f in aoftool.check(opened).findings]
    need_keys(opened)
    growth, overview = table(opened, "growth"), aoftool.inspect(opened, contents=False).overview
    own = [row for row in overview.commands if row.kind in ("command", "framing")]
    assert sum(growth["commands"].to_pylist()) == sum(row.count for row in own)
    assert sum(growth["size_bytes"].to_pylist()) == sum(row.size_bytes for row in own)
    files = table(opened, "files")
    assert files["file"].to_pylist() == [f.shown_name for f in (*opened.files, *opened.history)]
    assert files["disk_bytes"].to_pylist() == [f.size_bytes for f in (*opened.files, *opened.history)]


def need_keys(opened: Log) -> None:
    try:
        wanted = [(row.db, printable(row.key), row.size_bytes) for row in aoftool.keys(opened)]
    except aoftool.UnsupportedError:
        with pytest.raises(pa.ArrowInvalid, match="may do anything"):
            table(opened, "keys")
        return
    found = table(opened, "keys")
    rows = zip(*(found[name].to_pylist() for name in ("db", "key", "size_bytes")), strict=True)
    assert sorted(rows) == sorted(wanted)


@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_fates_add_up_to_those_of_a_rewrite(case: Case) -> None:
    from aoftool.rewrite.model import RewriteOptions
    from aoftool.rewrite.planner import plan_rewrite

    opened = aoftool.open_log(case.directory)
    found = table(opened, "commands")
    with plan_rewrite(opened, RewriteOptions()) as plan:
        wanted = plan.summary.tail
    dead = Counter[tuple[str, str]]()
    for row in wanted.dead:
        if row.cause not in ("annotation", "trimmed"):
            dead[row.name.decode(), row.cause] += row.commands
    pairs = zip(found["name"].to_pylist(), found["fate"].to_pylist(), found["cause"].to_pylist(), strict=True)
    fates = Counter((name.split(" ")[0], fate, cause) for name, fate, cause in pairs)
    assert Counter({(name, cause): n for (name, fate, cause), n in fates.items() if fate == "dead"}) == dead
    assert sum(n for (_, fate, _), n in fates.items() if fate != "dead") == wanted.live


FILTERS: list[dict[str, Any]] = [
    {"names": frozenset({b"SET"})},
    {"names": frozenset({b"XGROUP CREATE", b"DEL"})},
    {"keys": frozenset({b"page:2", b"events"})},
    {"selection": key_selection(match="cart:*")},
    {"selection": key_selection(regex="[02468]$"), "keys": frozenset({b"page:2"})},
    {"dbs": frozenset({1})},
    {"txn": 2},
    {"txn": 0, "min_size": 100},
]


# Not the text of a set: its order is another in each worker.
@pytest.mark.parametrize("wanted", FILTERS, ids=" ".join)
def test_a_filter_admits_what_it_admits_in_log(wanted: dict[str, Any]) -> None:
    for path in (SHOP, odd_log()):
        opened = aoftool.open_log(path)
        admitted = CommandFilter(**wanted)
        found = table(opened, "commands", TableRequest(admitted))
        listed = [(c.file_number, c.offset) for c in CommandListing(opened, admitted, keep=None)]
        assert list(zip(found["file_number"].to_pylist(), found["offset"].to_pylist(), strict=True)) == listed


_ODD: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def _odd(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Write a log of commands whose keys are found in odd places, or not known."""
    path = tmp_path_factory.mktemp("odd") / "appendonly.aof"
    path.write_bytes(
        log(
            select(0),
            command("SORT", "page:1", "BY", "nosort", "STORE", "page:2"),
            command("GEORADIUS", "g", 1, 2, 3, "m", "STORE", "page:2"),
            command("EVAL", "return 1", 2, "page:2", "cart:1", "arg"),
            command("NOSUCH", "page:2", "cart:9"),
            command("MSET", "a", 1, "cart:3", 2, "c8", 3),
            transaction(command("SET", "page:2", "x" * 100), command("DEL", "events", "cart:1")),
            transaction(command("XGROUP", "CREATE", "events", "g", "$")),
            select(1),
            command("ZUNIONSTORE", "page:2", 2, "cart:1", "z"),
        )
    )
    _ODD.append(path)


def odd_log() -> Path:
    return _ODD[-1]


def test_keys_behind_words_are_keys() -> None:
    found = table(aoftool.open_log(odd_log()), "commands").to_pylist()
    keys = {row["name"]: [row["key"], *(row["other_keys"] or [])] for row in found}

    assert keys["SORT"] == ["page:1", "page:2"]
    assert keys["GEORADIUS"] == ["g", "page:2"]
    assert keys["EVAL"] == ["page:2", "cart:1"]
    assert keys["MSET"] == ["a", "cart:3", "c8"]
    assert keys["NOSUCH"] == [None]
    assert keys["ZUNIONSTORE"] == ["page:2", "cart:1", "z"]
    types = {row["name"]: row["type"] for row in found}
    assert (types["MSET"], types["ZUNIONSTORE"], types["DEL"], types["XGROUP CREATE"]) == (
        "string", "zset", None, "stream",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("since", "until"),
    [("10m", None), (None, "2026-11-21T09:26:30"), ("1795253180", "1795253200")],
)
def test_times_choose_what_they_choose_in_log(since: str | None, until: str | None) -> None:
    opened = aoftool.open_log(SHOP)
    wanted = aoftool.commands(opened, since=since, until=until)
    from aoftool.api.moments import stretch_between

    asked = TableRequest(CommandFilter(stretch=stretch_between(since, until, opened)))
    assert table(opened, "commands", asked)["offset"].to_pylist() == [c.offset for c in wanted]


def test_inferred_times_are_those_of_the_clock(tmp_path: Path) -> None:
    from aoftool.analysis.clock.whole_log import clock_of_log

    path = tmp_path / "appendonly.aof"
    base_ms = 1_700_000_000_000
    items: list[bytes] = [select(0)]
    for number in range(60):
        items.append(command("SET", f"k{number}", "v" * 200))
        if number % 7 == 3:
            items.append(command("XADD", "s", f"{base_ms + number * 1000}-0", "f", "v"))
        if number % 11 == 5:
            items.append(command("PEXPIREAT", f"k{number}", base_ms + number * 1000 + 400))
    path.write_bytes(log(*items, timestamp((base_ms + 70_000) // 1000), command("SET", "z", 1)))
    opened = aoftool.open_log(path)
    clock = clock_of_log(opened)
    assert clock is not None

    found = table(opened, "commands").to_pylist()
    inferred = 0
    for row in found:
        time_s = None if row["time"] is None else int(row["time"].timestamp())
        bounds = clock.bounds(0, row["offset"], time_s)
        shown = [None if row[n] is None else round(row[n].timestamp() * 1000) for n in ("earliest", "latest")]
        assert shown == [bounds.earliest_ms, bounds.latest_ms]
        assert row["earliest_from"] == (bounds.earliest_from and bounds.earliest_from.value)
        assert row["latest_from"] == (bounds.latest_from and bounds.latest_from.value)
        inferred += bounds.is_inferred
    assert inferred > 50


@pytest.mark.parametrize("rows", [1, 3, 64])
def test_rows_do_not_depend_on_how_they_are_cut(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from aoftool.resp import scanner

    opened = aoftool.open_log(SHOP)
    whole = table(opened, "commands", TableRequest(arguments=True))
    monkeypatch.setattr(scanner, "_ROWS_BUFFER_BYTES", 4096)
    monkeypatch.setattr(scanning, "_ROWS", rows)

    cut = table(opened, "commands", TableRequest(arguments=True))
    assert cut.combine_chunks().equals(whole.combine_chunks())


@pytest.mark.parametrize("most", [1, 700, 20_000])
def test_a_batch_with_arguments_has_a_bounded_size(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = aoftool.open_log(SHOP)
    whole = table(opened, "commands", TableRequest(arguments=True))
    monkeypatch.setattr(arguments, "_PART_BYTES", most)

    cut = table(opened, "commands", TableRequest(arguments=True))

    assert cut.combine_chunks().equals(whole.combine_chunks())
    assert cut["arguments"].num_chunks > whole["arguments"].num_chunks
    sizes = [[sum(map(len, words or ())) for words in chunk.to_pylist()] for chunk in cut["arguments"].chunks]
    largest = max(map(max, sizes))
    assert all(sum(chunk) <= most + largest for chunk in sizes)


def test_arguments_are_those_of_log() -> None:
    opened = aoftool.open_log(SHOP)
    found = table(opened, "commands", TableRequest(arguments=True))["arguments"].to_pylist()

    assert found == [[printable(word) for word in c.argv[1:]] for c in aoftool.commands(opened)]


@given(st.lists(st.binary(max_size=12) | st.text(max_size=6).map(str.encode)))
def test_texts_are_the_printable_form(names: list[bytes]) -> None:
    import numpy as np

    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum([len(name) for name in names], dtype=np.int64)))
    found = shown_texts(b"".join(names), ends)

    shown = [found.data[a:b].decode() for a, b in pairwise(found.offsets.tolist())]
    assert shown == [*map(printable, names)]


def test_who_takes_arrow_takes_a_table() -> None:
    opened = aoftool.open_log(SHOP)
    commands = opened.to_arrow("commands")

    frame = polars.DataFrame(commands)
    assert frame.height == 1166
    assert pa.table(commands).num_rows == 1166
    assert len(pandas.DataFrame.from_arrow(commands)) == 1166
    assert duckdb.connect().register("c", commands).execute("SELECT count(*) FROM c").fetchall() == [(1166,)]
    assert frame["size_bytes"].sum() == sum(pa.table(commands)["size_bytes"].to_pylist())


def test_nothing_is_read_before_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = LogTables.batches

    def watched(self: LogTables, name: str, columns: frozenset[str] | None = None) -> Any:
        asked.append(name)
        return real(self, name, columns)

    monkeypatch.setattr(LogTables, "batches", watched)
    commands = aoftool.open_log(SHOP).to_arrow("commands")
    schema = pa.schema(commands)
    assert schema.names == list(table_named("commands").names)
    assert not asked

    stream = pa.RecordBatchReader.from_stream(commands)
    assert not asked
    stream.read_next_batch()
    assert asked == ["commands"]


def test_rows_that_are_left_end_their_thread() -> None:
    import threading

    before = set(threading.enumerate())
    batches = LogTables(aoftool.open_log(SHOP)).batches("commands")
    next(batches)
    assert isinstance(batches, Generator)
    batches.close()

    assert set(threading.enumerate()) <= before


def test_what_is_no_table_is_told() -> None:
    with pytest.raises(aoftool.UsageError, match="there is no table 'nonsense'"):
        aoftool.open_log(SHOP).to_arrow("nonsense")


def test_pages_for_notebooks_hold_no_markup_of_the_log(tmp_path: Path) -> None:
    from html.parser import HTMLParser

    one, other = tmp_path / "one.aof", tmp_path / "other.aof"
    one.write_bytes(log(select(0), command("SET", "<i>", "1")))
    other.write_bytes(log(select(0), command("SET", "<b>", "1")))
    path = tmp_path / "<b>appendonly.aof"
    path.write_bytes(
        log(select(0), command("<script>x</script>", "<img src=x>", "1"), command("SET", "<i>", "1"))
    )
    opened = aoftool.open_log(path)
    found = [
        opened, opened.to_arrow("commands"), aoftool.check(opened), aoftool.inspect(opened),
        aoftool.diff(aoftool.open_log(one), aoftool.open_log(other)),
    ]  # fmt: skip
    tags: set[str] = set()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.add(tag)

    for each in found:
        text = each._repr_html_()
        Tags().feed(text)
    assert "&lt;i&gt;" in found[-1]._repr_html_()
    assert tags <= {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"}


def test_every_column_says_what_it_means() -> None:
    for each in TABLES:
        assert len(set(each.names)) == len(each.names)
        assert all(column.meaning and "\n" not in column.meaning for column in each.columns)


def test_the_page_of_tables_is_made_of_the_schemas() -> None:
    text = (CHECKOUT / "docs" / "export.md").read_text("utf-8")

    assert page(text) == text, "run tools/write_tables_docs.py"


def test_a_batch_has_the_columns_that_are_asked_for() -> None:
    batches = LogTables(aoftool.open_log(SHOP)).batches("commands", frozenset({"name", "offset"}))

    batch: Batch = next(iter(batches))
    assert set(batch.columns) == {"name", "offset"}

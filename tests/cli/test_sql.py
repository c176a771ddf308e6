"""`aoftool sql`: ten questions with the answers of the verbs, what a query may not do, and how it fails."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import aoftool
from aoftool.api.growing import growth, read
from aoftool.api.inspecting import InspectionRequest, inspected
from aoftool.api.ranking import rank_keys
from aoftool.api.rewriting import Ending, Where, run_rewrite
from aoftool.api.tabling import LogTables
from aoftool.cli.app import run
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.corpus import CHECKOUT, FIXTURES

SHOP = FIXTURES / "valkey-9" / "shop"
FLUSHED = FIXTURES / "recorded" / "redis-7.0.15" / "timestamps-flushall"
TORN = FIXTURES / "damaged" / "torn-mid-payload"
FLIPPED = FIXTURES / "damaged" / "star-byte-flipped"
_QUESTION = re.compile(r"^### (.+?)\n.*?```sql\n(.+?)```", re.MULTILINE | re.DOTALL)
QUERIES = dict(_QUESTION.findall((CHECKOUT / "docs" / "sql.md").read_text("utf-8")))

Rows = list[list[Any]]


def asked(capsys: pytest.CaptureFixture[str], path: Path, query: str, *options: str, code: int = 0) -> Rows:
    capsys.readouterr()
    assert run(["sql", "--json", *options, str(path), query]) == code
    rows: Rows = json.loads(capsys.readouterr().out)["rows"]
    return rows


def iso(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def by_command(path: Path) -> Rows:
    rows = aoftool.inspect(aoftool.open_log(path)).overview.commands
    own = [
        [row.name.decode(), row.count, row.size_bytes] for row in rows if row.kind in ("command", "framing")
    ]
    return sorted(own, key=lambda row: (-row[2], row[0]))


def flushes(path: Path) -> Rows:
    from aoftool.api.auditing import audit

    events = [event for event in audit(aoftool.open_log(path)).events if event.code.value == "flush"]
    assert events
    return [
        [
            iso(e.command.time_s or 0),
            e.command.file,
            e.command.offset,
            e.command.name.decode(),
            e.loss and e.loss.keys,
        ]
        for e in events
    ]


def before_flush(path: Path) -> Rows:
    opened = aoftool.open_log(path)
    flush = next(iter(aoftool.commands(opened, names={"FLUSHALL"})))
    since, until = (aoftool.Moment.parse(str((flush.time_s or 0) - back)) for back in (3, 0))
    found = aoftool.commands(opened, since=since, until=until)
    keyless = (b"FLUSHALL", b"SELECT", b"MULTI", b"EXEC")
    return [[c.offset, c.name.decode(), None if c.name in keyless else c.argv[1].decode()] for c in found]


def most_written(path: Path) -> Rows:
    from aoftool.analysis.census.model import CensusOptions

    ranks = rank_keys(aoftool.open_log(path), "writes", CensusOptions(), top=1000)[1]
    rows: Rows = [[rank.key.decode(), rank.writes] for rank in ranks]
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:10]


def dropped(path: Path) -> Rows:
    options = aoftool.RewriteOptions(now_ms=1)
    result, _ = run_rewrite(aoftool.open_log(path), options, Where(Ending.COUNT))
    causes: dict[str, list[int]] = {}
    for row in result.summary.tail.dead:
        # Lines of `#TS` are no commands.
        if row.cause != "annotation":
            counts = causes.setdefault(row.cause, [0, 0])
            counts[0], counts[1] = counts[0] + row.commands, counts[1] + row.size_bytes
    rows: Rows = [[cause, *counts] for cause, counts in causes.items()]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def grown(path: Path, **options: Any) -> Any:
    from aoftool.analysis.census.model import CensusOptions

    opened = aoftool.open_log(path)
    return growth(opened, read(opened, CensusOptions(), None), buckets=500, top=200, **options)


def by_prefix(path: Path) -> Rows:
    rows: Rows = [[row.name.decode(), row.commands, row.size_bytes] for row in grown(path).rows]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def busiest(path: Path) -> Rows:
    rows: Rows = [[b.start, b.commands, b.size_bytes] for b in grown(path, width=1).buckets if b.commands]
    return sorted(rows, key=lambda row: (-row[2], row[0]))[:5]


def lasting(path: Path) -> Rows:
    found = aoftool.keys(aoftool.open_log(path), without_expire=True)
    rows: Rows = [[row.db, row.key.decode(), row.type_name, row.size_bytes] for row in found]
    return sorted(rows, key=lambda row: (-row[3], row[0], row[1]))[:10]


def transactions(path: Path) -> Rows:
    view = inspected(aoftool.open_log(path), InspectionRequest(rows=1000)).contents
    assert view is not None
    rows: Rows = [[row.file, row.offset, row.commands, row.size_bytes] for row in view.transactions]
    return sorted(rows, key=lambda row: (-row[3], row[1]))[:5]


def damaged(path: Path) -> Rows:
    opened = aoftool.open_log(path)
    found = [f for f in aoftool.check(opened).findings if f.severity.value == "damage"]
    *_, last = aoftool.commands(opened)
    return [[f.code, f.start, last.offset, last.name.decode()] for f in found]


ANSWERS: dict[str, tuple[Path, Callable[[Path], Rows], int]] = {
    "Which commands take the bytes?": (SHOP, by_command, 0),
    "Who emptied a database, when, and how many keys were lost?": (FLUSHED, flushes, 0),
    "What ran in the three seconds before that?": (FLUSHED, before_flush, 0),
    "Which keys are written most?": (SHOP, most_written, 0),
    "How much would a rewrite drop, and why?": (SHOP, dropped, 0),
    "Which prefixes grow the log?": (SHOP, by_prefix, 0),
    "In which seconds was most written?": (SHOP, busiest, 0),
    "Which keys never expire, the largest first?": (SHOP, lasting, 0),
    "Which transactions are largest?": (SHOP, transactions, 0),
    "Is something damaged, where, and what stands right before it?": (TORN, damaged, 1),
}


def test_every_question_of_the_page_has_its_answer_here() -> None:
    assert list(QUERIES) == list(ANSWERS)


@pytest.mark.parametrize("question", ANSWERS)
def test_query_gives_what_the_verb_says(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, answer, code = ANSWERS[question]

    wanted = answer(path)

    assert wanted
    assert asked(capsys, path, QUERIES[question], code=code) == wanted


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("SELECT * FROM files", {"files"}),
        ("SELECT count(*) FROM files f JOIN files g USING (file)", {"files"}),
        ("SELECT 1", set()),
        ("DESCRIBE commands", set()),
        ("SHOW TABLES", set()),
        ("SELECT max(name) FROM commands", {"commands"}),
        ("SELECT c.name FROM commands c JOIN keys k USING (key)", {"commands", "keys"}),
    ],
)
def test_a_query_reads_the_tables_that_it_names(
    query: str, reads: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: set[str] = set()
    real = LogTables.batches

    def watched(self: LogTables, name: str, columns: frozenset[str] | None = None) -> Any:
        seen.add(name)
        return real(self, name, columns)

    monkeypatch.setattr(LogTables, "batches", watched)
    asked(capsys, SHOP, query)

    assert seen == reads


def test_a_query_on_files_opens_no_file_of_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import aoftool.resp.scanner

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("commands were read")

    monkeypatch.setattr(aoftool.resp.scanner, "Scan", refuse)

    assert len(asked(capsys, SHOP, "SELECT * FROM files")) == 2


@pytest.mark.parametrize(
    ("query", "is_sought"),
    [
        ("SELECT name, sum(size_bytes) FROM commands GROUP BY name", False),
        ("SELECT count(*) FROM commands", False),
        ("SELECT count(*) FROM commands WHERE fate = 'dead'", True),
        ("SELECT c FROM commands c LIMIT 1", True),
        ("FROM commands LIMIT 1", True),
        ("WITH c AS (SELECT * FROM commands) SELECT max(cause) FROM c", True),
        ("PIVOT commands ON fate USING count(*)", True),
        ("CREATE TABLE t AS FROM commands; SELECT max(fate) FROM t", True),
    ],
)
def test_what_becomes_of_commands_is_found_where_a_query_reads_it(
    query: str, is_sought: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aoftool.rewrite.ask import fates

    calls: list[object] = []
    real = fates.find_fates

    def watched(*given: Any) -> Any:
        calls.append(given)
        return real(*given)

    monkeypatch.setattr(fates, "find_fates", watched)
    capsys.readouterr()

    assert run(["sql", "--csv", str(SHOP), query]) == 0

    assert bool(calls) is is_sought


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/new.csv'",
        "ATTACH '{folder}/new.db'",
        "EXPORT DATABASE '{folder}/new'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '900GB'",
        "SELECT * FROM sys",
        "SELECT * FROM json",
    ],
)
def test_a_query_reaches_nothing_but_the_log(
    query: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.csv").write_text("a,b\nhidden,1\n")
    before = sorted(tmp_path.iterdir())

    code = run(["sql", str(SHOP), query.format(file=tmp_path / "secret.csv", folder=tmp_path)])

    shown = capsys.readouterr()
    assert code == 2
    assert "hidden" not in shown.out + shown.err
    assert "Traceback" not in shown.err
    assert sorted(tmp_path.iterdir()) == before


def test_allow_files_lets_a_query_write_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "names.csv"

    assert run(["sql", str(SHOP), f"COPY (SELECT DISTINCT name FROM commands) TO '{out}'"]) == 2
    assert "hint: add --allow-files" in capsys.readouterr().err
    assert (
        run(["sql", "--allow-files", str(SHOP), f"COPY (SELECT DISTINCT name FROM commands) TO '{out}'"]) == 0
    )
    assert "HSET" in out.read_text()


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("SELECT * FROM command", "the tables are commands, keys, files, findings, events, growth"),
        ("SELECT nonsense FROM commands", "DESCRIBE commands shows the columns of a table"),
    ],
)
def test_what_is_wrong_with_a_query_is_told_with_what_to_type(
    query: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sql", str(SHOP), query]) == 2
    told = capsys.readouterr().err
    assert f"hint: {hint}" in told
    assert "EXPLAIN" not in told
    assert "\\n" not in told


def test_a_query_is_given_up_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    endless = "SELECT count(*) FROM range(100000000000) a, range(1000) b WHERE a.range % 7 = b.range"

    assert run(["sql", "--timeout", "0.3s", str(SHOP), endless]) == 3
    assert "took longer than 0.3 s" in capsys.readouterr().err


def test_an_interrupt_from_the_keyboard_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from aoftool.tables.sql import Database

    def interrupted(self: Database, statement: object) -> None:
        # Measured: DuckDB 2.0 says so where a signal ends a query.
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr(Database, "_columns_of", interrupted)

    assert run(["sql", str(SHOP), "SELECT 1"]) == 130


@pytest.mark.parametrize(
    ("failure", "code"),
    [(KeyboardInterrupt(), 130), (aoftool.ReadFailedError("the disk is broken", path="a"), 3)],
)
@pytest.mark.parametrize(
    "words", [["sql", "IN", "SELECT max(name) FROM commands"], ["export", "-o", "OUT", "IN"]]
)
def test_what_ends_a_reading_ends_the_verb_as_it_is(
    words: list[str], failure: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise failure

    monkeypatch.setattr("aoftool.analysis.tables.commands.CommandRows._batches", fail)
    named = {"IN": str(SHOP), "OUT": str(tmp_path / "out")}

    assert run([named.get(word, word) for word in words]) == code
    assert not list(tmp_path.iterdir())


def test_memory_of_a_query_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    hungry = "SELECT list(range) FROM range(50000000)"

    assert run(["sql", "--memory-limit", "32MB", str(SHOP), hungry]) == 3
    assert "raise --memory-limit" in capsys.readouterr().err


def test_csv_runs_in_no_spreadsheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(select(0), command("SET", "=cmd()", "1"), command("SET", 'a,"b"', "1")))

    assert run(["sql", "--csv", str(path), "SELECT key, size_bytes FROM commands WHERE name = 'SET'"]) == 0

    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["key", "size_bytes"], ["'=cmd()", "32"], ['a,"b"', "31"]]


def test_nothing_of_a_query_reaches_the_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["sql", str(SHOP), "SELECT 'a' || chr(27) || '[31m' AS x, 'b\\c' AS y, chr(8238) AS \"z\u202e\""])
        == 0
    )

    shown = capsys.readouterr().out
    assert "a\\x1b[31m" in shown
    assert "b\\c" in shown
    assert not set(shown) & {"\x1b", "\u202e"}


def test_keys_can_be_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    plain = asked(capsys, SHOP, "SELECT DISTINCT key FROM commands WHERE key IS NOT NULL ORDER BY key")
    hidden = asked(capsys, SHOP, "SELECT DISTINCT key FROM commands WHERE key IS NOT NULL", "--redact", "all")

    assert len(hidden) == len(plain) > 50
    assert not {key for (key,) in plain} & {key for (key,) in hidden}


def test_prompt_runs_queries_and_goes_on_behind_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    lines = ".help\nSELECT nonsense;\nSELECT count(*) AS n\nFROM commands;\n.quit\nSELECT 'no more';\n"
    monkeypatch.setattr(sys, "stdin", Terminal(lines))

    assert run(["sql", str(SHOP)]) == 0

    shown = capsys.readouterr()
    assert "1166" in shown.out
    assert "no more" not in shown.out
    assert "Binder Error" in shown.err


def test_queries_of_a_pipe_end_with_the_first_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 'one';\nSELECT nonsense;\nSELECT 'two'"))

    assert run(["sql", "--csv", str(SHOP)]) == 2
    assert capsys.readouterr().out.split() == ["'one'", "one"]


def test_names_are_completed() -> None:
    from aoftool.tables.sql import Database

    words = Database(lambda name, columns: ()).words()

    assert {"commands", "size_bytes", "select", "date_trunc", "growth"} <= set(words)


def test_a_query_alone_is_no_path(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(SHOP)

    assert run(["sql", "--csv", "SELECT count(*) FROM commands"]) == 0
    assert capsys.readouterr().out.split() == ["count_star()", "1166"]


def test_standard_input_is_read_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open(SHOP / "appendonlydir" / "appendonly.aof.2.incr.aof", "rb") as source:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(source))
        assert run(["sql", "--csv", "-", "SELECT count(*) FROM commands; SELECT count(*) FROM commands"]) == 3

    shown = capsys.readouterr()
    assert shown.out.split() == ["count_star()", "1166"]
    assert "standard input can be read only once" in shown.err


@pytest.mark.parametrize("table", ["commands", "events", "growth", "findings"])
@pytest.mark.parametrize("verb", ["sql", "export"])
def test_what_a_table_does_not_reach_decides_about_the_end(
    verb: str, table: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [str(FLIPPED), f"SELECT count(*) FROM {table}"]
    if verb == "export":
        line = [str(FLIPPED), "--table", table, "-o", str(tmp_path / "out")]

    assert run([verb, *line]) == 1

    # Findings are their own words.
    assert ("next: aoftool fix" in capsys.readouterr().err) == (table != "findings")


def test_keys_of_an_rdb_part_that_ends_early_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = rdb(rdb_database(0, *(rdb_record(0, f"k{number}", rdb_string("1")) for number in range(9))))
    path = tmp_path / "dump.rdb"
    path.write_bytes(whole[: len(whole) // 2])

    assert run(["sql", str(path), "SELECT count(*) FROM keys"]) == 1
    assert "next: aoftool" in capsys.readouterr().err


def test_a_missing_file_is_told_where_commands_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = rdb(rdb_database(0, rdb_record(0, "a", rdb_string("1"))))
    write_multi_part(tmp_path / "log", base=base, incrs=[log(select(0), command("SET", "b", "1"))])
    next(path for path in (tmp_path / "log").rglob("*base*")).unlink()

    assert run(["sql", str(tmp_path / "log"), "SELECT count(*) FROM commands"]) == 1
    assert "[missing-file]" in capsys.readouterr().err
    assert run(["sql", str(tmp_path / "log"), "SELECT count(*) FROM files"]) == 0

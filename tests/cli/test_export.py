"""`aoftool export`: what it writes, read back by those who will read it; damage, hiding, refusals."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest

import aoftool
from aoftool.cli.app import run
from aoftool.escape import unprintable
from aoftool.tables.schema import TABLES, Kind
from tests.builders import command, log, rdb, rdb_database, rdb_record, rdb_string, select, write_multi_part
from tests.corpus import FIXTURES

SHOP = FIXTURES / "valkey-9" / "shop"
NAMES = [table.name for table in TABLES]
HOSTILE = [
    b"plain", b"", b"back\\slash", b"\xff\xfe\x00", "na\u00efve \u202e".encode(), b"a\r\nb\tc\x1b[31m",
    b"<script>alert(1)</script>", b"=1+1", b"k" * 70_000, b'q"uote,comma',
]  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "appendonly.aof"
    commands = [command("MSET", key, b"v", key + b"2", b"v") for key in HOSTILE]
    path.write_bytes(log(select(0), *commands))
    return path


def exported(out: Path, *words: str, code: int = 0) -> Path:
    assert run(["export", *words, "-o", str(out)]) == code
    return out


def parquet(out: Path, name: str) -> pa.Table:
    return pyarrow.parquet.read_table(out / f"{name}.parquet")


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv", "jsonl"])
def test_every_table_has_its_file_and_its_columns(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = exported(tmp_path / "out", "--format", form, "--json", str(SHOP))
    told = json.loads(capsys.readouterr().out)

    assert [row["table"] for row in told["tables"]] == NAMES
    assert sorted(os.listdir(out)) == sorted(f"{name}.{form}" for name in NAMES)
    for row in told["tables"]:
        assert row["size_bytes"] == os.path.getsize(row["path"])
        columns, rows = read_back(Path(row["path"]))
        wanted = next(table for table in TABLES if table.name == row["table"]).names
        assert tuple(columns) == wanted or (form == "jsonl" and not rows)
        assert rows == row["rows"]


def read_back(path: Path) -> tuple[list[str], int]:
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        return table.column_names, table.num_rows
    if path.suffix == ".arrow":
        table = pyarrow.ipc.open_file(path).read_all()
        return table.column_names, table.num_rows
    text = path.read_text("utf-8")
    if path.suffix == ".csv":
        rows = list(csv.reader(io.StringIO(text)))
        return rows[0], len(rows) - 1
    lines = [json.loads(line) for line in text.splitlines()]
    return list(lines[0]) if lines else [], len(lines)


def test_types_are_those_of_the_page(tmp_path: Path) -> None:
    out = exported(tmp_path / "out", str(SHOP))
    arrow = {
        Kind.WORD: pa.string(), Kind.TEXT: pa.string(), Kind.SHORT: pa.int32(), Kind.LONG: pa.int64(),
        Kind.FLAG: pa.bool_(), Kind.TIME: pa.timestamp("ms", "UTC"),
    }  # fmt: skip

    for table in TABLES:
        found = parquet(out, table.name).schema
        for column in table.columns:
            if column.kind is Kind.TEXTS:
                assert pa.types.is_list(found.field(column.name).type)
                continue
            assert found.field(column.name).type == arrow[column.kind], (table.name, column.name)


def test_pyarrow_duckdb_and_polars_read_the_same(tmp_path: Path) -> None:
    out = exported(tmp_path / "out", str(SHOP))

    for name in NAMES:
        path = str(out / f"{name}.parquet")
        by_arrow = parquet(out, name)
        columns = [c for c in by_arrow.column_names if not pa.types.is_timestamp(by_arrow[c].type)]
        rows = [tuple(row.values()) for row in by_arrow.select(columns).to_pylist()]
        shown = ", ".join(f'"{column}"' for column in columns)
        assert polars.read_parquet(path).select(columns).rows() == rows
        assert duckdb.connect().execute(f"SELECT {shown} FROM '{path}'").fetchall() == rows
        for column in set(by_arrow.column_names) - set(columns):
            millis = by_arrow[column].cast(pa.int64()).to_pylist()
            assert polars.read_parquet(path)[column].dt.timestamp("ms").to_list() == millis


def test_names_of_any_bytes_come_back(hostile: Path, tmp_path: Path) -> None:
    for form in ("parquet", "csv", "jsonl"):
        out = exported(tmp_path / form, "--table", "commands", "--arguments", "--format", form, str(hostile))
        rows = _rows(out / f"commands.{form}")
        assert [row["key"] for row in rows[:1]] == [None if form != "csv" else ""]
        found = [row["key"] for row in rows[1:]]
        if form == "csv":
            found = [key.removeprefix("'") for key in found]
        assert [unprintable(key or "") for key in found] == [key[: 64 * 1024] for key in HOSTILE]
        assert [int(row["key_bytes"]) for row in rows[1:]] == [len(key) for key in HOSTILE]
    rows = _rows(tmp_path / "parquet" / "commands.parquet")
    assert [[*map(unprintable, row["other_keys"])] for row in rows[1:]] == [
        [(key + b"2")[: 64 * 1024]] for key in HOSTILE
    ]
    kept = [row["arguments"] for row in rows[1:] if len(row["key"]) < 60_000]
    assert [[*map(unprintable, row)] for row in kept] == [
        [key, b"v", key + b"2", b"v"] for key in HOSTILE if len(key) < 60_000
    ]


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        found: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return found
    text = path.read_text("utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text)))
    return [json.loads(line) for line in text.splitlines()]


def test_csv_holds_no_formula_and_nothing_that_a_terminal_obeys(hostile: Path, tmp_path: Path) -> None:
    out = exported(tmp_path / "out", "--table", "commands", "--format", "csv", str(hostile))
    text = (out / "commands.csv").read_text("utf-8")

    assert "'=1+1" in text
    assert not {"\x1b", "\u202e", "\x00", "\t"} & set(text)


def test_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    middle = "40000"
    whole = parquet(exported(tmp_path / "whole", "--table", "commands", str(SHOP)), "commands")
    first = exported(tmp_path / "first", "--table", "commands", "--until", middle, str(SHOP))
    second = exported(tmp_path / "second", "--table", "commands", "--since", middle, str(SHOP))

    both = pa.concat_tables([parquet(first, "commands"), parquet(second, "commands")])
    assert 0 < parquet(first, "commands").num_rows < whole.num_rows
    assert both.equals(whole)


def test_damage_ends_the_rows_and_is_beside_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torn = FIXTURES / "damaged" / "torn-mid-payload"
    out = exported(tmp_path / "out", "--json", str(torn), code=1)

    shown = capsys.readouterr()
    assert parquet(out, "commands").num_rows == sum(1 for _ in aoftool.commands(aoftool.open_log(torn)))
    report = aoftool.check(aoftool.open_log(torn))
    assert parquet(out, "findings")["code"].to_pylist() == [finding.code for finding in report.findings]
    assert "next: aoftool fix" in shown.err


def test_what_damage_does_not_give_is_left_out_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flipped = FIXTURES / "damaged" / "star-byte-flipped"
    out = exported(tmp_path / "out", "--json", str(flipped), code=1)

    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert [row["table"] for row in told["left_out"]] == ["keys"]
    assert not (out / "keys.parquet").exists()
    assert "left out: keys" in shown.err
    assert parquet(out, "commands").num_rows > 0

    assert run(["export", "--table", "keys", "-o", str(tmp_path / "keys"), str(flipped)]) == 3
    assert sorted(os.listdir(tmp_path)) == ["out"]


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "arrow"])
def test_redaction_leaks_no_key_and_no_value(form: str, tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    secret = [b"customer-4711", b"hunter2-hunter2", b"PRIVATE COMMAND"]
    unknown = command(secret[2], secret[0], secret[1])
    many = [command("DEL", secret[0] + b":%d" % number) for number in range(40)]
    path.write_bytes(
        log(
            select(0), command("SET", secret[0], secret[1]),
            command("HSET", secret[0] + b":h", secret[1], b"1"), unknown, *many,
        )
    )  # fmt: skip

    out = tmp_path / "out"
    words = ["export", "--redact", "all", "--arguments", "--format", form, "-o", str(out), str(path)]
    assert run(words) in (0, 1, 6)

    for name in os.listdir(out):
        content = (out / name).read_bytes()
        if form == "parquet":
            content = repr(pyarrow.parquet.read_table(out / name).to_pylist()).encode()
        for original in secret:
            assert original not in content, (name, original)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "add -o DIR"),
        (["--table", "nonsense", "-o", "NEW"], 2, "one of commands, keys, files, findings, events, growth"),
        (["-o", "THERE"], 4, "exists already"),
        (["-o", "s3://bucket/new"], 4, "tables are written to a disk"),
        (["--match", "a", "--regex", "b", "-o", "NEW"], 2, "exclude each other"),
        (["--db", "7", "--table", "commands", "-o", "NEW"], 2, "7"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    named = {"NEW": str(tmp_path / "new"), "THERE": str(tmp_path / "there")}

    assert run(["export", *(named.get(word, word) for word in words), str(SHOP)]) == code

    assert told in capsys.readouterr().err
    assert not [name for name in os.listdir(tmp_path) if ".aoftool-" in name]


def test_without_the_libraries_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("nanoarrow", "arro3.io", "duckdb"):
        monkeypatch.setitem(sys.modules, name, None)

    assert run(["export", "-o", str(tmp_path / "out"), str(SHOP)]) == 3
    assert "next: pip install 'aoftool[data]'" in capsys.readouterr().err
    assert run(["sql", str(SHOP), "SELECT 1"]) == 3
    assert "next: pip install 'aoftool[data]'" in capsys.readouterr().err
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_text_needs_no_library(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = exported(tmp_path / "with", "--format", form, str(SHOP))
    for name in ("nanoarrow", "arro3", "arro3.core", "arro3.io", "duckdb"):
        monkeypatch.setitem(sys.modules, name, None)

    out = exported(tmp_path / "without", "--format", form, str(SHOP))

    for name in NAMES:
        assert (out / f"{name}.{form}").read_bytes() == (expected / f"{name}.{form}").read_bytes()


def test_standard_input_gives_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (SHOP / "appendonlydir" / "appendonly.aof.2.incr.aof").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert run(["export", "-o", str(tmp_path / "all"), "-"]) == 2
    assert "hint: add --table commands" in capsys.readouterr().err
    out = exported(tmp_path / "out", "--table", "commands", "-")
    assert parquet(out, "commands").num_rows == 1166


def test_gzip_gives_the_rows_of_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gzip

    packed = tmp_path / "appendonly.aof.gz"
    packed.write_bytes(gzip.compress((SHOP / "appendonlydir" / "appendonly.aof.2.incr.aof").read_bytes()))
    out = exported(tmp_path / "out", str(packed))
    assert parquet(out, "commands").num_rows == 1166
    plain = exported(tmp_path / "plain", str(SHOP / "appendonlydir" / "appendonly.aof.2.incr.aof"))
    for name in ("events", "growth", "keys"):
        rows, expected = (parquet(at, name).to_pylist() for at in (out, plain))
        for row in (*rows, *expected):
            row.pop("file", None)
        assert rows == expected, name
    assert "left out" not in capsys.readouterr().err
    exported(tmp_path / "keys", "--table", "keys", "--table", "commands", str(packed))

    assert run(["export", "--arguments", "--table", "commands", "-o", str(tmp_path / "no"), str(packed)]) == 2
    assert "leave --arguments out" in capsys.readouterr().err


def test_readers_of_the_directory_are_those_of_the_log(tmp_path: Path) -> None:
    copy = tmp_path / "log"
    shutil.copytree(SHOP, copy)
    inner = copy / "appendonlydir"
    for path in inner.iterdir():
        path.chmod(0o600)
    inner.chmod(0o700)

    out = exported(tmp_path / "out", str(copy))

    assert out.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}


def test_keys_at_a_moment_and_chosen_ones(tmp_path: Path) -> None:
    out = exported(
        tmp_path / "out", "--table", "keys", "--at", "before:SET:100", "--match", "session:*", str(SHOP)
    )
    opened = aoftool.open_log(SHOP)
    wanted = aoftool.keys(opened, at="before:SET:100", pattern=aoftool.Pattern.glob("session:*"))

    assert sorted(parquet(out, "keys")["key"].to_pylist()) == sorted(row.key.decode() for row in wanted)


def test_limit_bounds_every_table(tmp_path: Path) -> None:
    out = exported(tmp_path / "out", "--limit", "7", str(SHOP))

    assert {name: parquet(out, name).num_rows for name in NAMES} == {
        "commands": 7, "keys": 7, "files": 2, "findings": 1, "events": 0, "growth": 7,
    }  # fmt: skip


def test_a_base_alone_and_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = rdb(rdb_database(0, rdb_record(0, "a", rdb_string("1"))))
    write_multi_part(tmp_path / "log", base=base, incrs=[log(select(0), command("SET", "b", "1"))])
    out = exported(tmp_path / "whole", str(tmp_path / "log"))
    assert sorted(parquet(out, "keys")["key"].to_pylist()) == ["a", "b"]

    incr = next(path for path in (tmp_path / "log").rglob("*incr*"))
    incr.unlink()
    out = exported(tmp_path / "part", str(tmp_path / "log"), code=1)
    assert parquet(out, "files")["exists"].to_pylist() == [True, False]
    assert "missing-file" in parquet(out, "findings")["code"].to_pylist()

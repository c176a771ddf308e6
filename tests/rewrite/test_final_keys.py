"""The keys of a whole log: what a server holds, who wrote it last, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.keys.model import KeyRow
from aoftool.aof.layout import find_log
from aoftool.databases import DEFAULT_DATABASES
from aoftool.errors import UnsupportedError
from aoftool.files import open_source
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.keyspace.selection import KeySelection
from aoftool.rdb.records.reader import records
from aoftool.resp.commands import commands
from aoftool.rewrite.ask.final_keys import FinalKeys
from aoftool.rewrite.model import Cut, OutputFormat, RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from tests import builders
from tests.corpus import FIXTURES, Case, case_params
from tests.oracle import State, dump_state
from tests.random_logs import Mix, random_log
from tests.rdb.states import state_of
from tests.reloading import reload
from tests.rewrite.listing import listed, obvious_writers
from tests.rewrite.rewriting import rewritten
from tests.servers import Build, Server, find_build

SHOP = FIXTURES / "valkey-9" / "shop"


def write(directory: Path, *parts: list[bytes] | tuple[object, ...] | bytes) -> Path:
    path = directory / "log.aof"
    path.write_bytes(builders.log(*parts))  # type: ignore[arg-type]
    return path


def brief(rows: list[KeyRow]) -> list[tuple[object, ...]]:
    return [(row.db, row.key, row.command, row.offset, row.writes) for row in rows]


def test_each_key_names_its_last_writer_and_counts_all(tmp_path: Path) -> None:
    parts = [
        ("SET", "a", "1"),
        ("SET", "a", "2"),
        ("MSET", "b", "1", "c", "2", "b", "3"),
        ("DEL", "c"),
        ("HSET", "c", "f", "v"),
        ("RENAME", "c", "d"),
        ("GET", "a"),
        ("COPY", "a", "e"),
    ]
    path = write(tmp_path, *parts)
    offsets = [len(builders.log(*parts[:count])) for count in range(len(parts))]

    rows = listed(path, RewriteOptions())

    assert brief(rows) == [
        (0, b"a", b"SET", offsets[1], 2),
        (0, b"b", b"MSET", offsets[2], 1),
        (0, b"d", b"RENAME", offsets[5], 1),
        (0, b"e", b"COPY", offsets[7], 1),
    ]
    assert [(row.type_name, row.encoding, row.elements) for row in rows] == [
        ("string", "int", 1),
        ("string", "int", 1),
        ("hash", "listpack", 1),
        ("string", "int", 1),
    ]


def test_records_of_the_rdb_part_have_no_writer_until_a_command_writes_them(tmp_path: Path) -> None:
    base = builders.rdb(
        builders.rdb_database(
            0,
            builders.rdb_record(0, "kept", builders.rdb_string("v")),
            builders.rdb_record(0, "changed", builders.rdb_string("v")),
            builders.rdb_record(0, "gone", builders.rdb_string("v")),
        )
    )
    path = write(tmp_path, base, ("APPEND", "changed", "w"), ("DEL", "gone"))

    rows = listed(path, RewriteOptions())

    assert [(row.key, row.command, row.writes, row.value) for row in rows] == [
        (b"kept", None, 0, b"v"),
        (b"changed", b"APPEND", 1, b"vw"),
    ]
    assert rows[1].offset == len(base)


def test_a_swap_of_databases_moves_keys_with_their_writers(tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "a", "1"), ("SWAPDB", "0", "3"), ("SET", "a", "2"))

    rows = listed(path, RewriteOptions())

    assert [(row.db, row.value, row.writes) for row in rows] == [(0, b"2", 1), (3, b"1", 1)]


def test_a_transaction_that_never_ends_wrote_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "a", "1"), ("MULTI",), ("SET", "a", "2"), ("SET", "b", "1"))

    rows = listed(path, RewriteOptions())

    assert brief(rows) == [(0, b"a", b"SET", 0, 1)]


def test_a_moment_is_a_cut(tmp_path: Path) -> None:
    first = builders.command("SET", "a", "1")
    path = write(tmp_path, first, ("SET", "a", "2"), ("SET", "b", "2"))

    rows = listed(path, RewriteOptions(cut=Cut(to_offset=(0, len(first)))))

    assert [(row.key, row.value, row.writes) for row in rows] == [(b"a", b"1", 1)]
    inside = listed(path, RewriteOptions(cut=Cut(to_offset=(0, len(first) + 5))))
    assert [(row.key, row.value) for row in inside] == [(b"a", b"1")]


def test_keys_behind_a_script_are_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, ("SET", "a", "1"), ("EVAL", "return 1", "0"))

    with pytest.raises(UnsupportedError, match="EVAL may do anything") as error:
        listed(path, RewriteOptions())

    assert "--at log.aof:27" in (error.value.hint or "")


def test_filters_and_limit_count_what_is_shown() -> None:
    log = find_log(str(SHOP))
    with plan_rewrite(log, RewriteOptions()) as plan:
        wanted = KeySelection(types=frozenset({"hash"}))
        rows = FinalKeys(plan, log, wanted, min_size_bytes=45, limit=7)
        found = list(rows)

    assert rows.shown == len(found) == 7
    assert all(row.type_name == "hash" and row.size_bytes >= 45 for row in found)


@pytest.mark.parametrize("memory_limit", [None, 1], ids=["whole", "shares"])
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_those_of_the_rewritten_rdb(
    server_build: Build, tmp_path: Path, seed: int, memory_limit: int | None
) -> None:
    log = random_log(seed, server_build, 150, Mix(keys=12))
    path = write(tmp_path, *log)
    options = RewriteOptions(
        target=server_build.id, written_by=server_build.id, now_ms=1, memory_limit_bytes=memory_limit
    )

    try:
        rows = listed(path, options)
    except ReplayStopError as stop:
        pytest.skip(str(stop))

    contents, _, _ = rewritten(path, options, [OutputFormat.RDB])
    again = tmp_path / "again.rdb"
    again.write_bytes(contents[OutputFormat.RDB])
    with open_source(again) as source:
        stored = [
            (each.db, each.key, each.type_name, each.encoding, each.elements, each.size_bytes)
            for each in records(source, 0)
        ]
    assert [
        (row.db, row.key, row.type_name, row.encoding, row.elements, row.size_bytes) for row in rows
    ] == stored


@pytest.mark.parametrize("seed", range(6))
def test_writers_are_those_of_a_slow_count(server_build: Build, tmp_path: Path, seed: int) -> None:
    path = write(tmp_path, *random_log(seed, server_build, 250, Mix(keys=8)))
    with open_source(path) as source:
        log = [(command.offset, command.argv) for command in commands(source, 0)]

    options = RewriteOptions(target=server_build.id, written_by=server_build.id, databases=DEFAULT_DATABASES)
    try:
        rows = listed(path, options)
    except ReplayStopError as stop:
        pytest.skip(str(stop))

    expected = obvious_writers(log, DEFAULT_DATABASES)
    assert {(row.db, row.key): (row.command, row.offset, row.writes) for row in rows} == {
        (row.db, row.key): expected[row.db, row.key] for row in rows
    }


def same_as(state: State, rows: list[KeyRow]) -> None:
    found = {(row.db, row.key): row for row in rows}
    # A look at a key whose time has passed removes it, so such keys are in the sizes only.
    assert len(found) == len(rows) == sum(state.sizes.values())
    for db, keys in state.databases.items():
        for key, asked in keys.items():
            row = found[db, key]
            assert row.problem is None
            assert row.expire_at_ms == asked.expire_at_ms
            if asked.type in ("string", "list", "set", "zset", "hash", "stream"):
                assert row.value is not None
                assert state_of(row.type_name, row.value, row.expire_at_ms, asked) == asked


@pytest.mark.soak
@pytest.mark.server
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs_list_what_their_server_holds(case: Case) -> None:
    build = find_build(case.server)
    if build is None:
        pytest.skip(f"no {case.server} on this machine")
    try:
        rows = listed(case.source, RewriteOptions(target=build.id, databases=64))
    except UnsupportedError:
        pytest.skip("scripts or modules: the state is not known")
    with Server(build, source=case.source) as server:
        same_as(dump_state(server), rows)


@pytest.mark.parametrize("seed", range(3))
def test_random_logs_list_what_a_server_holds(live_server: Server, tmp_path: Path, seed: int) -> None:
    content = builders.log(*random_log(seed, live_server.build, 200, Mix(keys=10)))
    path = write(tmp_path, content)

    release = live_server.build.id
    options = RewriteOptions(target=release, written_by=release, databases=DEFAULT_DATABASES)
    try:
        rows = listed(path, options)
    except ReplayStopError as stop:
        pytest.skip(str(stop))

    same_as(reload(live_server, content), rows)

"""What a plan says, where it refuses, and what cuts and selections leave."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import AoftoolError, InputError, UnsupportedError, UsageError
from aoftool.rdb.blobs import ziplist
from aoftool.releases import release_named
from aoftool.replay.writer import target_of
from aoftool.rewrite.model import Cut, OutputFormat, RewriteOptions, RewriteSummary, Selection
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.runner import count_rewrite, write_rewrite
from tests import builders
from tests.rewrite.rewriting import FORMATS, rewritten


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "appendonly.aof"


def summary_of(path: Path, **options: Any) -> RewriteSummary:
    with plan_rewrite(find_log(str(path)), RewriteOptions(**options)) as plan:
        return plan.summary


def as_commands(path: Path, **options: Any) -> bytes:
    contents, _, _ = rewritten(path, RewriteOptions(**options), [OutputFormat.RESP])
    return contents[OutputFormat.RESP]


def write(path: Path, *lines: str | bytes) -> None:
    parts = [line if isinstance(line, bytes) else builders.command(*line.split()) for line in lines]
    path.write_bytes(b"".join(parts))


def test_every_byte_of_the_tail_is_live_or_dead(log_file: Path) -> None:
    write(log_file, builders.timestamp(1), "SELECT 0", "SET a 1", "MSET a 2 b 3", "SET b 4", "GET a", "DEL c")

    tail = summary_of(log_file).tail

    assert tail.size_bytes == log_file.stat().st_size
    assert tail.live_bytes + tail.dead_bytes == tail.size_bytes
    assert {(row.name, row.cause): row.commands for row in tail.dead} == {
        (b"#", "annotation"): 1,
        (b"SELECT", "framing"): 1,
        (b"SET", "overwritten"): 1,
        (b"MSET", "trimmed"): 1,
        (b"GET", "no-effect"): 1,
        (b"DEL", "needless"): 1,
    }


def test_counting_gives_the_size_that_writing_gives(log_file: Path) -> None:
    write(log_file, "SET a 1", "RPUSH l 1 2 3", "EVAL x 0", "SET b 2")

    with plan_rewrite(find_log(str(log_file)), RewriteOptions()) as plan:
        counted = count_rewrite(lambda sinks: write_rewrite(plan, sinks), FORMATS)
    contents, _, _ = rewritten(log_file, RewriteOptions())

    assert {size.format: size.size_bytes for size in counted.sizes} == {
        form: len(content) for form, content in contents.items()
    }


def test_commands_behind_the_cut_are_left_out(log_file: Path) -> None:
    write(
        log_file, builders.timestamp(10), "SET a 1", builders.timestamp(20), "SET a 2", "FLUSHALL", "SET b 1"
    )
    first = builders.log([b"SELECT", b"0"], [b"SET", b"a", b"1"])
    second = builders.log([b"SELECT", b"0"], [b"SET", b"a", b"2"])

    assert as_commands(log_file, cut=Cut(to_time_s=10)) == first
    assert as_commands(log_file, cut=Cut(before=b"flushall")) == second
    assert as_commands(log_file, cut=Cut(to_offset=(0, 8 + 27))) == first


def test_a_cut_inside_a_transaction_leaves_all_of_it_out(log_file: Path) -> None:
    write(log_file, "SET a 1", "MULTI", "SET a 2", "FLUSHALL", "EXEC")

    assert b"\r\n1\r\n" in as_commands(log_file, cut=Cut(before=b"FLUSHALL"))


def test_keys_and_databases_can_be_selected(log_file: Path) -> None:
    write(log_file, "SET a:1 1", "SET b:1 1", "SELECT 3", "SET a:1 3", "RPUSH a:2 x", "SET a:3 1 PXAT 5")
    selection = Selection(frozenset({3}), b"a:*", {3: 0}, expired_before_ms=6)

    content = as_commands(log_file, selection=selection)

    assert content == builders.log([b"SELECT", b"0"], [b"SET", b"a:1", b"3"], [b"RPUSH", b"a:2", b"x"])


def test_two_databases_under_one_number_are_refused(log_file: Path) -> None:
    write(log_file, "SET a 1", "SELECT 1", "SET a 2")

    with pytest.raises(UsageError, match="same number"):
        as_commands(log_file, selection=Selection(rename_db={1: 0}))


def test_nothing_is_selected_from_a_log_with_scripts(log_file: Path) -> None:
    write(log_file, "SET a 1", "EVAL x 0")

    with pytest.raises(
        UnsupportedError, match="EVAL cannot be run here, so keys and databases cannot be selected"
    ):
        as_commands(log_file, selection=Selection(frozenset({0})))


def test_a_torn_last_command_is_dropped_with_a_note(log_file: Path) -> None:
    write(log_file, "SET a 1", b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nx")

    summary = summary_of(log_file)

    assert summary.tail.torn_bytes == 25
    assert any("torn" in note for note in summary.notes)


@pytest.mark.parametrize(
    "damage",
    [b"garbage\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$900\r\nx\r\n" + builders.command("SET", "b", "1") * 9],
    ids=["garbage", "length-beyond-end"],
)
def test_a_damaged_log_is_refused_with_the_command_to_type(log_file: Path, damage: bytes) -> None:
    write(log_file, "SET a 1", damage)

    with pytest.raises(InputError) as caught:
        summary_of(log_file)

    assert caught.value.offset == 27
    assert f"aoftool rewrite --salvage {log_file}" in (caught.value.hint or "")


def test_leniently_written_commands_are_understood(log_file: Path) -> None:
    write(log_file, b"*03\r\n$3\r\nSET\r\n$01\r\na\r\n$1\r\n1\r\n", "RPUSH l x")

    assert as_commands(log_file) == builders.log(
        [b"SELECT", b"0"], [b"SET", b"a", b"1"], [b"RPUSH", b"l", b"x"]
    )


def test_base_records_are_copied_dropped_or_replayed(tmp_path: Path) -> None:
    base = builders.rdb(
        builders.rdb_database(
            0, *(builders.rdb_record(0, key, builders.rdb_string("old")) for key in ("kept", "gone", "grown"))
        )
    )
    tail = builders.log([b"DEL", b"gone"], [b"APPEND", b"grown", b"er"], [b"SET", b"new", b"1"])
    manifest = builders.write_multi_part(tmp_path, base=base, incrs=[tail], base_is_rdb=True)

    contents, summary, (rdb, resp) = rewritten(manifest, RewriteOptions(target="redis-7.2"))

    assert (summary.base.keys, summary.base.dead, summary.base.touched) == (3, 1, 1)
    assert rdb.copied_records == 1
    assert resp.keys == {0: 3}
    assert contents[OutputFormat.RESP] == builders.log(
        [b"SELECT", b"0"], [b"SET", b"kept", b"old"], [b"SET", b"grown", b"older"], [b"SET", b"new", b"1"]
    )


def test_more_databases_in_the_base_than_the_target_has_are_refused(tmp_path: Path) -> None:
    record = builders.rdb_record(0, "a", builders.rdb_string("1"))
    base = builders.rdb(builders.rdb_database(20, record))
    manifest = builders.write_multi_part(tmp_path, base=base, incrs=[b""], base_is_rdb=True)

    with pytest.raises(UnsupportedError, match="database 20"):
        summary_of(manifest, databases=16)


def test_commands_only_a_server_can_execute_are_carried(log_file: Path) -> None:
    write(log_file, "SADD s a b c", "SPOP s", "SET a 1")

    content = as_commands(log_file)

    assert content.endswith(builders.log([b"SELECT", b"0"], [b"SPOP", b"s"], [b"SET", b"a", b"1"]))


def test_scripts_in_a_transaction_get_one_of_their_own(log_file: Path) -> None:
    write(log_file, "SCRIPT LOAD x", "MULTI", "SET a 1", "EVALSHA y 0", "SET a 2", "EXEC")

    content = as_commands(log_file)

    script, call = builders.command("SCRIPT", "LOAD", "x"), builders.command("EVALSHA", "y", "0")
    assert script in content
    assert builders.command("MULTI") + call + builders.command("EXEC") in content


@pytest.mark.parametrize(
    ("commands", "target"),
    [
        (("SET a 1",), "redis-6.0"),
        (("FUNCTION LOAD x", "SET a 1"), "redis-7.0"),
        (("BITOP DIFF d a b",), "redis-8.2"),
        (("DELIFEQ a 1",), "valkey-9.0"),
    ],
)
def test_without_a_base_the_oldest_fitting_server_is_the_target(
    log_file: Path, commands: tuple[str, ...], target: str
) -> None:
    write(log_file, *commands)

    assert summary_of(log_file).target == target_of(release_named(target)).name


def test_hostile_inputs_raise_nothing_but_our_errors(log_file: Path) -> None:
    good = builders.log([b"SET", b"a", b"1"], [b"MSET", b"a", b"2", b"b", b"3"], [b"INCR", b"a"])
    for at in range(len(good)):
        for byte in (0, 10, 42, 255):
            log_file.write_bytes(good[:at] + bytes([byte]) + good[at + 1 :])
            try:
                rewritten(log_file, RewriteOptions())
            except AoftoolError:
                continue


def test_minus_zero_that_an_old_server_packed_outlives_replay(tmp_path: Path) -> None:
    packed = builders.rdb_string(ziplist.encode([b"m", b"-0"]))
    record = builders.rdb_record(12, "z", packed)
    base = builders.rdb(builders.rdb_database(0, record), magic=b"REDIS0009")
    tail = builders.log([b"ZADD", b"z", b"1", b"n"])
    manifest = builders.write_multi_part(tmp_path, base=base, incrs=[tail], base_is_rdb=True)

    contents, _, _ = rewritten(manifest, RewriteOptions(target="redis-7.0"), [OutputFormat.RESP])

    assert b"\r\nRESTORE\r\n$1\r\nz\r\n" in contents[OutputFormat.RESP]
    assert b"\x82-0" in contents[OutputFormat.RESP]


@pytest.mark.parametrize(
    "tail",
    [
        ([b"COPY", b"k", b"other", b"DB", b"1"], [b"FLUSHDB"]),
        ([b"COPY", b"k", b"other"], [b"MOVE", b"other", b"1"], [b"FLUSHDB"]),
        (
            [b"LPUSH", b"l", b"1"],
            [b"SORT", b"l", b"GET", b"*", b"STORE", b"other"],
            [b"MOVE", b"other", b"1"],
            [b"FLUSHDB"],
        ),
    ],
    ids=["copied", "copied-and-moved", "read-by-pattern"],
)
def test_base_records_that_were_read_before_a_flush_are_gone(
    tmp_path: Path, tail: tuple[list[bytes], ...]
) -> None:
    record = builders.rdb_record(0, "k", builders.rdb_string("v"))
    base = builders.rdb(builders.rdb_database(0, record))
    manifest = builders.write_multi_part(tmp_path, base=base, incrs=[builders.log(*tail)], base_is_rdb=True)

    contents, _, sizes = rewritten(manifest, RewriteOptions(target="redis-7.2"))

    assert [size.keys for size in sizes] == [{1: 1}, {1: 1}]
    assert builders.command("SELECT", "0") not in contents[OutputFormat.RESP]


def test_a_minus_zero_that_a_loader_drops_is_not_written(tmp_path: Path) -> None:
    members = b"\x01\x01m" + struct.pack("<d", -0.0)
    base = builders.rdb(builders.rdb_database(0, builders.rdb_record(5, "z", members)))
    manifest = builders.write_multi_part(tmp_path, base=base, incrs=[b""], base_is_rdb=True)

    contents, _, _ = rewritten(manifest, RewriteOptions(target="redis-7.2"), [OutputFormat.RESP])

    assert contents[OutputFormat.RESP].endswith(builders.command("ZADD", "z", "0", "m"))


def test_a_database_may_get_the_number_of_one_without_keys(log_file: Path) -> None:
    write(log_file, "SELECT 9", "FLUSHALL", "SET a 1", "SELECT 13", "LPUSH l 1", "LPOP l")

    contents, _, sizes = rewritten(log_file, RewriteOptions(selection=Selection(rename_db={9: 13})))

    assert [size.keys for size in sizes] == [{13: 1}, {13: 1}]
    assert contents[OutputFormat.RESP].endswith(builders.log([b"SELECT", b"13"], [b"SET", b"a", b"1"]))


def test_a_number_beyond_the_usual_ones_may_be_asked_for(log_file: Path) -> None:
    write(log_file, "SET a 1")

    _, summary, sizes = rewritten(log_file, RewriteOptions(selection=Selection(rename_db={0: 20})))

    assert sizes[0].keys == {20: 1}
    assert [note for note in summary.notes if "`databases 21`" in note]
    with pytest.raises(UsageError, match="database 20 is beyond the 16"):
        rewritten(log_file, RewriteOptions(databases=16, selection=Selection(rename_db={0: 20})))


def test_a_database_without_keys_cannot_be_chosen(log_file: Path) -> None:
    write(log_file, "SET a 1", "SELECT 3", "SET b 1", "SWAPDB 3 5")

    with pytest.raises(UsageError, match="no keys in database 99; it has some in 0, 5") as caught:
        summary_of(log_file, selection=Selection(frozenset({99})))

    assert caught.value.hint == "--db 0"
    assert summary_of(log_file, selection=Selection(frozenset({5, 99}))).key_count == 2

"""The functions for programs give what the verbs give, and refuse what makes no sense."""

from __future__ import annotations

import gzip
import itertools
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

import aoftool
from aoftool.cli.app import run
from aoftool.errors import SourceError
from aoftool.repair.model import Plan
from aoftool.repair.planner import make_plan
from aoftool.units import format_time_ms
from tests.builders import rdb, write_multi_part
from tests.corpus import FIXTURES

SHOP = FIXTURES / "valkey-9" / "shop"
FLUSHED = FIXTURES / "recorded" / "redis-7.0.15" / "timestamps-flushall"
TORN = FIXTURES / "damaged" / "torn-mid-payload"
MIDDLE = FIXTURES / "damaged" / "bulk-length-beyond-eof"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    run([*words, "--json"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("options", "narrowed"),
    [
        ([], {}),
        (["--cmd", "set"], {"names": ["set"]}),
        (["--match", "cart:*"], {"pattern": aoftool.Pattern.glob("cart:*")}),
        (["--regex", "1$"], {"pattern": aoftool.Pattern.regex("1$")}),
        (["--db", "2"], {"dbs": [2]}),
        (["--min-size", "90"], {"min_size_bytes": 90}),
        (["--limit", "3"], {"limit": 3}),
    ],
    ids=str,
)
def test_commands_are_those_that_log_shows(
    options: list[str], narrowed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = told(capsys, "log", str(SHOP), *options)

    found = list(aoftool.commands(aoftool.open_log(SHOP), **narrowed))

    assert [(row.file, row.offset, row.db, len(row.argv)) for row in found] == [
        (row["file"], row["offset"], row["db"], len(row["argv"])) for row in shown
    ]
    assert found


def test_time_of_a_command_is_that_of_the_annotation() -> None:
    (command,) = aoftool.commands(aoftool.open_log(FLUSHED), names=[b"FLUSHALL"])

    assert command.time is not None
    assert command.time_s is not None
    assert command.time.timestamp() == command.time_s
    assert format_time_ms(command.time_s * 1000).startswith(f"{command.time:%Y-%m-%d %H:%M:%S}")


@pytest.mark.parametrize("base", [False, True])
def test_keys_are_those_that_keys_lists(base: bool, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "keys", str(SHOP), *(["--base"] if base else []))

    rows = aoftool.keys(aoftool.open_log(SHOP), base=base)
    found = [(row.db, row.key.decode(), row.type_name, row.size_bytes) for row in rows]

    assert found == [(row["db"], row["key"], row["type"], row["size_bytes"]) for row in shown]
    assert rows.shown == len(found)
    assert rows.is_stored is base
    assert (rows.writer is None) is base


def test_nothing_is_known_of_keys_before_they_are_read() -> None:
    rows = aoftool.keys(aoftool.open_log(SHOP))

    assert (rows.shown, rows.notes, rows.stop, rows.writer) == (0, [], None, None)


def test_keys_may_be_left_half_way() -> None:
    rows = aoftool.keys(aoftool.open_log(SHOP))

    assert len(list(itertools.islice(rows, 2))) == 2
    assert rows.shown == 2


def test_check_takes_the_servers_it_is_to_foretell() -> None:
    report = aoftool.check(aoftool.open_log(SHOP), level="quick", targets=["valkey-9", "redis-7.0"])

    assert {row.target for row in report.outcomes} == {"valkey-9.0", "valkey-9.1", "valkey-9.2", "redis-7.0"}
    assert report.asked
    assert not aoftool.check(aoftool.open_log(SHOP), level=aoftool.Level.QUICK).asked


def test_check_refuses_a_server_that_there_is_not() -> None:
    with pytest.raises(aoftool.UsageError):
        aoftool.check(aoftool.open_log(SHOP), targets=["valkey-99"])


def test_plan_of_a_compressed_log_lives_until_it_is_closed(tmp_path: Path) -> None:
    packed = tmp_path / "a.aof.gz"
    packed.write_bytes(gzip.compress((TORN / "appendonly.aof").read_bytes()))
    out = tmp_path / "whole.aof"

    with aoftool.plan_repair(aoftool.open_log(packed), out=out) as plan:
        written = plan.write()

    assert str(out) in written
    assert aoftool.check(aoftool.open_log(out)).intact
    assert [path.name for path in tmp_path.glob("*whole*")] != []


def test_plan_is_carried_out_where_it_was_made_for(tmp_path: Path) -> None:
    shutil.copytree(TORN, tmp_path / "log")
    log = aoftool.open_log(tmp_path / "log")

    with pytest.raises(aoftool.UsageError, match="another place"):
        aoftool.plan_repair(log, out=tmp_path / "out.aof").apply()
    with pytest.raises(aoftool.UsageError, match="the log itself"):
        aoftool.plan_repair(log).write()
    with pytest.raises(aoftool.UsageError, match="nothing to do"):
        aoftool.plan_repair(aoftool.open_log(SHOP)).apply()


def test_salvage_repairs_what_a_plain_plan_leaves(tmp_path: Path) -> None:
    log = aoftool.open_log(MIDDLE)

    assert aoftool.plan_repair(log, out=tmp_path / "a.aof").left
    assert not aoftool.plan_repair(log, salvage=True, out=tmp_path / "b.aof").left


def test_rewrite_has_the_layout_of_the_log_and_the_same_data(tmp_path: Path) -> None:
    log = aoftool.open_log(SHOP)

    result = aoftool.rewrite(log, tmp_path / "out")

    written = aoftool.open_log(tmp_path / "out")
    assert written.kind is log.kind
    assert sum(file.size_bytes for file in result.files) > 0
    assert aoftool.diff(log, written).changes == []
    with pytest.raises(aoftool.OutputExistsError):
        aoftool.rewrite(log, tmp_path / "out")


def test_inspect_without_contents_looks_at_the_framing_alone() -> None:
    log = aoftool.open_log(SHOP)

    plain, full = aoftool.inspect(log, contents=False), aoftool.inspect(log, rows=3)

    assert plain.contents is None
    assert plain.growth is None
    assert full.contents is not None
    assert full.overview.size_bytes == plain.overview.size_bytes == log.size_bytes


def test_history_is_of_a_key_or_of_a_pattern() -> None:
    log = aoftool.open_log(FLUSHED)
    one = [step.command.offset for step in aoftool.history(log, b"summary")]

    for pattern in (aoftool.Pattern.glob("summ*"), aoftool.Pattern.regex("^summary$")):
        assert [step.command.offset for step in aoftool.history(log, pattern=pattern)] == one
    with pytest.raises(aoftool.UsageError):
        aoftool.history(log)
    with pytest.raises(aoftool.UsageError):
        aoftool.history(log, b"summary", pattern=aoftool.Pattern.glob("*"))


def test_diff_takes_two_logs_or_a_point_of_one() -> None:
    log = aoftool.open_log(FLUSHED)

    with pytest.raises(aoftool.UsageError):
        aoftool.diff(log)


def test_held_log_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n")

    with aoftool.held_log(path) as log:
        path.unlink()
        path.write_bytes(b"*1\r\n$8\r\nFLUSHALL\r\n")
        held = [command.name for command in aoftool.commands(log)]

    assert held == [b"SET"]
    assert [command.name for command in aoftool.commands(log)] == [b"FLUSHALL"]


def test_pattern_of_text_is_that_of_its_bytes() -> None:
    assert aoftool.Pattern.glob("é*") == aoftool.Pattern.glob("é*".encode())
    assert aoftool.Pattern.glob("k[^a]").matches(b"kb")
    assert not aoftool.Pattern.glob("k[^a]").matches(b"ka")
    assert aoftool.Pattern.regex("a.b").matches(b"xa\nby")


def test_moments_choose_a_part_of_the_commands() -> None:
    log = aoftool.open_log(FLUSHED)
    everything = [command.offset for command in aoftool.commands(log)]

    before = list(aoftool.commands(log, until=aoftool.Moment.parse("7528")))
    behind = list(aoftool.commands(log, since=aoftool.Moment.parse("7528")))

    assert behind[0].argv == [b"FLUSHALL"]
    assert [command.offset for command in (*before, *behind)] == everything


def test_rewrite_writes_the_data_of_a_moment(tmp_path: Path) -> None:
    log = aoftool.open_log(FLUSHED)
    before = aoftool.Moment.parse("before:FLUSHALL")

    aoftool.rewrite(log, tmp_path / "out", at=before)

    written = aoftool.open_log(tmp_path / "out")
    assert len(list(aoftool.keys(written))) == len(list(aoftool.keys(log, at=before))) == 154


def test_a_moment_outside_of_the_log_is_refused() -> None:
    log = aoftool.open_log(FLUSHED)
    outside = aoftool.Moment.parse("2001-01-01")

    with pytest.raises(aoftool.UsageError):
        aoftool.keys(log, at=outside)
    with pytest.raises(aoftool.UsageError):
        aoftool.diff(log, left_at=outside)


@pytest.mark.parametrize("at", ["before:FLUSHALL", aoftool.Moment.parse("before:FLUSHALL")])
def test_a_moment_may_be_what_a_person_types(at: aoftool.Moment | str) -> None:
    log = aoftool.open_log(FLUSHED)

    assert len(list(aoftool.keys(log, at=at))) == 154
    assert len(aoftool.diff(log, left_at=at).changes) > 100
    assert len(list(aoftool.commands(log, until=at))) < len(list(aoftool.commands(log)))


def test_what_makes_no_sense_is_an_error_of_ours() -> None:
    log = aoftool.open_log(SHOP)
    untyped: Any = 5  # what a program without a type checker may give

    with pytest.raises(aoftool.AoftoolError, match="there is no type"):
        aoftool.keys(log, types=["String"])
    with pytest.raises(aoftool.AoftoolError, match="0 or more"):
        aoftool.keys(log, limit=-1)
    with pytest.raises(aoftool.AoftoolError, match="0 or more"):
        aoftool.commands(log, limit=-1)
    with pytest.raises(aoftool.AoftoolError, match="a moment is"):
        aoftool.keys(log, at=untyped)


@pytest.mark.parametrize("rewritten", [True, False])
def test_a_file_that_a_rewrite_took_is_told_from_one_that_is_missing(
    rewritten: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_multi_part(tmp_path, base=rdb(), base_is_rdb=True, incrs=[b"*1\r\n$4\r\nPI"])

    def gone(log: aoftool.Log, *given: object, **named: object) -> None:
        if rewritten:
            write_multi_part(tmp_path, base=rdb(), base_is_rdb=True, incrs=[b""], sequence=2)
        raise SourceError("cannot be read", path=log.path) from FileNotFoundError()

    monkeypatch.setattr("aoftool.api.repairing.make_plan", gone)
    with pytest.raises(aoftool.AoftoolError) as caught:
        aoftool.plan_repair(aoftool.open_log(manifest))

    assert caught.value.exit_code == (4 if rewritten else 3)
    assert ("a server rewrites this log" in caught.value.message) == rewritten


@pytest.mark.parametrize("rewritten", [True, False])
def test_a_file_that_went_before_it_was_read_is_told_from_one_that_is_missing(
    rewritten: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_multi_part(tmp_path, base=rdb(), base_is_rdb=True, incrs=[b"*1\r\n$4\r\nPI"])

    def late(log: aoftool.Log, *given: Any, **named: Any) -> Plan:
        for file in log.files:
            Path(file.path).unlink()
        if rewritten:
            write_multi_part(tmp_path, base=rdb(), base_is_rdb=True, incrs=[b""], sequence=2)
        return make_plan(log, *given, **named)

    monkeypatch.setattr("aoftool.api.repairing.make_plan", late)
    log = aoftool.open_log(manifest)
    if rewritten:
        with pytest.raises(aoftool.AoftoolError, match="a server rewrites this log"):
            aoftool.plan_repair(log, salvage=True)
    else:
        assert "read-error" in {code for code, _ in aoftool.plan_repair(log, salvage=True).left}


@pytest.mark.parametrize("path", [SHOP, FLUSHED, MIDDLE], ids=lambda path: path.name)
def test_an_inspection_can_be_sent_to_another_process(path: Path) -> None:
    found = aoftool.inspect(aoftool.open_log(path))

    again = pickle.loads(pickle.dumps(found))

    assert (again.contents, again.overview, again.health) == (found.contents, found.overview, found.health)
    assert again.growth is not None
    assert found.growth is not None
    assert (again.growth.buckets, again.growth.changes) == (found.growth.buckets, found.growth.changes)
    assert again.reading is not None
    assert again.reading.contents.keys.top("bytes", 5)

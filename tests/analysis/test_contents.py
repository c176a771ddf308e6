"""What inspect shows of keys: churn, hot keys, expiry storms, dead bytes, and the sentences about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.reading import read_log
from aoftool.analysis.growth.growth import growth_of
from aoftool.analysis.inspect.contents import contents_view
from aoftool.analysis.inspect.contents_model import ContentsView
from aoftool.analysis.inspect.overview import overview_of
from aoftool.analysis.inspect.remarks import remarks_of
from aoftool.aof.layout import find_log
from aoftool.cli.app import run
from aoftool.progress import no_progress
from aoftool.rewrite.ask.savings import find_savings
from tests.analysis.growing import START_S, steady, stream, write
from tests.corpus import FIXTURES, Case, case_params

RECORDED = [*case_params("recorded", root=FIXTURES), *case_params("recorded", server="valkey-9.1.2")]


def view_of(path: str) -> ContentsView:
    log = find_log(path)
    read = read_log(log)
    savings, dead = find_savings(log, read.survey, no_progress)
    view = contents_view(read.contents, CensusOptions(), dead=dead, savings=savings, end_s=read.end_s)
    growth = growth_of(read.contents, read.axis, buckets=120)
    view.remarks = remarks_of(view, growth, overview_of(read.survey).commands)
    return view


def churn(second: int) -> Iterator[list[bytes]]:
    for number in range(20):
        yield [b"SET", b"sess:%d" % number, b"x" * 100]
        yield [b"RPUSH", b"audit:log", b"%d" % number]


def test_churn_is_dead_and_said_so(tmp_path: Path) -> None:
    view = view_of(write(tmp_path, stream(60, churn)))

    rows = {row.prefix: row for row in view.prefixes}
    session = rows[b"sess:*"]
    # Of sixty writes to each key only the last one lives.
    assert session.dead_bytes == session.size_bytes * 59 // 60
    assert rows[b"audit:*"].dead_bytes == 0
    assert view.remarks[:1] == [
        f"98 % of the bytes under sess:* are dead ({(session.dead_bytes or 0) / 1024:.0f} KiB):"
        " a rewrite helps."
    ]
    assert all(
        key.dead_bytes == key.size_bytes * 59 // 60 for key in view.keys_by_bytes if key.key != b"audit:log"
    )


def test_a_hot_key_is_said(tmp_path: Path) -> None:
    def hot(second: int) -> Iterator[list[bytes]]:
        yield from steady(second)
        for _ in range(20):
            yield [b"INCR", b"counter:global"]

    view = view_of(write(tmp_path, stream(100, hot)))

    assert view.keys_by_writes[0].key == b"counter:global"
    assert view.keys_by_writes[0].writes == 2000
    assert any("50.0 % of all writes go to one key, counter:global (2,000)" in line for line in view.remarks)


def test_an_expiry_storm_is_found_and_the_horizon_adds_up(tmp_path: Path) -> None:
    storm = START_S + 3600

    def storming(second: int) -> Iterator[list[bytes]]:
        for number in range(50):
            key = b"k:%d" % (second * 50 + number)
            deadline = storm if number % 2 else START_S + 7 + 100 * second
            yield [b"SET", key, b"v", b"PXAT", b"%d" % (deadline * 1000 + number)]
        yield [b"SET", b"plain:%d" % second, b"v"]
        yield [b"DEL", b"k:%d" % (second * 50)]

    view = view_of(write(tmp_path, stream(60, storming)))

    expiry = view.expiry
    assert expiry is not None
    assert expiry.seconds[0] == (storm, 25 * 60)
    assert (expiry.keys, expiry.expiring, expiry.deleted) == (60 * 51, 60 * 49, 60)
    assert (expiry.passed or 0) + sum(keys for _, keys in expiry.horizon) == expiry.expiring
    assert any("1,500 keys" in line for line in view.remarks)


def test_a_flush_is_said_first(tmp_path: Path) -> None:
    def flushed(second: int) -> Iterator[list[bytes]]:
        yield from steady(second)
        if second == 30:
            yield [b"FLUSHALL"]

    view = view_of(write(tmp_path, stream(40, flushed)))

    assert view.remarks[0].startswith("FLUSHALL ran once (in appendonly.aof at offset ")


@pytest.mark.parametrize("case", RECORDED)
def test_dead_bytes_by_prefix_add_up_to_those_of_keys(case: Case) -> None:
    log = find_log(case.source)
    read = read_log(log)
    savings, dead = find_savings(log, read.survey, no_progress)
    if dead is None:
        pytest.skip(savings.reason or "")
    view = contents_view(read.contents, CensusOptions(), dead=dead, savings=savings)
    by_key = sum(dead.by_key)

    assert sum(row.dead_bytes or 0 for row in view.prefixes if row.is_prefix) <= by_key <= savings.dead_bytes
    for row in view.prefixes:
        assert row.dead_bytes is None or row.dead_bytes <= row.size_bytes


def rewriting(second: int) -> Iterator[list[bytes]]:
    """Write commands with several keys of unlike sizes, all overwritten and deleted later."""
    key = b"sess:%d" % second
    yield [b"MSET", b"a", b"x", b"cart:1", b"y" * 200, key, b"z" * 50]
    yield [b"SUNIONSTORE", b"all", b"left:%d" % (second % 3), b"right"]
    yield [b"DEL", b"a", b"cart:1", key, b"d"]
    if second % 5 == 0:
        yield [b"FLUSHALL"]


def test_no_more_is_dead_than_was_written(tmp_path: Path) -> None:
    view = view_of(write(tmp_path, stream(56, rewriting)))

    shares = {row.prefix: (row.dead_bytes, row.size_bytes) for row in view.prefixes if row.is_prefix}
    assert shares[b"cart:*"][0] == shares[b"cart:*"][1]
    assert all(dead is not None and dead <= size for dead, size in shares.values())
    for key in (*view.keys_by_bytes, *view.keys_by_writes):
        assert key.dead_bytes is not None
        assert key.dead_bytes <= key.size_bytes


def test_what_a_server_writes_between_two_readings_is_in_neither(tmp_path: Path) -> None:
    path = write(tmp_path, stream(60, churn))
    log = find_log(path)
    read = read_log(log)
    with open(path, "ab") as file:
        file.write(stream(60, churn))

    savings, dead = find_savings(log, read.survey, no_progress)

    view = contents_view(read.contents, CensusOptions(), dead=dead, savings=savings)
    annotations = 60 * len("#TS:1700000040\r\n")
    assert savings.live_bytes + savings.dead_bytes == read.contents.total[1] + annotations
    session = next(row for row in view.prefixes if row.prefix == b"sess:*")
    assert session.dead_bytes == session.size_bytes * 59 // 60


def body_of(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    run([*words, "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["valkey-9/shop", "recorded/redis-6.2.5/rewritten-with-preamble"])
def test_the_savings_line_is_that_of_a_dry_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(FIXTURES / name)
    inspected = body_of(capsys, "inspect", path)["contents"]["savings"]
    planned = body_of(capsys, "rewrite", "--dry-run", path)

    text = json.dumps(planned)
    for member in ("live_bytes", "dead_bytes"):
        assert f'"{member}": {inspected[member]}' in text
    assert inspected["reason"] is None

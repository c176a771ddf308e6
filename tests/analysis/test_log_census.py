"""Every figure of the census against a slow count: on recorded logs and on ones with known answers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aoftool.analysis.census.driver import KEYLESS, Contents
from aoftool.analysis.census.model import CensusOptions
from aoftool.analysis.census.reading import read_log
from aoftool.analysis.census.templates import Template
from aoftool.aof.layout import find_log
from aoftool.files import open_source
from aoftool.resp.commands import CommandReader
from tests.analysis.census_streams import encode, random_stream
from tests.analysis.obvious import Obvious
from tests.corpus import FIXTURES, Case, case_params

RECORDED = [*case_params("recorded", root=FIXTURES), *case_params("recorded")]


def recount(path: Path | str, template: Template) -> Obvious:
    found = Obvious(template)
    read = read_log(find_log(str(path)))
    for item in read.survey.files:
        if item.tail is None:
            continue
        with open_source(item.file.path) as source:
            found.count(CommandReader(source, start=item.tail_start))
    return found


def keys_as_dicts(contents: Contents) -> tuple[Counter[tuple[int, bytes]], Counter[tuple[int, bytes]]]:
    writes: Counter[tuple[int, bytes]] = Counter()
    sizes: Counter[tuple[int, bytes]] = Counter()
    for db, name, count, size in contents.keys.rows():
        writes[db, name] = count
        sizes[db, name] = size
    return writes, sizes


def without_subcommands(contents: Contents) -> tuple[Counter[bytes], Counter[bytes]]:
    commands: Counter[bytes] = Counter()
    sizes: Counter[bytes] = Counter()
    for label, count in contents.commands.items():
        commands[label.partition(b" ")[0]] += count.commands
        sizes[label.partition(b" ")[0]] += count.size_bytes
    return commands, sizes


@pytest.mark.parametrize("case", RECORDED)
@pytest.mark.parametrize("depth", [1, 2])
def test_figures_of_recorded_logs_equal_a_slow_count(case: Case, depth: int) -> None:
    template = Template(depth=depth)
    contents = read_log(find_log(case.source), CensusOptions(template=template)).contents
    expected = recount(case.source, template)

    assert without_subcommands(contents) == (expected.commands, expected.command_bytes)
    assert {db: size for db, (_, size) in contents.databases().items()} == expected.db_bytes
    assert {name: size for name, (_, size) in contents.prefixes().items()} == expected.prefix_bytes
    assert {name: count for name, (count, _) in contents.prefixes().items()} == expected.prefix_writes
    assert keys_as_dicts(contents) == (expected.key_writes, expected.key_bytes)
    assert sum(expected.prefix_bytes.values()) == contents.total[1]
    if expected.commands:
        assert contents.peaks["commands"].entries[0].size == expected.largest


@pytest.mark.parametrize("case", RECORDED)
def test_top_lists_of_recorded_logs_are_in_order(case: Case) -> None:
    contents = read_log(find_log(case.source)).contents
    expected = recount(case.source, Template())

    for by, counts in (("bytes", expected.key_bytes), ("writes", expected.key_writes)):
        top = contents.keys.top(by, 10)
        shown = [count.size_bytes if by == "bytes" else count.writes for count in top]
        assert shown == sorted(counts.values(), reverse=True)[:10]


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_with_times_is_cut_at_every_second(seed: int, tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    log.write_bytes(random_stream(seed, 400))
    contents = read_log(find_log(str(log))).contents

    slices = contents.series.slices
    found: Counter[int] = Counter()
    for time_s, size in slices[:, [2, 4]].tolist():
        found[time_s] += size

    assert contents.series.width_s == 1
    assert found == recount(log, Template()).second_bytes


def test_transactions_are_measured_whole(tmp_path: Path) -> None:
    inner = [[b"SET", b"k:%d" % n, b"v" * n] for n in range(5)]
    small = b"".join(map(encode, [[b"MULTI"], [b"INCR", b"n"], [b"EXEC"]]))
    large = b"".join(map(encode, [[b"MULTI"], [b"SELECT", b"2"], *inner, [b"EXEC"]]))
    log = tmp_path / "appendonly.aof"
    log.write_bytes(small + large + small)

    peaks = read_log(find_log(str(log))).contents.peaks["txn_bytes"].entries

    assert [(peak.size, peak.other, peak.offset) for peak in peaks] == [
        (len(large), 8, len(small)),
        (len(small), 3, 0),
        (len(small), 3, len(small) + len(large)),
    ]
    assert (peaks[0].key, peaks[0].command, peaks[0].db) == (b"k:0", b"SET", 2)


def test_narrowing_leaves_out_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "appendonly.aof"
    stream = b"".join(
        b"#TS:%d\r\n" % (1_700_000_000 + n)
        + encode([b"SELECT", b"%d" % (n % 2)])
        + encode([b"SET" if n % 3 else b"DEL", b"a:%d" % n, b"v"][: 3 if n % 3 else 2])
        for n in range(60)
    )
    log.write_bytes(stream)
    expected = recount(log, Template())

    def total(options: CensusOptions, names: frozenset[bytes] | None = None) -> tuple[int, int]:
        return read_log(find_log(str(log)), options, names).contents.total

    assert total(CensusOptions()) == (120, sum(expected.command_bytes.values()))
    assert total(CensusOptions(), frozenset({b"DEL"})) == (20, expected.command_bytes[b"DEL"])
    assert total(CensusOptions(databases=frozenset({1})))[1] == expected.db_bytes[1]
    since, until = 1_700_000_010, 1_700_000_013
    assert total(CensusOptions(since_s=since, until_s=until)) == (
        6,
        sum(expected.second_bytes[second] for second in range(since, until)),
    )
    wanted = frozenset({b"a:1", b"a:2"})
    assert total(CensusOptions(admit=wanted.__contains__)) == (
        2,
        sum(size for (_, key), size in expected.key_bytes.items() if key in wanted),
    )


def test_keys_left_out_of_the_sketches_are_within_the_stated_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasketches")
    monkeypatch.setattr("aoftool.resp.scanner._ROWS_BUFFER_BYTES", 8192)
    # Of a thousand keys each emptying gives twenty: "calm" is among them at the end alone.
    monkeypatch.setattr("aoftool.analysis.census.sketches._GIVEN", 20)
    rng = np.random.RandomState(7)
    names = [b"k:%d" % rng.zipf(1.3) for _ in range(20_000)]
    names += [b"calm"] * 30 + [b"e:%d" % number for number in range(700)] + [b"calm"] * 300
    sizes = [int(size) for size in rng.randint(1, 60, len(names))]
    log = tmp_path / "appendonly.aof"
    log.write_bytes(
        b"".join(encode([b"SET", name, b"v" * size]) for name, size in zip(names, sizes, strict=True))
    )

    keys = read_log(find_log(str(log)), CensusOptions(key_limit=1000)).contents.keys

    writes: Counter[bytes] = Counter(names)
    stored: Counter[bytes] = Counter()
    for name, size in zip(names, sizes, strict=True):
        stored[name] += len(encode([b"SET", name, b"v" * size]))
    found = {row.key: row for by in ("writes", "bytes") for row in keys.top(by, 50)}
    assert {b"k:1", b"calm"} <= found.keys()
    for name, row in found.items():
        assert row.writes - row.writes_over <= writes[name] <= row.writes
        assert row.size_bytes - row.bytes_over <= stored[name] <= row.size_bytes
    least, most = keys.distinct()
    assert least <= len(writes) <= most


@pytest.mark.parametrize("sketches", [True, False], ids=["sketches", "frozen"])
def test_more_keys_than_the_limit_keep_their_stated_error(
    sketches: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sketches:
        pytest.importorskip("datasketches")
    monkeypatch.setattr("aoftool.analysis.census.driver.have_sketches", lambda: sketches)
    # One piece must not hold more new keys than the table has room for above its limit.
    monkeypatch.setattr("aoftool.resp.scanner._ROWS_BUFFER_BYTES", 8192)
    rng = np.random.RandomState(5)
    log = tmp_path / "appendonly.aof"
    names = [b"hot" if n % 5 == 0 else b"k:%d" % rng.randint(20_000) for n in range(60_000)]
    log.write_bytes(b"".join(encode([b"SET", name, b"v" * 9]) for name in names))

    contents = read_log(find_log(str(log)), CensusOptions(key_limit=1000)).contents

    counts = Counter(names)
    first = contents.keys.top("writes", 1)[0]
    assert first.key == b"hot"
    assert first.writes - first.writes_over <= counts[b"hot"] <= first.writes
    least, most = contents.keys.distinct()
    assert least <= len(counts) <= most
    assert not contents.keys.exact
    writes = {name: count for name, (count, _) in contents.prefixes().items() if name not in KEYLESS}
    assert writes == {b"hot": counts[b"hot"], b"k:*": 60_000 - counts[b"hot"]}

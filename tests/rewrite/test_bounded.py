"""A rewrite share by share writes, byte for byte, what a rewrite of the whole writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.api.rewriting import rewrite
from aoftool.errors import RefusedError
from aoftool.keyspace.refusal import ReplayStopError
from aoftool.rewrite.model import Layout, OutputFormat, RewriteOptions, Selection
from aoftool.rewrite.shares import workers
from tests import builders
from tests.corpus import Case, case_params
from tests.random_logs import Mix, random_log
from tests.rewrite.rewriting import FORMATS, rewritten, rewritten_in_shares
from tests.servers import Build

BUILDS = (Build("valkey", (9, 1, 2), Path()), Build("redis", (6, 2, 5), Path()))


def same(path: Path, options: RewriteOptions, shares: int) -> None:
    whole, summary, sizes = rewritten(path, options)
    try:
        found = rewritten_in_shares(path, options, shares)
    except ReplayStopError:
        found = "a command needs a server"
    if isinstance(found, str):
        assert summary.tail.opaque or summary.tail.unexecuted
        return

    contents, part_summary, part_sizes = found

    for form in FORMATS:
        assert contents[form] == whole[form], form
    assert part_sizes == sizes
    assert part_summary.tail.commands == summary.tail.commands
    assert part_summary.tail.unfinished == summary.tail.unfinished
    assert part_summary.base == summary.base
    assert part_summary.key_count == summary.key_count
    assert not [entry.name for entry in path.parent.iterdir() if "spill" in entry.name]


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.id)
@pytest.mark.parametrize("seed", range(12))
def test_random_logs(tmp_path: Path, seed: int, build: Build) -> None:
    path = tmp_path / "log.aof"
    mix = Mix(keys=12 + 5 * seed, databases=1 + seed % 4, unfinished=0.3)
    log = [argv for argv in random_log(seed, build, 300, mix) if argv[0] != b"SORT" or seed % 3 == 0]
    path.write_bytes(builders.log(*log))

    same(path, RewriteOptions(target=build.id, written_by=build.id, now_ms=1), 1 + seed)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.id)
@pytest.mark.parametrize("seed", range(8))
def test_logs_with_an_rdb_part_and_several_files(tmp_path: Path, seed: int, build: Build) -> None:
    options = RewriteOptions(target=build.id, written_by=build.id, now_ms=1)
    path = tmp_path / "first.aof"
    first = [
        argv
        for argv in random_log(seed, build, 150, Mix(keys=40, databases=3))
        if argv[0] not in (b"SORT", b"MULTI", b"EXEC")
    ]
    path.write_bytes(builders.log(*first))
    base = rewritten(path, options, [OutputFormat.RDB])[0][OutputFormat.RDB]
    path.unlink()
    rest = [
        argv for argv in random_log(seed + 100, build, 150, Mix(keys=60, databases=3)) if argv[0] != b"SORT"
    ]
    if seed % 2:
        rest = [argv for argv in rest if not argv[0].startswith(b"FLUSH")]
    path = tmp_path / "log.aof"
    path.write_bytes(base + builders.log(*rest))

    same(path, options, 1 + 3 * seed)


@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs(case: Case, tmp_path: Path) -> None:
    options = RewriteOptions(target=case.server, databases=64, now_ms=1)
    whole, summary, sizes = rewritten(case.source, options)
    try:
        found = rewritten_in_shares(case.source, options, 7, out=tmp_path / "result")
    except ReplayStopError:
        found = "a command needs a server"
    if isinstance(found, str):
        assert summary.tail.opaque or summary.tail.unexecuted
        return

    assert found[0] == whole
    assert found[2] == sizes
    assert found[1].tail.commands == summary.tail.commands


@pytest.mark.parametrize(
    "selection",
    [
        Selection(databases=frozenset({0, 2})),
        Selection(match=b"k*[13579]"),
        Selection(rename_db={0: 2, 2: 0}),
        Selection(expired_before_ms=1_600_000_000_000),
    ],
    ids=["db", "match", "rename", "expired"],
)
def test_selected_keys(tmp_path: Path, selection: Selection) -> None:
    build = BUILDS[0]
    path = tmp_path / "log.aof"
    log = [argv for argv in random_log(3, build, 400, Mix(keys=50, databases=3)) if argv[0] != b"SORT"]
    path.write_bytes(builders.log(*log))

    same(path, RewriteOptions(target=build.id, written_by=build.id, now_ms=1, selection=selection), 5)


def test_processes_give_the_same_bytes(tmp_path: Path) -> None:
    build = BUILDS[0]
    path = tmp_path / "log.aof"
    log = [argv for argv in random_log(5, build, 500, Mix(keys=90)) if argv[0] != b"SORT"]
    path.write_bytes(builders.log(*log))

    for jobs in (2, 3):
        same(path, RewriteOptions(target=build.id, written_by=build.id, now_ms=1, jobs=jobs), 6)


def test_a_stop_in_a_share_names_the_place_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    head = builders.log(*[("SET", f"key:{number}", "v") for number in range(50)])
    bad = builders.command("SET", "key:7")
    path.write_bytes(head + bad + builders.log(("SET", "b", "1")))

    for jobs in (1, 2):
        with pytest.raises(ReplayStopError) as error:
            rewritten_in_shares(path, RewriteOptions(jobs=jobs), 4)

        assert error.value.reason == "arity"
        assert error.value.offset == len(head)
        assert error.value.path == str(path)


def of_many_streams(*behind: list[bytes]) -> bytes:
    adds = [
        [b"XADD", b"s%d" % key, b"%d-1" % entry, b"f", b"v"] for entry in range(1, 4) for key in range(2000)
    ]
    return builders.log(*adds, *behind)


def test_a_log_that_releases_load_otherwise_is_not_written_unasked(tmp_path: Path) -> None:
    path, out = tmp_path / "log.aof", tmp_path / "out"
    path.write_bytes(of_many_streams([b"XDEL", b"s7", b"2-1"]))
    log = find_log(str(path))

    for options in (RewriteOptions(jobs=2), RewriteOptions(memory_limit_bytes=1 << 20)):
        with pytest.raises(RefusedError, match="depend on which release"):
            rewrite(log, str(out), options=replace(options, layout=Layout.SINGLE))
        assert not out.exists()
        rewrite(log, str(out), options=replace(options, layout=Layout.SINGLE, written_by="redis-7.2"))
        out.unlink()


def test_so_many_processes_work_at_once_and_the_bytes_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "log.aof", tmp_path / "out"
    path.write_bytes(of_many_streams())
    at_work: list[int] = []
    start = workers._Pool._start

    def started(pool: workers._Pool, *args: Any) -> None:
        start(pool, *args)
        at_work.append(len(pool._workers))

    monkeypatch.setattr(workers._Pool, "_start", started)
    results = []
    for jobs in (1, 2, 3):
        at_work.clear()
        options = RewriteOptions(layout=Layout.SINGLE, written_by="redis-7.2", now_ms=1, jobs=jobs)
        rewrite(find_log(str(path)), str(out), options=options)
        results.append(out.read_bytes())
        out.unlink()
        assert max(at_work, default=1) == jobs

    assert results[0] == results[1] == results[2]

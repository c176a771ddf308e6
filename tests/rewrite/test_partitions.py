"""Replaying in shares gives the same data as replaying at once, in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.aof.layout import find_log
from aoftool.databases import DEFAULT_DATABASES
from aoftool.keyspace.engine import Keyspace
from aoftool.resp.canonical import split_command
from aoftool.rewrite.model import OutputFormat, RewriteOptions
from aoftool.rewrite.planner import plan_rewrite
from aoftool.rewrite.replay.partitions import partitions
from tests import builders
from tests.liveness.pruning import decided
from tests.random_logs import Mix, random_log
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build


def options_for(target: str) -> RewriteOptions:
    return RewriteOptions(target=target, written_by=target, databases=DEFAULT_DATABASES, now_ms=1)


def held(path: Path, content: bytes, target: str) -> list[dict[bytes, Any]]:
    """Return the keys of every database that a result holds, loaded through its command form."""
    path.write_bytes(content)
    contents, _, _ = rewritten(path, options_for(target), [OutputFormat.RESP])
    keyspace = Keyspace(target_flavour(target), now_ms=1)
    data, at = contents[OutputFormat.RESP], 0
    while at < len(data):
        found = split_command(data, at)
        assert found is not None
        argv, at = found
        keyspace.execute(argv)
    return [dict(database.entries()) for database in keyspace.databases]


def target_flavour(target: str) -> str:
    return ".".join(target.split(".")[:1])


@pytest.mark.parametrize("limit", [500, 2000, 10_000])
def test_shares_hold_the_same_data_together(tmp_path: Path, limit: int) -> None:
    build = Build("valkey", (9, 1, 2), Path())
    path = tmp_path / "log.aof"
    for seed in range(12):
        log = [argv for argv in random_log(seed, build, 150, Mix(keys=30, databases=2)) if argv[0] != b"SORT"]
        path.write_bytes(builders.log(*log))
        options = options_for(build.id)

        whole, _, sizes = rewritten(path, options)
        path.write_bytes(builders.log(*log))
        parts, _, part_sizes = rewritten(path, replace(options, memory_limit_bytes=limit))

        assert [size.keys for size in part_sizes] == [size.keys for size in sizes]
        for form in FORMATS:
            one = held(tmp_path / "one", whole[form], build.id)
            assert one == held(tmp_path / "two", parts[form], build.id), (seed, form)


def test_tied_keys_are_in_one_share_and_all_keys_in_some(tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    log = [[b"RPUSH", b"l%d" % n, b"x"] for n in range(50)]
    log += [[b"RENAME", b"l%d" % n, b"m%d" % n] for n in range(50)]
    path.write_bytes(builders.log(*log))

    with plan_rewrite(find_log(str(path)), RewriteOptions()) as plan:
        shares = list(partitions(plan.trace, plan.touches, 0, 500))

        assert len(shares) > 5
        for n in range(50):
            tied = [plan.trace.keys.find(0, b"%c%d" % (letter, n)) for letter in b"lm"]
            assert [[share.holds(key) for key in tied] for share in shares].count([True, True]) == 1


def test_without_need_there_is_one_share() -> None:
    trace = decided([[b"RPUSH", b"l", b"x"]])
    from aoftool.rewrite.decide.touches import Touches

    assert len(list(partitions(trace, Touches(trace), 0, None))) == 1
    assert len(list(partitions(trace, Touches(trace), 0, 1 << 20))) == 1

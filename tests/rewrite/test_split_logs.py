"""Logs of several files: each starts in database 0, and only the last may end inside a transaction."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from aoftool.errors import UnsupportedError
from aoftool.rewrite.model import RewriteOptions
from tests import builders
from tests.oracle import assert_same_state, diff_states, dump_state
from tests.random_logs import Mix, random_log
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server, find_builds, server_params

MULTI_PART = server_params(since="7.0")


@pytest.mark.parametrize("server_build", MULTI_PART)
@pytest.mark.parametrize("seed", range(4))
def test_split_logs_with_a_command_base(
    server_build: Build, seed: int, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    draw = random.Random(seed)
    log = random_log(seed, server_build, 150, Mix(keys=8))
    bare = [argv for argv in log if argv[0] not in (b"MULTI", b"EXEC")]
    one, two = sorted(draw.sample(range(1, len(bare)), 2))
    last = builders.log(*bare[two:]) + builders.log([b"MULTI"], [b"SELECT", b"1"], [b"FLUSHALL"])
    parts = [builders.log(*bare[:one]), builders.log(*bare[one:two]), last]
    manifest = builders.write_multi_part(tmp_path / "log", base=parts[0], incrs=parts[1:])

    contents, summary, _ = rewritten(
        manifest, RewriteOptions(target=server_build.id, written_by=server_build.id, databases=16)
    )
    before = dump_state(start_server(server_build, source=manifest, databases=16))

    assert summary.tail.unfinished == 3
    for form in FORMATS:
        server = Server(server_build, databases=16)
        server.place_aof(contents[form])
        with server:
            assert_same_state(before, dump_state(server))


@pytest.mark.parametrize("server_build", MULTI_PART)
@pytest.mark.parametrize("opaque", [0.0, 0.03], ids=["plain", "scripts"])
@pytest.mark.parametrize("seed", range(6))
def test_tails_over_an_rdb_base(
    server_build: Build, seed: int, opaque: float, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    first = random_log(seed, server_build, 200, Mix(keys=12))
    log = random_log(1000 + seed, server_build, 150, Mix(keys=12, opaque=opaque))
    whole = tmp_path / "first.aof"
    whole.write_bytes(builders.log(*first))
    base, _, _ = rewritten(
        whole, RewriteOptions(target=server_build.id, written_by=server_build.id, databases=16)
    )
    tail = [argv for argv in log if argv[0] not in (b"MULTI", b"EXEC")]
    manifest = builders.write_multi_part(
        tmp_path / "log", base=base[FORMATS[0]], incrs=[builders.log(*tail)], base_is_rdb=True
    )

    contents, summary, _ = rewritten(
        manifest, RewriteOptions(target=server_build.id, written_by=server_build.id, databases=16)
    )
    before = dump_state(start_server(server_build, source=manifest, databases=16))

    assert summary.tail.opaque or all(argv[0] != b"EVAL" for argv in tail)
    for form in FORMATS:
        server = Server(server_build, databases=16)
        server.place_aof(contents[form])
        with server:
            assert_same_state(before, dump_state(server))


@pytest.mark.soak
@pytest.mark.parametrize("server_build", MULTI_PART)
@pytest.mark.parametrize("seed", range(20))
def test_split_logs_hold_the_same_on_other_releases(server_build: Build, seed: int, tmp_path: Path) -> None:
    """Whatever is written for a release is all there; what it cannot hold is refused and not left out."""
    draw = random.Random(seed)
    bare = [a for a in random_log(seed, server_build, 150, Mix(keys=8)) if a[0] not in (b"MULTI", b"EXEC")]
    cuts = [0, *sorted(draw.sample(range(1, len(bare)), 3)), len(bare)]
    parts = [builders.log(*bare[one:two]) for one, two in pairwise(cuts)]
    # Files without a command, and one that ends in a database which the next one does not begin in.
    incrs = [parts[1], b"", parts[2] + builders.select(2), parts[3]]
    manifest = builders.write_multi_part(tmp_path / "log", base=parts[0], incrs=incrs)
    with Server(server_build, source=manifest, databases=128) as server:
        before = dump_state(server)

    for build in draw.sample(find_builds(), 3):
        options = RewriteOptions(target=build.id, written_by=server_build.id)
        try:
            contents, _, _ = rewritten(manifest, options, FORMATS[:1])
        except UnsupportedError:
            continue
        loading = Server(build, databases=128)
        loading.place_aof(contents[FORMATS[0]])
        with loading:
            lines = diff_states(before, dump_state(loading))

        # A release keeps more or less of a stream than another, and may count keys whose time has passed.
        beside = re.compile(r"DBSIZE|digest|.*\(stream\) \[.*(!= None$|\]: None !=)")
        lost = [line for line in lines if not beside.match(line)]
        assert lost == [], build.id

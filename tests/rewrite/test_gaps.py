"""Logs with holes: commands meet missing keys and wrong types, and the rewrite ends as the server does."""

from __future__ import annotations

import random
from pathlib import Path

from aoftool.aof.layout import find_log
from aoftool.databases import DEFAULT_DATABASES
from aoftool.rewrite.model import RewriteOptions
from aoftool.rewrite.salvaging import salvaged_log
from tests import builders
from tests.oracle import assert_same_state
from tests.random_logs import Argv, Mix, random_log
from tests.reloading import reload
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server, builds

SEEDS = 200
COMMANDS = 150


def share(server: Server) -> range:
    """Return the seeds of one server: all servers together try all of them."""
    found = builds()
    return range(found.index(server.build), SEEDS, len(found))


def plain_log(seed: int, build: Build) -> list[Argv]:
    """Return a log without transactions, so that any command of it can go."""
    log = random_log(seed, build, COMMANDS, Mix(keys=4 + seed % 9))
    return [argv for argv in log if argv[0] not in (b"MULTI", b"EXEC")]


def refused(server: Server, path: Path, content: bytes) -> int:
    """Hold the rewrite of a log against the log; return how many of its live commands were refused."""
    before = reload(server, content)
    release = server.build.id
    options = RewriteOptions(target=release, written_by=release, databases=DEFAULT_DATABASES)
    contents, _, sizes = rewritten(path, options)

    for form in FORMATS:
        assert_same_state(before, reload(server, contents[form]))
    return sizes[0].refused_commands


def test_logs_with_a_part_cut_out_end_as_on_the_server(live_server: Server, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    with_refusals = 0
    for seed in share(live_server):
        log = plain_log(seed, live_server.build)
        first, last = sorted(random.Random(seed).sample(range(len(log)), 2))
        content = builders.log(*log[:first], *log[last:])
        path.write_bytes(content)

        with_refusals += refused(live_server, path, content) > 0

    assert with_refusals >= len(share(live_server)) * 0.8


def test_salvaged_logs_end_as_on_the_server(live_server: Server, tmp_path: Path) -> None:
    path = tmp_path / "log.aof"
    with_refusals = lost = 0
    for seed in share(live_server):
        draw = random.Random(seed)
        parts = [builders.command(*argv) for argv in plain_log(seed, live_server.build)]
        for hit in draw.sample(range(1, len(parts) - 1), 6):
            parts[hit] = draw.choice([b"\x00" * 9, b"*x\r\n$"]) + parts[hit][9:]
        path.write_bytes(b"".join(parts))

        with salvaged_log(find_log(str(path)), 16, str(tmp_path / "out")) as salvaged:
            whole = Path(salvaged.log.path)
            content = whole.read_bytes()
            lost += len(content) < path.stat().st_size
            with_refusals += refused(live_server, whole, content) > 0

    assert lost == len(share(live_server))
    assert with_refusals >= len(share(live_server)) * 0.8

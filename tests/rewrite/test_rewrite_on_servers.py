"""A rewritten log loads to the state of the original, on real servers."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.aof.model import Log
from aoftool.files import open_source
from aoftool.resp.commands import commands
from aoftool.resp.model import Command
from aoftool.rewrite.inputs import open_input
from aoftool.rewrite.model import Cut, OutputFormat, RewriteOptions
from tests import builders
from tests.corpus import Case, case_params
from tests.oracle import State, assert_same_state, diff_states, dump_state
from tests.random_logs import Mix, random_log
from tests.reloading import reload
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server, find_build

SEEDS = 24
SOAK_SEEDS = 1000


def options(build: Build, databases: int = 16) -> RewriteOptions:
    return RewriteOptions(target=build.id, written_by=build.id, databases=databases)


def check(server: Server, content: bytes, directory: Path) -> None:
    path = directory / "log.aof"
    path.write_bytes(content)

    before = reload(server, content)
    contents, _, _ = rewritten(path, options(server.build))

    for form in FORMATS:
        assert_same_state(before, reload(server, contents[form]))


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("opaque", [0.0, 0.02], ids=["plain", "scripts"])
def test_random_logs_and_their_cuts(live_server: Server, tmp_path: Path, part: int, opaque: float) -> None:
    for seed in range(part, SEEDS, 4):
        mix = Mix(keys=4 + seed % 9, opaque=opaque)
        log = random_log(seed, live_server.build, 50 + seed % 250, mix)
        check(live_server, builders.log(*log), tmp_path)

        bare = [argv for argv in log if argv[0] not in (b"MULTI", b"EXEC")]
        cut = random.Random(seed).randrange(1, len(bare))
        check(live_server, builders.log(*bare[:cut]), tmp_path)


@pytest.mark.parametrize(
    ("ids", "left_by_6_2"),
    [("1-1 4294967298-1", 0), ("2-1 2-4294967299", 0), ("1-1 2592000001-1 2592000002-1", 2)],
    ids=["times-too-many-gone", "numbers-too-many-gone", "too-few-gone"],
)
def test_trims_by_ids_far_apart(live_server: Server, tmp_path: Path, ids: str, left_by_6_2: int) -> None:
    """All but the last are below the ID; Redis 6.2.5 sees only the low 32 bits of their differences."""
    log = [[b"XADD", b"x", entry_id, b"f", b"v"] for entry_id in ids.encode().split()]
    log += [[b"SET", b"a", b"1"], [b"SET", b"a", b"2"], [b"XTRIM", b"x", b"MINID", b"=", log[-1][2]]]

    check(live_server, builders.log(*log), tmp_path)

    assert live_server.send("XLEN", "x") == (left_by_6_2 if live_server.build.version < (6, 2, 7) else 1)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_long_random_logs(live_server: Server, tmp_path: Path) -> None:
    for seed in range(SEEDS, SEEDS + SOAK_SEEDS):
        log = random_log(seed, live_server.build, 5000, Mix(keys=10 + seed % 50))
        check(live_server, builders.log(*log), tmp_path)


def assert_rewriting_again_changes_no_byte(source: Path, path: Path, options: RewriteOptions) -> None:
    contents, _, _ = rewritten(source, options)

    for form in FORMATS:
        path.write_bytes(contents[form])
        again, _, _ = rewritten(path, options, [form])

        assert again[form] == contents[form], form


@pytest.mark.parametrize("seed", range(4))
def test_rewriting_a_rewrite_changes_no_byte(server_build: Build, tmp_path: Path, seed: int) -> None:
    log = random_log(seed, server_build, 200)
    path = tmp_path / "log.aof"
    path.write_bytes(builders.log(*log))

    assert_rewriting_again_changes_no_byte(path, path, options(server_build))


@pytest.mark.parametrize("swaps", [[], [(b"SWAPDB", b"0", b"2"), (b"SWAPDB", b"1", b"2")]])
@pytest.mark.parametrize("seed", range(4))
def test_rewriting_a_rewrite_over_a_base_of_several_databases_changes_no_byte(
    tmp_path: Path, seed: int, swaps: list[tuple[bytes, ...]]
) -> None:
    build = Build("valkey", (9, 1, 2), Path())
    path = tmp_path / "log.aof"
    mix = Mix(keys=40, databases=4)
    path.write_bytes(builders.log(*random_log(seed, build, 200, mix)))
    base = rewritten(path, options(build), [OutputFormat.RDB])[0][OutputFormat.RDB]
    tail = [argv for argv in random_log(seed + 50, build, 60, mix) if not argv[0].startswith(b"FLUSH")]
    path.write_bytes(base + builders.log(*swaps, *tail))

    assert_rewriting_again_changes_no_byte(path, path, options(build))


@pytest.mark.server
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs(case: Case) -> None:
    build = find_build(case.server)
    if build is None:
        pytest.skip(f"no {case.server} on this machine")
    if "vector" in case.id:
        pytest.skip("vector sets are built with random numbers: two loads of one log differ")
    contents, _, sizes = rewritten(case.source, options(build, 64))
    with Server(build, source=case.source) as server:
        before = dump_state(server)

    for form in FORMATS:
        server = Server(build)
        server.place_aof(contents[form])
        with server:
            assert_same_state(before, dump_state(server))

    after = case.facts["after_server_rewrite"]
    for size in sizes:
        name = "preamble_yes" if size.format is OutputFormat.RDB else "preamble_no"
        fact = after[name]["bytes"]
        if fact > 10_000:
            assert abs(size.size_bytes - fact) <= fact * 0.02, (size.format, size.size_bytes, fact)


@pytest.mark.corpus
@pytest.mark.parametrize("case", case_params("recorded"))
def test_rewriting_a_recorded_rewrite_changes_no_byte(case: Case, tmp_path: Path) -> None:
    target = None if "vector" in case.id else case.server
    # Later than all deliveries in the logs: servers take a later one for one of now.
    options = RewriteOptions(target=target, written_by=case.server, databases=64, now_ms=2_000_000_000_000)

    assert_rewriting_again_changes_no_byte(case.source, tmp_path / "log.aof", options)


@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs_cut_at_two_boundaries(case: Case, live_server_of: Callable[[Build], Server]) -> None:
    assert_cuts_end_alike(case, 2, live_server_of)


@pytest.mark.soak
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_logs_cut_at_twenty_boundaries(
    case: Case, live_server_of: Callable[[Build], Server]
) -> None:
    assert_cuts_end_alike(case, 20, live_server_of)


def assert_cuts_end_alike(case: Case, cuts: int, live_server_of: Callable[[Build], Server]) -> None:
    build = find_build(case.server)
    if build is None or "vector" in case.id:
        pytest.skip("no such server, or values built with random numbers")
    log = find_log(str(case.source))
    with open_input(log, Cut()) as found:
        start = found.tails[-1].start
    with open_source(log.files[-1].path) as source:
        places = [(item.offset + item.length, _is_open(item)) for item in commands(source, start)]
    server = live_server_of(build)
    for end, inside in random.Random(case.id).sample(places, min(cuts, len(places))):
        cut = Cut(to_offset=(len(log.files) - 1, end))
        options = RewriteOptions(target=build.id, written_by=build.id, databases=64, cut=cut)
        contents, _, _ = rewritten(case.source, options)
        before = _started_on(build, case.source, end) if inside else reload(server, _joined(log, end))

        for form in FORMATS:
            differences = diff_states(before, reload(server, contents[form]))
            if inside:
                # A started server removes keys of past expiry at its own pace; others are compared by key.
                differences = [line for line in differences if not line.startswith(("digest", "DBSIZE"))]
            assert not differences, (end, form)


def _is_open(command: Command) -> bool:
    """Tell whether a log that ends with a command has an unfinished transaction."""
    return bool(command.txn) and command.argv[0].upper() != b"EXEC"


def _joined(log: Log, end: int) -> bytes:
    """Return all files of a log as one, the last of them cut; every file begins in database 0."""
    *firsts, last = (Path(file.path).read_bytes() for file in log.files)
    return builders.select(0).join([*firsts, last[:end]])


def _started_on(build: Build, source: Path, end: int) -> State:
    """Start a server on a log whose last file is cut: unlike one that runs, it drops what is unfinished."""
    server = Server(build, source=source)
    placed = server.log_directory / Path(find_log(str(source)).files[-1].path).name
    if not build.multi_part:
        placed = server.log_directory / "appendonly.aof"
    elif not placed.exists():
        (placed,) = server.log_directory.glob("*.base.*")
    os.truncate(placed, end)
    with server:
        return dump_state(server)

"""The real servers start, take the files they are given, and report how that went."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import servers_line
from tests.corpus import CHECKOUT
from tests.servers import USED, Build, Server, find_build, find_builds, require_build, server_params

SET_COMMAND = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n"


def test_live_server_is_empty_and_answers(live_server: Server) -> None:
    live_server.send("SET", "k", "v", db=63)

    assert live_server.send("GET", "k", db=63) == b"v"
    assert live_server.send("DBSIZE", db=0) == 0


def test_single_log_is_loaded(server_build: Build, start_server: Callable[..., Server]) -> None:
    server = Server(server_build)
    server.place_aof(SET_COMMAND)

    with server:
        assert server.outcome is not None
        assert server.outcome.loaded
        assert server.outcome.cut_bytes == {}
        assert server.send("GET", "k") == b"value"


def test_torn_tail_is_cut_and_the_cut_is_known(server_build: Build) -> None:
    server = Server(server_build)
    server.place_aof(SET_COMMAND + SET_COMMAND[:-4])

    with server:
        assert server.outcome is not None
        assert list(server.outcome.cut_bytes.values()) == [len(SET_COMMAND) - 4]
        assert server.log_target.exists()


def test_refused_log_leaves_exit_status_and_log(server_build: Build) -> None:
    server = Server(server_build)
    server.place_aof(SET_COMMAND + b"!garbage\r\n")

    outcome = server.start()
    server.remove()

    assert not outcome.loaded
    assert outcome.exit_status == 1
    assert "Bad file format" in outcome.log


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_multi_part_log_is_taken_over_as_it_is(
    server_build: Build, start_server: Callable[..., Server]
) -> None:
    first = start_server(server_build, settings={"appendfilename": "my data.aof"})
    first.send("SET", "before", "1")
    first.rewrite()
    first.send("SET", "after", "2")
    first.stop()

    second = start_server(server_build, source=first.data_directory)

    assert second.log_target.name == "my data.aof.manifest"
    assert second.pipeline([("GET", "before"), ("GET", "after")]) == [b"1", b"2"]


def test_rdb_is_loaded_as_dump(server_build: Build, start_server: Callable[..., Server]) -> None:
    first = start_server(server_build, appendonly=False)
    first.send("SET", "k", "v")
    first.send("SAVE")

    second = start_server(server_build, source=first.data_directory / "dump.rdb")

    assert second.send("GET", "k") == b"v"


def test_restart_keeps_what_the_log_holds(server_build: Build, start_server: Callable[..., Server]) -> None:
    server = start_server(server_build)
    server.send("SET", "k", "v")

    outcome = server.restart()

    assert outcome.loaded
    assert server.send("GET", "k") == b"v"


def test_server_ends_with_a_killed_test_run(newest_build: Build) -> None:
    script = (
        "import sys, time; from tests.servers import Server, require_build; "
        f"server = Server(require_build('{newest_build}')); server.start(); "
        "print(server.pid, flush=True); time.sleep(60)"
    )
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=CHECKOUT)
    assert run.stdout is not None
    pid = int(run.stdout.readline())

    run.kill()
    run.wait()
    deadline = time.monotonic() + 10
    while process_runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not process_runs(pid)
    run.stdout.close()


def process_runs(pid: int) -> bool:
    """Tell whether a process is there and not only waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_builds_are_listed_once_and_found_by_prefix() -> None:
    found = find_builds()

    assert len({build.id for build in found}) == len(found)
    for build in found:
        assert find_build(build.id) == build


def test_missing_build_skips_the_test() -> None:
    with pytest.raises(pytest.skip.Exception, match="redis-1"):
        require_build("redis-1")


def test_a_run_says_on_which_servers_it_ran(newest_build: Build, live_server: Server) -> None:
    """Counted where a test asks a server, so that a server at hand that no test asks is seen."""
    assert live_server.build.id in USED
    live_server.send("PING")

    line = servers_line(Counter({newest_build.id: 3}))
    unasked = [build.id for build in find_builds() if build != newest_build]
    assert line.startswith(f"tests by server: {newest_build.id} 3")
    assert line.endswith(f"; not asked: {', '.join(unasked)}") == bool(unasked)
    assert servers_line(Counter()).startswith("tests by server: none")

"""A running server whose syncs or forks a preloaded library made slow: what `advise --server` says of it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aoftool.advise.model import Severity
from aoftool.captures.lines import text_of
from aoftool.collecting.address import Address
from aoftool.collecting.questions import ask_server
from aoftool.collecting.talking import Talk
from tests.captured import advice_of
from tests.servers import Build, Server, server_params

# Once the file is there every sync of another thread takes 3 s, longer than servers wait for one, and every
# fork 0.4 s in the parent, as that of a server with tens of GiB does.
LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>
int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    if (syscall(SYS_gettid) != getpid() && access(SLOW, F_OK) == 0) sleep(3);
    return real(fd);
}
pid_t fork(void) {
    static pid_t (*real)(void);
    if (!real) real = (pid_t (*)(void)) dlsym(RTLD_NEXT, "fork");
    pid_t child = real();
    if (child > 0 && access(SLOW, F_OK) == 0) usleep(400000);
    return child;
}
"""
WRITING_S = 12.0


@pytest.fixture
def slow(tmp_path: Path) -> tuple[Path, Path]:
    """Give the library and the file that makes it slow."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    flag, source, library = tmp_path / "slow", tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(LIBRARY)
    words = [compiler, "-shared", "-fPIC", f'-DSLOW="{flag}"', "-o", str(library), str(source), "-ldl"]
    subprocess.run(words, check=True)
    return library, flag


def preloaded(
    library: Path, build: Build, start_server: Callable[..., Server], tmp_path: Path, **settings: str
) -> Server:
    """Give a server that the library is loaded into."""
    script = tmp_path / "server"
    script.write_text(f'#!/bin/sh\nLD_PRELOAD={library} exec {build.path} "$@"\n')
    script.chmod(0o755)
    wanted = {"latency-monitor-threshold": "10", "appendfsync": "everysec", **settings}
    return start_server(replace(build, path=script), settings=wanted, appendonly=True)


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(), indirect=True)
def test_a_long_fork_is_named(
    slow: tuple[Path, Path], server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    library, flag = slow
    server = preloaded(library, server_build, start_server, tmp_path)
    flag.touch()

    talk = Talk(Address(socket=str(server.directory / "s")))
    try:
        asked = ask_server(talk, 1, sleep=lambda _: server.rewrite())
    finally:
        talk.close()
        flag.unlink()
    found = advice_of(tuple(text_of(name, raw) for name, raw in asked.texts.items()))

    row = next(row for row in found.ledger if row.finding == "fork-slow")
    assert row.worst_s >= 0.4
    fork = next(finding for finding in found.findings if finding.code == "fork-slow")
    assert fork.severity is Severity.HIGH


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_a_slow_sync_is_named(
    slow: tuple[Path, Path], server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    library, flag = slow
    server = preloaded(library, server_build, start_server, tmp_path)
    flag.touch()

    def write(_: float) -> None:
        end = time.monotonic() + WRITING_S
        while time.monotonic() < end:
            server.send("SET", "key", "value")
            time.sleep(0.05)

    talk = Talk(Address(socket=str(server.directory / "s")))
    try:
        asked = ask_server(talk, WRITING_S, sleep=write)
    finally:
        talk.close()
        flag.unlink()
    found = advice_of(tuple(text_of(name, raw) for name, raw in asked.texts.items()))

    codes = [finding.code for finding in found.findings]
    assert "fsync-slow" in codes
    assert not {"slow-commands", "fork-slow", "expiry-storm"} & set(codes)

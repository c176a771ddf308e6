"""A running server whose disk was made slow by a preloaded library: what `advise --server` says of it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aoftool.captures.lines import text_of
from aoftool.collecting.address import Address
from aoftool.collecting.questions import ask_server
from aoftool.collecting.talking import Talk
from tests.captured import advice_of
from tests.servers import Build, Server, server_params

# Every sync of another thread takes 3 s once the file is there: longer than servers wait for one.
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


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_a_slow_sync_is_named(
    slow: tuple[Path, Path], server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    library, flag = slow
    script = tmp_path / "server"
    script.write_text(f'#!/bin/sh\nLD_PRELOAD={library} exec {server_build.path} "$@"\n')
    script.chmod(0o755)
    settings = {"latency-monitor-threshold": "10", "appendfsync": "everysec"}
    server = start_server(replace(server_build, path=script), settings=settings, appendonly=True)
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

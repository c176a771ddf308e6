"""The machine is asked only about a server that is proved to run on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aoftool.capture.collecting import wait_for
from aoftool.collecting.host import LocalServer, find_local, read_for
from aoftool.collecting.talking import Talk
from tests.servers import Build, Server


def test_process_of_a_server_is_found_by_number_and_start(
    newest_build: Build, start_server: Callable[..., Server]
) -> None:
    server = start_server(newest_build)
    uptime = int(server.info("server")["uptime_in_seconds"])

    found = find_local(server.pid, uptime, server.pid)

    assert found == LocalServer(server.pid, os.geteuid(), os.getegid())
    # Another process at the other end of the socket, another start, another program, no process.
    assert find_local(server.pid, uptime, os.getpid()) is None
    assert find_local(server.pid, uptime + 100, None) is None
    assert find_local(os.getpid(), 0, None) is None
    assert find_local(0, 0, None) is None
    assert find_local(1 << 22, 0, None) is None


def test_files_that_the_server_could_not_read_are_not_read_for_it(tmp_path: Path) -> None:
    own, private, open_to_all = tmp_path / "own", tmp_path / "private", tmp_path / "open"
    for path, mode in ((own, 0o600), (private, 0o600), (open_to_all, 0o604)):
        path.write_text("text")
        path.chmod(mode)
    uid, gid = os.geteuid(), os.getegid()
    same = LocalServer(9, uid or 1234, gid)
    if not uid:
        os.chown(own, 1234, gid)
        os.chown(private, 0, 0)
        same = LocalServer(9, 1234, 1234)

    assert read_for(same, str(own), tail=False) == "text"
    assert read_for(same, str(open_to_all), tail=False) == "text"
    if not uid:
        assert read_for(same, str(private), tail=False) is None
    assert read_for(same, str(tmp_path), tail=False) is None
    assert read_for(same, str(tmp_path / "none"), tail=True) is None
    assert read_for(same, "a\0b", tail=True) is None
    os.mkfifo(tmp_path / "fifo")
    assert read_for(same, str(tmp_path / "fifo"), tail=True) is None


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * (1 << 20) + b"the end")
    path.chmod(0o644)

    text = read_for(LocalServer(9, os.geteuid(), os.getegid()), str(path), tail=True)

    assert text is not None
    assert text.endswith("the end")
    assert len(text) == 1 << 20


class Latencies(Talk):
    """A server that tells one list of events after the other, over no connection."""

    def __init__(self, *told: list[Any]) -> None:
        self._told = list(told)

    def ask(self, *words: str) -> Any:
        return self._told.pop(0) if len(self._told) > 1 else self._told[0]


def waited(*told: list[Any], seconds: float = 0.2) -> str | None:
    return wait_for(Latencies(*told), 200, seconds, lambda seconds: time.sleep(0.01))


def test_only_a_new_event_that_is_long_enough_ends_the_wait() -> None:
    old: list[list[object]] = [[b"command", 100, 500, 500]]
    short: list[list[object]] = [[b"command", 101, 199, 500]]
    new: list[list[object]] = [[b"command", 102, 200, 500]]

    assert waited(old) is None
    assert waited(old, short) is None
    assert waited(old, short, new) == "command"
    assert waited([], [[b"fork", 7, 300, 300]]) == "fork"


def test_answers_that_are_no_events_end_no_wait() -> None:
    assert waited([[b"x"], ["y", 1, 999], 5]) is None

"""A server that is started to look at a log: what a hostile log says reaches nobody and holds nothing up."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.errors import VerifyError
from aoftool.progress import Reached, no_progress
from aoftool.servers import confined
from aoftool.servers.confined import _ends_with_us, confined_server, own_network
from aoftool.servers.finding import FoundServer, ask_version
from aoftool.servers.load_log import verify_log
from aoftool.servers.placing import place_log
from aoftool.servers.private import read_state
from tests.builders import command, log
from tests.servers.discovery import Build, server_params

GOOD = log(command("SET", "k", "v"))


@pytest.fixture(params=server_params())
def server(request: pytest.FixtureRequest) -> FoundServer:
    build: Build = request.param
    return ask_version(os.fspath(build.path))


@pytest.fixture
def newest(newest_build: Build) -> FoundServer:
    return ask_version(os.fspath(newest_build.path))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.setblocking(False)
        yield found


def write(folder: Path, data: bytes) -> str:
    path = folder / "appendonly.aof"
    path.write_bytes(data)
    return os.fspath(path)


def reached_by_nobody(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


@pytest.mark.server
def test_no_log_reaches_out_or_shuts_us_out(
    server: FoundServer, listener: socket.socket, tmp_path: Path
) -> None:
    port = str(listener.getsockname()[1])
    hostile = [
        ("REPLICAOF", "127.0.0.1", port),
        ("MIGRATE", "127.0.0.1", port, "k", "0", "500"),
        ("CONFIG", "SET", "requirepass", "x"),
    ]
    for words in hostile:
        path = write(tmp_path, GOOD + command(*words))

        with pytest.raises(VerifyError, match=rf"{words[0]} is withheld"):
            verify_log(path, server)

        assert reached_by_nobody(listener)


@pytest.mark.server
def test_a_script_has_no_way_out_either(newest: FoundServer, listener: socket.socket, tmp_path: Path) -> None:
    port = listener.getsockname()[1]
    script = f"return redis.call('MIGRATE', '127.0.0.1', '{port}', 'k', '0', '500')"
    path = write(tmp_path, GOOD + command("EVAL", f"pcall(function() {script} end) return 1", "0"))

    answer = verify_log(path, newest)

    assert answer.keys == 1
    assert reached_by_nobody(listener)


@pytest.mark.server
def test_there_is_no_network_around_it(newest: FoundServer, tmp_path: Path) -> None:
    if not own_network():
        pytest.skip("this system gives no network of one's own")
    found = find_log(write(tmp_path, GOOD))
    inner = tmp_path / "inner"
    inner.mkdir()
    place_log(found, inner, newest, keep_manifest=False)

    with confined_server(newest, inner, {}, found, Reached(no_progress)) as running:
        pid = int(running.ask("INFO", "server").partition(b"process_id:")[2].split()[0])
        links = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]

    assert [line.split(":")[0].strip() for line in links] in ([], ["lo"])


@pytest.mark.server
def test_a_script_without_end_is_told_as_such(
    newest: FoundServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "STALLED_S", 0.5)
    monkeypatch.setattr(confined, "_PROBE_S", 0.2)
    path = write(tmp_path, GOOD + command("EVAL", "while true do end", "0"))
    started = time.monotonic()

    with pytest.raises(VerifyError, match="got no further with the log"):
        verify_log(path, newest)

    assert time.monotonic() - started < 5


@pytest.mark.server
def test_a_server_ends_with_whoever_started_it(newest: FoundServer, tmp_path: Path) -> None:
    if not _ends_with_us():
        pytest.skip("this system has no such way")
    path = write(tmp_path, GOOD + command("EVAL", "while true do end", "0"))
    line = [sys.executable, "-m", "aoftool", "fix", "--yes", "--verify", "--server", newest.binary, path]
    process = subprocess.Popen(line, env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.DEVNULL)
    try:
        configs: list[Path] = []
        while process.poll() is None and not (configs and servers_on(configs[0])):
            configs = list(tmp_path.glob("aoftool-verify-*/own.conf"))
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()

    deadline = time.monotonic() + 5
    while servers_on(configs[0]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert servers_on(configs[0]) == []


def servers_on(config: Path) -> list[str]:
    """Return the processes that were started with a configuration file."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(config.parent) in (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found


@pytest.mark.server
def test_a_server_that_is_another_than_it_said_is_not_believed(newest: FoundServer, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)

    with pytest.raises(VerifyError, match="its program"):
        verify_log(path, replace(newest, version="1.2.3"))


@pytest.mark.server
def test_every_server_tells_all_that_it_holds(server: FoundServer, tmp_path: Path) -> None:
    data = log(
        command("SET", "k", "v"),
        command("PEXPIREAT", "k", "4102444800123"),
        command("XADD", "s", "5-1", "a", "1"),
        command("HSET", "h", "f", "1"),
    )
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, content in ((one, data), (other, data.replace(b"4102444800123", b"4102444800777"))):
        folder.mkdir()
        write(folder, content)
    pytest.importorskip("redis")

    states = [read_state(find_log(os.fspath(path)), 16, server) for path in (one, other)]

    assert states[0].sizes == {0: 3}
    difference = states[1].times[0, b"k"][0] - states[0].times[0, b"k"][0]
    assert abs(difference - 654) <= 2
    assert states[0].digest == states[1].digest

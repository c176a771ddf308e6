"""Incidents on live servers: the log and a capture of each become one page, opened in a real browser.

Each is brought about on purpose, captured while the server runs, and told on the page by what was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aoftool.cli.app import run
from tests.browser import Browser
from tests.collecting.test_induced import preloaded, slow
from tests.report.test_browser import browser, opened
from tests.servers import Build, Server, server_params

__all__ = ["browser", "slow"]
TIMED = {"aof-timestamp-enabled": "yes", "latency-monitor-threshold": "10", "appendfsync": "everysec"}
pytestmark = [pytest.mark.server, pytest.mark.soak, pytest.mark.timeout(600)]


def captured(server: Server, into: Path, seconds: str = "1s") -> Path:
    """Capture a server, as its user would."""
    bundle = into / "bundle.tgz"
    run(["capture", "--server", str(server.directory / "s"), "-o", str(bundle), "--for", seconds])
    assert bundle.exists()
    return bundle


def fill(server: Server, count: int = 400) -> None:
    for number in range(count):
        server.send("SET", f"session:{number}", "x" * 200, "EX", "5000")
        server.send("HSET", f"cart:{number % 40}", f"item{number}", "y" * 60)


def texts_of(found: dict[str, Any]) -> str:
    return repr(found["sections"])


def codes_of(found: dict[str, Any]) -> str:
    """Return what the list of advice says."""
    blocks = next(section for section in found["sections"] if section["id"] == "advice")["blocks"]
    return repr([block for block in blocks if block.get("id") == "advice-list"])


@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_a_flush_while_clients_waited(
    browser: Browser, server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(server_build, settings=TIMED, appendonly=True)
    fill(server)
    server.send("DEBUG", "SLEEP", "0.4")
    server.send("FLUSHALL")
    fill(server, 20)
    bundle = captured(server, tmp_path)
    log = str(server.log_directory)
    server.stop()

    found = opened(browser, tmp_path / "a.html", log, "--captures", str(bundle), "--key", "session:7")

    assert "FLUSHALL" in texts_of(found)
    ledger = next(block for s in found["sections"] for block in s["blocks"] if block.get("id") == "ledger")
    assert ledger["rows"][0]["worst_s"] == pytest.approx(0.4, rel=0.1)
    assert "DEBUG" in ledger["rows"][0]["label"]


@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_a_disk_that_does_not_keep_up_and_a_delete_of_many(
    browser: Browser,
    slow: tuple[Path, Path],
    server_build: Build,
    start_server: Callable[..., Server],
    tmp_path: Path,
) -> None:
    library, flag = slow
    server = preloaded(library, server_build, start_server, tmp_path, **{"aof-timestamp-enabled": "yes"})
    fill(server)
    flag.touch()
    until = time.monotonic() + 12
    while time.monotonic() < until:
        server.send("SET", "key", "value")
        time.sleep(0.05)
    server.send("DEL", *(f"session:{number}" for number in range(300)))
    bundle = captured(server, tmp_path)
    flag.unlink()
    log = str(server.log_directory)
    server.stop()

    found = opened(browser, tmp_path / "a.html", log, "--captures", str(bundle))

    assert "[fsync-slow]" in codes_of(found)
    assert "300" in texts_of(found)


@pytest.mark.parametrize("server_build", server_params(since="7.0"), indirect=True)
def test_a_power_cut_in_the_middle_of_a_command(
    browser: Browser, server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(server_build, settings={**TIMED, "appendfsync": "no"}, appendonly=True)
    fill(server)
    server.rewrite()
    fill(server)
    bundle = captured(server, tmp_path)
    log = server.log_directory
    server.kill()
    incr = max(log.glob("*.incr.aof"), key=lambda path: path.stat().st_size)
    whole = incr.read_bytes()
    incr.write_bytes(whole[:-30])

    found = opened(browser, tmp_path / "a.html", str(log), "--captures", str(bundle))

    assert found["tone"] == "bad"
    assert "[fsync-never]" in codes_of(found)
    assert any("aoftool fix" in step["line"] for step in found["next"])

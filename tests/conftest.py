"""Fixtures that every room of tests shares: real servers and the options of the test run."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# `tests` is imported from the checkout, `aoftool` from where it is installed: behind a plain install the
# checkout holds the package without its kernels, and must not hide the installed one.
sys.path.append(str(Path(__file__).resolve().parents[1]))

import hypothesis
import pytest

import aoftool
from aoftool.files.held import release_files
from aoftool.files.remote import stores
from aoftool.kernels import KERNELS
from tests.kernels import REQUIRED
from tests.servers import (
    USED,
    Build,
    Server,
    builds,
    chosen_builds,
    find_builds,
    require_build,
    server_params,
)
from tests.stores import KEYS, S3, running_s3

RAN_ON: Counter[str] = Counter()
"""How many tests ran on each server, by its id."""

SERVER_FIXTURES = {"server_build", "newest_build", "live_server", "live_server_of", "start_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this project's tests."""
    group = parser.getgroup("aoftool")
    group.addoption("--soak", action="store_true", help="run the long random tests at full length")
    group.addoption("--update-golden", action="store_true", help="write the golden transcripts anew")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples the property tests try; a shared machine allows no deadlines."""
    # Set in the workers of a parallel run; output goes to no terminal here, in those and alone.
    os.environ.pop("COLUMNS", None)
    # Programs that are started here have buffers, as at a terminal; who means otherwise says so.
    os.environ.pop("PYTHONUNBUFFERED", None)
    # The default draws the same examples in every run, so that a change is judged by what it changes;
    # new ones are looked for by --soak.
    hypothesis.settings.register_profile("default", deadline=None, max_examples=60, derandomize=True)
    hypothesis.settings.register_profile("soak", deadline=None, max_examples=5000)
    hypothesis.settings.load_profile("soak" if config.getoption("--soak") else "default")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs a server, and leave the long random runs out, unless --soak asks for them."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
    if config.getoption("--soak"):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_collection_finish() -> None:
    """Keep what the collection made out of every later garbage collection: it stays to the end.

    A rewrite collects after each share, and would look through twenty thousand tests each time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Do the same behind each folder: reports and what modules keep stay to the end too."""
    if nextitem is not None and nextitem.path.parent != item.path.parent:
        gc.collect()
        gc.freeze()


def pytest_report_header() -> list[str]:
    """Name the package under test and the servers that the tests of this run will ask."""
    pure = " (AOFTOOL_PURE)" if os.environ.get("AOFTOOL_PURE") else ""
    return [
        f"aoftool: {Path(aoftool.__file__).parent}{pure}",
        "servers: " + (", ".join(build.id for build in chosen_builds()) or "none"),
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Note on which servers a test ran; the properties of a report reach the process that sums up."""
    if call.when == "call":
        item.user_properties.append(("servers", sorted(USED)))
        USED.clear()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the tests of each server."""
    if report.when == "call" and not report.skipped:
        for name, value in report.user_properties:
            if name == "servers" and isinstance(value, list):
                RAN_ON.update(value)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say on which servers the tests ran, and which at hand no test asked."""
    terminalreporter.write_line(servers_line(RAN_ON))
    if REQUIRED:
        idle = [name for name in KERNELS if name not in sys.modules]
        terminalreporter.write_line(f"kernels that no test loaded: {', '.join(idle) or 'none'}")


def servers_line(ran_on: Counter[str]) -> str:
    """Return how many tests ran on each server of this machine, in words."""
    there = [build.id for build in find_builds()]
    shown = ", ".join(f"{name} {ran_on[name]}" for name in there if ran_on[name]) or "none"
    unasked = ", ".join(name for name in there if not ran_on[name])
    return f"tests by server: {shown}" + (f"; not asked: {unasked}" if unasked else "")


@pytest.fixture(params=server_params())
def server_build(request: pytest.FixtureRequest) -> Build:
    """Give every server of this machine in turn; narrow it by parametrising this very name."""
    build: Build = request.param
    return build


@pytest.fixture
def newest_build() -> Build:
    """Give the newest Valkey of this machine, else the newest Redis, for tests that need one server."""
    found = builds(kind="valkey") or builds()
    if not found:
        pytest.skip("no server on this machine")
    return found[-1]


@pytest.fixture(scope="session")
def _live_servers() -> Iterator[dict[str, Server]]:
    running: dict[str, Server] = {}
    yield running
    for server in running.values():
        server.remove()


@pytest.fixture
def live_server_of(_live_servers: dict[str, Server]) -> Callable[[Build], Server]:
    """Give a function from a build to a running, empty server; the tests of a run share the processes."""

    def get(build: Build) -> Server:
        server = _live_servers.get(build.id)
        if server is not None and not server.alive:
            # A test that ended it has failed; those behind it are to speak for themselves.
            server.remove()
            server = None
        if server is None:
            server = Server(build)
            server.start()
            _live_servers[build.id] = server
        server.empty()
        return server

    return get


@pytest.fixture
def live_server(server_build: Build, live_server_of: Callable[[Build], Server]) -> Server:
    """Give a running, empty server of `server_build`; the process is shared by the tests of a run."""
    return live_server_of(server_build)


@pytest.fixture
def stack(live_server_of: Callable[[Build], Server]) -> Server:
    """Give a running, empty Redis that loads modules; skip without one."""
    return live_server_of(require_build("redis-stack-7.4"))


@pytest.fixture
def start_server() -> Iterator[Callable[..., Server]]:
    """Give a function `(build, **options of Server) -> Server` that starts fresh processes."""
    started: list[Server] = []

    def start(build: Build, **options: Any) -> Server:
        server = Server(build, **options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.remove()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """Give a store of objects of the module's own."""
    with running_s3() as store:
        yield store


@pytest.fixture
def store(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """Give the store with the environment that leads there, without faults and as if never asked."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.proxy_url)
    monkeypatch.setattr(stores, "_stores", {})
    s3.faults.pending.clear()
    s3.faults.ranges = s3.faults.largest_bytes = 0
    s3.faults.before = None
    yield s3
    release_files()

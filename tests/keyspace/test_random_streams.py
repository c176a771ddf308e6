"""Random command streams end as on the server that loads them, whatever fails in between."""

from __future__ import annotations

import pytest

from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.flavour import flavour_named
from aoftool.keyspace.refusal import ReplayStopError
from tests.keyspace.datasets import Loader, dataset_of, differences, flavour_of
from tests.keyspace.random_commands import Argv, Commands
from tests.servers import Build, server_params

DATABASES = 64


def without_stops(commands: list[Argv], flavour: str) -> list[Argv]:
    """Return the stream without what the engine stops at (with its transaction, if it stands in one)."""
    while True:
        keyspace = Keyspace(flavour, DATABASES)
        at = 0
        try:
            for at, argv in enumerate(commands):  # noqa: B007 - the index is what is asked for
                keyspace.execute(argv)
            return commands
        except ReplayStopError:
            start = at
            if commands[at][0] == b"EXEC":
                while commands[start][0] != b"MULTI":
                    start -= 1
            commands = commands[:start] + commands[at + 1 :]


# Relative times and times of delivery are counted from the clock of each side.
TOLERANCE_MS = 60_000


def compare(build: Build, seeds: range, count: int, kinds: str = "", tolerance_ms: int = 0) -> None:
    flavour = flavour_of(build)
    loader = Loader(build, DATABASES)
    try:
        for seed in seeds:
            stream = Commands(seed, flavour_named(flavour), kinds=kinds).stream_of(count)
            commands = without_stops(stream, flavour)
            keyspace = Keyspace(flavour, DATABASES)
            keyspace.execute_all(commands)
            server = loader.load(commands)
            assert server is not None, f"the server died of seed {seed}"
            found = differences(dataset_of(keyspace), server, tolerance_ms)
            assert not found, f"seed {seed}, {count} commands of {kinds or 'every kind'}:\n" + "\n".join(
                found
            )
    finally:
        loader.close()


@pytest.mark.parametrize("server_build", server_params())
def test_mixed_streams_end_as_on_the_server(server_build: Build) -> None:
    compare(server_build, range(16), 200)


@pytest.mark.parametrize(
    "kinds",
    ["string counter bits", "list set sort", "zset zstore geo set", "hash field", "stream group", "idmp"],
)
@pytest.mark.parametrize("server_build", server_params())
def test_streams_of_one_type_end_as_on_the_server(server_build: Build, kinds: str) -> None:
    compare(server_build, range(100, 103), 250, f"{kinds} key")


@pytest.mark.parametrize("kinds", ["stream group delivery delivery", "string relative hash"])
@pytest.mark.parametrize("server_build", server_params())
def test_results_that_depend_on_the_clock_end_close_to_the_servers(server_build: Build, kinds: str) -> None:
    compare(server_build, range(200, 203), 250, kinds, TOLERANCE_MS)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("server_build", server_params())
def test_many_long_streams_end_as_on_the_server(server_build: Build) -> None:
    compare(server_build, range(10_000, 11_000), 1000)

"""Every recorded sample of what servers write, and of what they load, ends as on the server itself."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from aoftool.keyspace.engine import Keyspace
from aoftool.keyspace.refusal import ReplayStopError
from tests.corpus import corpus_root
from tests.keyspace.datasets import Loader, dataset_of, differences, flavour_of
from tests.servers import Build, server_params

DATABASES = 1000
# The samples hold relative times, which each side counts from its own clock.
TOLERANCE_MS = 60_000
# These reach beyond the selected database, so their samples are loaded alone.
FAR_REACHING = frozenset(
    {b"SELECT", b"SWAPDB", b"MOVE", b"COPY", b"FLUSHALL", b"FUNCTION", b"EVAL", b"RESET", b"MULTI", b"EXEC"}
)


@functools.cache
def samples() -> list[dict[str, Any]]:
    root = corpus_root()
    path = None if root is None else root.parent / "reference" / "propagation-samples.json"
    if path is None or not path.exists():
        pytest.skip("the recorded samples are not here")
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return found


def commands_of(sample: dict[str, Any]) -> list[list[bytes]]:
    """Return a sample's set-up and what the server wrote, as one log."""
    commands: list[list[bytes]] = []
    for item in [*sample["setup"], *sample["aof"]]:
        if isinstance(item, str) or item[0].startswith("#"):
            continue
        argv = [word.encode("latin-1") for word in item]
        if argv[0].upper() == b"XADD":
            # An ID made from the clock would differ on both sides.
            argv = [b"%d-1" % (len(commands) + 1) if word == b"*" else word for word in argv]
        commands.append(argv)
    return commands


def is_replayable(sample: dict[str, Any]) -> bool:
    items = [*sample["setup"], *sample["aof"]]
    if any(item[:2] == ["CLUSTER", "FLUSHSLOT"] for item in items):
        return False  # the servers here are no cluster nodes and refuse it
    waits = any(not isinstance(item, str) and item[0] == "(blocked client)" for item in items)
    return not (waits or sample.get("config") or sample.get("raw_items") or not items)


def stops(commands: list[list[bytes]], build: Build) -> ReplayStopError | None:
    """Return why the engine would not replay these commands, None when it does, to the end."""
    keyspace = Keyspace(flavour_of(build), DATABASES)
    try:
        keyspace.execute_all(commands)
    except ReplayStopError as stop:
        return stop
    return None


def of_server(build: Build, *kinds: str) -> list[dict[str, Any]]:
    version = ".".join(map(str, build.version))
    return [s for s in samples() if s["server"] == version and s["kind"] in kinds and is_replayable(s)]


def open_transaction(commands: list[list[bytes]]) -> bool:
    names = [argv[0].upper() for argv in commands]
    return names.count(b"MULTI") > names.count(b"EXEC")


def logs(build: Build) -> Iterator[tuple[str, list[list[bytes]]]]:
    """Yield what to load: one long log of the samples that keep to their database, then each other."""
    together: list[list[bytes]] = []
    used = 0
    for sample in of_server(build, "propagation", "load"):
        commands = commands_of(sample)
        if stops(commands, build) or open_transaction(commands):
            continue
        if {argv[0].upper() for argv in commands} & FAR_REACHING:
            yield sample["case"], commands
        else:
            together += [[b"SELECT", b"%d" % used], *commands]
            used += 1
    yield "all others", together


@pytest.mark.corpus
@pytest.mark.parametrize("server_build", server_params())
def test_sample_ends_as_on_the_server(server_build: Build) -> None:
    loader = Loader(server_build, DATABASES)
    try:
        failures = []
        for name, commands in logs(server_build):
            keyspace = Keyspace(flavour_of(server_build), DATABASES)
            keyspace.execute_all(commands)
            server = loader.load(commands)
            assert server is not None, f"the server died of {name}"
            failures += [f"{name}: {d}" for d in differences(dataset_of(keyspace), server, TOLERANCE_MS)]
    finally:
        loader.close()

    assert not failures, "\n".join(failures)


@pytest.mark.corpus
@pytest.mark.parametrize("server_build", server_params())
def test_replay_stops_where_the_server_did_not_start_and_at_what_nobody_can_follow(
    server_build: Build,
) -> None:
    for sample in of_server(server_build, "load"):
        stop = stops(commands_of(sample), server_build)

        if not sample["started"]:
            assert stop is not None, sample["case"]
        elif stop is not None:
            assert stop.reason in ("opaque", "module", "random"), sample["case"]

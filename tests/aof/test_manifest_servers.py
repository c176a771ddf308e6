"""Random manifests are read, or refused in the same words, by real servers and by us.

A server that reads a manifest stops at the first file it cannot find, which shows the name it read.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from aoftool.aof.manifest import Manifest, parse_manifest
from aoftool.escape import unprintable
from aoftool.quoting import Quoting
from tests.servers import Build, Outcome, Server, server_params

GOOD = (
    b"file a seq 1 type b\n",
    b"file b seq 1 type i\n",
    b"file c seq 2 type i\n",
    b"file d seq 1 type h\n",
    b"# hello\n",
)
PIECES = (b"file ", b"seq ", b"type ", b"b ", b"i ", b"h ", b"1 ", b"2 ", b"-4 ", b"+5 ", b"FILE ", b"xx")
ODD = (b"\n", b"\r\n", b"#", b'"', b"'", b"\\", b"\\x41", b"\0", b" ", b"\t", b"\v", b"\f", b"/", b"#" * 1000)
UNFOUND = re.compile(r"Unable to obtain the AOF file (.*?) length", re.DOTALL)


def random_manifest(rng: random.Random) -> bytes:
    """Return a manifest with a few faults, or one thrown together of pieces."""
    if rng.random() < 0.3:
        return b"".join(rng.choice(PIECES + ODD) for _ in range(rng.randrange(12))) + b"\n"
    raw = bytearray(b"".join(rng.choice(GOOD) for _ in range(rng.randrange(1, 4))))
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(raw) + 1)
        raw[at : at + rng.randrange(3)] = rng.choice(PIECES + ODD)
    return bytes(raw)


def agree(manifest: Manifest, outcome: Outcome) -> bool:
    if manifest.problem is not None:
        told = [unprintable(line).decode("latin-1") for line in manifest.problem.server_log]
        told = [line for line in told if not line.startswith(">>>")]  # long lines are cut
        return not outcome.loaded and all(line in outcome.log for line in told)
    if not manifest.load_order:
        return outcome.loaded
    name = manifest.load_order[0].name.decode("latin-1")
    found = UNFOUND.search(outcome.log)
    return not outcome.loaded and (name == "" or len(name) > 255 or (found is not None and found[1] == name))


def run(build: Build, start: Callable[..., Server], folder: Path, seed: int, count: int) -> None:
    rng = random.Random(seed)
    joins = build.kind == "valkey" and build.version >= (9,)
    quoting = Quoting.JOINED if joins else Quoting.SEPARATE
    log = folder / "appendonlydir"
    log.mkdir()
    for _ in range(count):
        raw = random_manifest(rng)
        (log / "appendonly.aof.manifest").write_bytes(raw)

        server = start(build, source=folder)
        outcome = server.outcome
        server.remove()

        assert outcome is not None
        assert agree(parse_manifest(raw, quoting=quoting), outcome), (raw, outcome.log)


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_random_manifests_are_read_as_servers_read_them(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    run(server_build, start_server, tmp_path, seed=1, count=15)


@pytest.mark.soak
@pytest.mark.parametrize("server_build", server_params(since="7.0"))
def test_many_random_manifests_are_read_as_servers_read_them(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    run(server_build, start_server, tmp_path, seed=2, count=300)

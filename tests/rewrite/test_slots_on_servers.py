"""What servers record of emptied slots of a cluster: their logs are healthy, and rewritten load equal.

TRIMSLOTS is for slots that a node no longer serves (Redis 8.4), CLUSTER FLUSHSLOT for those that it does
(Valkey 9.0). No server that can be had here has SFLUSH: `tests/keyspace/test_slots.py` holds what is public.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aoftool.cli.app import run
from aoftool.rewrite.model import RewriteOptions
from tests.oracle import digest
from tests.reloading import live_file
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server, server_params

KEYS = [b"foo", b"{foo}x", b"bar", b"a", b"b", b"c"]
NONE_SERVED = {"cluster-enabled": "yes", "cluster-require-full-coverage": "no"}
LAST_SLOT = 16383


@pytest.fixture
def node(server_build: Build) -> Iterator[Server]:
    """Give a node that serves every slot, with nothing in them."""
    with Server(server_build, databases=1, settings=NONE_SERVED) as server:
        server.send("CLUSTER", "ADDSLOTSRANGE", "0", LAST_SLOT)
        deadline = time.monotonic() + server.timeout_s
        while b"cluster_state:ok" not in server.send("CLUSTER", "INFO"):
            assert time.monotonic() < deadline, "the node does not come up"
            time.sleep(0.1)
        yield server


def fill(server: Server) -> None:
    for number, key in enumerate(KEYS):
        server.send("SET", key, number)
        server.send("RPUSH", key + b":l{" + key.strip(b"{}x") + b"}", "a", "b")


def holds_what_was_recorded(node: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hold a log to be healthy, its keys to be those of the server, and what is rewritten to load equal."""
    left = sorted(node.send("KEYS", "*"))
    path = tmp_path / "log"
    shutil.copytree(node.log_directory, path)
    node.send("DEBUG", "LOADAOF")
    before = digest(node)
    assert sorted(node.send("KEYS", "*")) == left

    assert run(["check", "--level", "deep", str(path)]) == 0
    assert run(["fix", "--salvage", "--dry-run", str(path)]) == 0
    capsys.readouterr()
    assert run(["keys", "--json", str(path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(row["key"].encode() for row in rows) == left
    contents, _, _ = rewritten(path, RewriteOptions(databases=1))
    for form in FORMATS:
        live = live_file(node)
        for part in node.log_directory.glob("*.base.*"):
            part.write_bytes(b"")
        live.write_bytes(contents[form])
        node.send("DEBUG", "LOADAOF")
        assert digest(node) == before


@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.4"), ids=str)
def test_trimmed_slots(node: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One range, several, out of order, of one slot, and without a key."""
    fill(node)
    node.send("CLUSTER", "DELSLOTSRANGE", 5000, LAST_SLOT)
    for ranges in ([12182, 12182], [15000, 16000, 5000, 6000], [7000, 7000, 7365, 7365]):
        node.send("TRIMSLOTS", "RANGES", len(ranges) // 2, *ranges)

    assert 0 < node.send("DBSIZE") < 2 * len(KEYS)
    assert live_file(node).read_bytes().count(b"TRIMSLOTS") >= 2
    holds_what_was_recorded(node, tmp_path, capsys)


@pytest.mark.parametrize("server_build", server_params(kind="valkey", since="9.0"), ids=str)
def test_flushed_slots(node: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(node)
    for slot, how in ((12182, []), (5061, ["SYNC"]), (15495, ["ASYNC"]), (1, [])):
        node.send("CLUSTER", "FLUSHSLOT", slot, *how)

    assert 0 < node.send("DBSIZE") < 2 * len(KEYS)
    assert live_file(node).read_bytes().count(b"FLUSHSLOT") == 3
    holds_what_was_recorded(node, tmp_path, capsys)

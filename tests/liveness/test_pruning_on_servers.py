"""A log without its dead commands loads to the same state, on real servers."""

from __future__ import annotations

import random

import pytest

from tests import builders
from tests.liveness.pruning import decided, pruned
from tests.oracle import assert_same_state
from tests.random_logs import Mix, random_log
from tests.reloading import reload
from tests.servers import Build, Server

SEEDS = 40
SOAK_SEEDS = 3000


def check(server: Server, seed: int, mix: Mix) -> None:
    log = random_log(seed, server.build, 50 + seed % 250, mix)
    cut = random.Random(seed).randrange(len(log) // 2, len(log) + 1)
    whole = [argv for argv in log[:cut] if argv[0] not in (b"MULTI", b"EXEC")]

    for commands in (log, whole):
        left = pruned(decided(commands), commands)

        before = reload(server, builders.log(*commands))
        assert_same_state(before, reload(server, builders.log(*left)))


@pytest.mark.parametrize("part", range(4))
def test_pruned_random_logs_load_to_the_same_state(live_server: Server, part: int) -> None:
    for seed in range(part, SEEDS, 4):
        check(live_server, seed, Mix(keys=6 + seed % 8))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_pruned_random_logs_load_to_the_same_state_soak(live_server: Server) -> None:
    for seed in range(SEEDS, SEEDS + SOAK_SEEDS):
        check(live_server, seed, Mix(keys=4 + seed % 12))


def test_wrong_rules_are_caught(server_build: Build) -> None:
    """The generator can tell good rules from bad ones: treat GETSET as a replacement and see it fail."""
    bad = 0
    with Server(server_build, databases=16) as server:
        for seed in range(200):
            log = random_log(seed, server_build, 150, Mix(keys=3, databases=1))
            claimed = [[b"SET", *argv[1:]] if argv[0] == b"GETSET" else argv for argv in log]
            left = pruned(decided(claimed), log)
            if reload(server, builders.log(*log)) != reload(server, builders.log(*left)):
                bad += 1
                break
    assert bad

"""Logs that live servers recorded: rewritten in either form, they load to the state of the original."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.rewrite.recording import KINDS, Recording, record_at_random
from tests.servers import Server, builds

LOGS = 300
STEPS = 16
SOAK_LOGS = int(os.environ.get("AOFTOOL_SOAK_LOGS", "1000"))
SOAK_COMMANDS = 5000

_PLACES = st.integers(0, 10_000)
_COUNTS = st.integers(1, 20)
_DATABASES = st.integers(0, 5)
_REWRITES = 1


def machine_of(server: Server, directory: Path) -> type[RuleBasedStateMachine]:
    """Return a machine that drives one server; each of its runs is one log."""

    class LiveLog(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.recording = Recording(server, directory)
            self.rewrites = 0

        @rule(kind=st.sampled_from(KINDS), place=_PLACES, count=_COUNTS)
        def commands(self, kind: str, place: int, count: int) -> None:
            self.recording.run(self.recording.drawn(kind, place, count))

        @rule(kind=st.sampled_from(KINDS), place=_PLACES, count=_COUNTS, db=_DATABASES)
        def commands_elsewhere(self, kind: str, place: int, count: int, db: int) -> None:
            self.recording.run(self.recording.drawn(kind, place, count), db)

        @rule(kind=st.sampled_from(KINDS), place=_PLACES, count=_COUNTS)
        def transaction(self, kind: str, place: int, count: int) -> None:
            self.recording.transaction(self.recording.drawn(kind, place, count))

        @rule(place=_PLACES)
        def whole_databases(self, place: int) -> None:
            self.recording.run(self.recording.drawn("whole", place, 1))

        @precondition(lambda self: self.rewrites < _REWRITES)
        @rule(preamble=st.booleans())
        def rewrite(self, preamble: bool) -> None:
            self.rewrites += 1
            self.recording.rewrite(preamble=preamble)

        @rule()
        def annotate(self) -> None:
            self.recording.annotate()

        def teardown(self) -> None:
            with self.recording as recording:
                recording.check()

    return LiveLog


def test_recorded_logs_end_as_their_rewrites(live_server: Server, tmp_path: Path) -> None:
    logs = -(-LOGS // len(builds()))

    run_state_machine_as_test(
        machine_of(live_server, tmp_path),
        settings=settings(
            max_examples=logs,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_long_recorded_logs_end_as_their_rewrites(live_server: Server, tmp_path: Path) -> None:
    different: list[str] = []
    recorded = 0
    for seed in range(SOAK_LOGS):
        with Recording(live_server, tmp_path) as recording:
            record_at_random(recording, seed, SOAK_COMMANDS)
            recorded += recording.recorded
            try:
                recording.check()
            except AssertionError as error:
                shutil.copytree(tmp_path / "log", tmp_path / f"different-{seed}")
                different.append(f"{seed}: {error}")
        if seed % 100 == 99:
            print(f"{live_server.build}: {seed + 1} logs, {recorded} commands, {len(different)} different")

    assert not different, "\n".join(different)
    assert recorded >= SOAK_LOGS * SOAK_COMMANDS

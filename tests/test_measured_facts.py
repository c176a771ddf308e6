"""Real servers still do with the corpus what its facts say: the ground that other tests stand on.

A long run (some hundred server starts), so only with --soak.
"""

from __future__ import annotations

import pytest

from tests.corpus import Case, cases
from tests.oracle import digest
from tests.servers import Build, Server, find_builds

MEASURED = [
    pytest.param(
        build, case, id=f"{build}-{case.part}-{case}", marks=[pytest.mark.server, pytest.mark.corpus]
    )
    for case in (*cases("recorded"), *cases("damaged"))
    for build in find_builds()
    if case.after_load(build.id).get("loads") is not None
]


@pytest.mark.soak
@pytest.mark.parametrize(("build", "case"), MEASURED)
def test_server_loads_or_refuses_as_measured(build: Build, case: Case) -> None:
    measured = case.after_load(build.id)

    with Server(build, source=case.source) as server:
        outcome = server.outcome
        assert outcome is not None
        assert outcome.loaded == measured["loads"], outcome.log[-1000:]
        if outcome.loaded:
            assert digest(server) == measured["digest"]

    if isinstance(measured.get("exit"), int):
        assert (outcome.exit_status or -(outcome.signal or 0)) == measured["exit"]

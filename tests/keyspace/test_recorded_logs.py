"""Whole recorded logs, RDB bases with them, end as on the server that wrote them."""

from __future__ import annotations

import pytest

from aoftool.keyspace.refusal import OpaqueCommandError
from tests.corpus import FIXTURES, Case, case_params
from tests.keyspace.datasets import Loader, dataset_of, differences, flavour_of
from tests.keyspace.replaying import replay
from tests.servers import require_build

DATABASES = 64


def compare(case: Case) -> None:
    build = require_build(case.server)
    try:
        replayed = replay(case.source, flavour_of(build), DATABASES)
    except OpaqueCommandError as stop:
        pytest.skip(f"nobody can replay this: {stop}")
    loader = Loader(build, DATABASES)
    try:
        server = loader.load_files(replayed.base, replayed.rest)
    finally:
        loader.close()

    assert server is not None
    engine = dataset_of(replayed.keyspace)
    if replayed.has_functions:
        engine.libraries = server.libraries
    assert not differences(engine, server)


@pytest.mark.server
@pytest.mark.parametrize("case", case_params("recorded", root=FIXTURES))
def test_small_recorded_log_ends_as_on_its_server(case: Case) -> None:
    compare(case)


@pytest.mark.server
@pytest.mark.soak
@pytest.mark.parametrize("case", case_params("recorded"))
def test_recorded_log_ends_as_on_its_server(case: Case) -> None:
    compare(case)

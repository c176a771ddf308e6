"""VADD with CAS for a set that has elements ends every Redis that has vector sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Outcome
from tests.builders import command, log, select
from tests.servers import Build, Server, server_params


@pytest.mark.parametrize("twice", [True, False], ids=["has-elements", "is-new"])
@pytest.mark.parametrize("server_build", server_params(kind="redis", since="8.0"))
def test_the_server_ends_as_foretold(server_build: Build, twice: bool, tmp_path: Path) -> None:
    made = command("VADD", "v", "VALUES", 2, 1, 2, "a")
    content = log(select(0), *[made] * twice, command("VADD", "v", "VALUES", 2, 1, 3, "b", "CAS"))
    path = tmp_path / "appendonly.aof"
    path.write_bytes(content)
    server = Server(server_build)
    server.place_aof(content)
    try:
        loaded = server.start().loaded
    finally:
        server.remove()

    foretold = check(find_log(str(path))).outcome(server_build.release).outcome
    assert loaded == (not twice)
    assert (foretold is Outcome.LOAD) == loaded

"""A base of commands that is empty: what servers leave that have no keys."""

from __future__ import annotations

import pytest

from aoftool.cli.app import run
from tests.servers import Build, Server, server_params


@pytest.mark.server
@pytest.mark.parametrize("server_build", server_params(since="7.0"))
@pytest.mark.parametrize("rewritten", [False, True], ids=["fresh", "rewritten"])
def test_a_server_without_keys_leaves_a_healthy_log(
    server_build: Build, rewritten: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(server_build, settings={"aof-use-rdb-preamble": "no"}) as server:
        if rewritten:
            server.rewrite()
        server.send("SET", "k", "v")
        bases = list(server.log_directory.glob("*.base.aof"))
        assert [path.stat().st_size for path in bases] == [0]

        assert run(["check", str(server.log_directory)]) == 0
        assert "empty-resp-base" in capsys.readouterr().out
        assert run(["inspect", str(server.log_directory)]) == 0
        assert run(["fix", "--dry-run", str(server.log_directory)]) == 0
        assert run(["keys", str(server.log_directory)]) == 0
        assert "k" in capsys.readouterr().out

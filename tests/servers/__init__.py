"""Real servers as the oracle of the tests: find them, run them on files, talk to them.

Knows where servers may be, how to give one a log, and how to tell that it loaded the log or died.
Refuses to know what the data should be; that is `tests/oracle.py`.

A test names the servers it ran on by its id. Three ways to get one:

* the fixture `live_server` (one running server for each build, emptied between tests),
* the fixture `start_server(build, source=..., settings=...)` (a fresh process, stopped after the test),
* `require_build("valkey-9")` to pick one build or skip the test.

`@pytest.mark.parametrize("server_build", server_params(since="7.0"))` narrows the builds of a test.
"""

from tests.servers.discovery import (
    SERVERS_VARIABLE,
    Build,
    builds,
    chosen_builds,
    find_build,
    find_builds,
    require_build,
    server_params,
)
from tests.servers.files import file_sizes, find_manifest
from tests.servers.process import USED, Outcome, Server, ServerDied

__all__ = [
    "SERVERS_VARIABLE",
    "USED",
    "Build",
    "Outcome",
    "Server",
    "ServerDied",
    "builds",
    "chosen_builds",
    "file_sizes",
    "find_build",
    "find_builds",
    "find_manifest",
    "require_build",
    "server_params",
]

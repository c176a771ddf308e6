"""The table of module commands says what a server with modules says, and marks what it only read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aoftool.commands.modules import module_command, module_names, module_of
from tests.corpus import CHECKOUT
from tests.servers import require_build

TOOL = CHECKOUT / "tools" / "measure_modules.py"


@pytest.mark.server
def test_the_server_agrees() -> None:
    build = require_build("redis-stack-7.4")
    done = subprocess.run(
        [sys.executable, TOOL, build.path], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 differences" in done.stdout


def test_what_no_server_told_is_marked() -> None:
    measured = {
        module_of(name) for name in module_names() if (found := module_command(name)) and found.is_measured
    }

    assert measured == {"RedisJSON", "RedisTimeSeries", "RedisBloom", "RediSearch"}

"""Where it matters which of several possible releases wrote a log."""

from __future__ import annotations

import pytest

from aoftool.replay.differences import rivals
from aoftool.replay.evidence import added
from aoftool.replay.writer import find_writer


@pytest.mark.parametrize(
    ("line", "several"),
    [
        ("SET a 1", False),
        ("HSET h f v", False),
        ("ZADD z 1 m", False),
        ("ZADD z -0 m", True),
        ("XDEL s 1-1", True),
        ("XCLAIM s g c 0 1-1 TIME 1 RETRYCOUNT 1 FORCE JUSTID", True),
        ("HPEXPIREAT h 5 FIELDS 1 f", True),
    ],
)
def test_only_commands_that_releases_treat_otherwise_make_rivals(line: str, several: bool) -> None:
    argv = line.encode().split(b" ")
    evidence = added([argv])
    writer = find_writer({}, evidence)

    found = rivals(writer, [argv[0]], evidence)

    assert found[0] is writer.release
    assert (len(found) > 1) is several

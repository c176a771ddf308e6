"""Chosen commands written as a log: servers load it and hold what they should."""

from __future__ import annotations

from pathlib import Path

import pytest

from aoftool.analysis.commands.filter import CommandFilter
from aoftool.analysis.commands.listing import CommandListing
from aoftool.analysis.commands.loadable import LoadableLog
from aoftool.aof.layout import find_log
from tests.builders import log, select, transaction
from tests.corpus import FIXTURES
from tests.oracle import assert_same_state
from tests.reloading import reload
from tests.servers import Server, server_params


def loadable(path: Path, wanted: CommandFilter | None = None) -> tuple[bytes, LoadableLog]:
    listing = CommandListing(find_log(path), wanted or CommandFilter(), keep=None)
    made = LoadableLog(listing, listing.end)
    return b"".join(made), made


def test_framing_is_made_anew_for_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(
        log(
            select(2),
            ("SET", "a", 1),
            transaction(select(3), ("SET", "b", 1), ("SET", "a", 2), ("SET", "c", 3)),
            transaction(("SET", "a", 3), ("SET", "b", 2)),
            ("DEL", "b"),
        )
    )

    content, made = loadable(path, CommandFilter(keys=frozenset((b"a", b"c"))))

    assert content == log(
        select(2), ("SET", "a", 1), ("MULTI",), select(3), ("SET", "a", 2), ("SET", "c", 3), ("EXEC",),
        ("SET", "a", 3),
    )  # fmt: skip
    assert made.commands == 4


def test_a_transaction_without_exec_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.aof"
    path.write_bytes(log(("SET", "a", 1), ("MULTI",), ("SET", "a", 2), ("SET", "b", 2)))

    content, made = loadable(path)

    assert content == log(("SET", "a", 1))
    assert made.dropped == 2


@pytest.mark.parametrize("server_build", server_params(since="7.0"))
@pytest.mark.parametrize("name", ["databases", "lua-functions", "timestamps-flushall"])
def test_a_log_written_anew_loads_to_the_same_data(live_server: Server, name: str) -> None:
    source = FIXTURES / "recorded" / "redis-7.0.15" / name
    whole = b"".join(path.read_bytes() for path in sorted(source.rglob("*.incr.aof")))

    content, _ = loadable(source)

    expected = reload(live_server, whole)
    assert_same_state(expected, reload(live_server, content))
    assert any(expected.sizes.values())

"""Every recorded sample of what servers write, and of what they load, survives a rewrite in either form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aoftool.rewrite.model import RewriteOptions
from tests import builders
from tests.keyspace.test_samples import DATABASES, TOLERANCE_MS, logs
from tests.oracle import KeyState, State, assert_same_state
from tests.reloading import reload
from tests.rewrite.rewriting import FORMATS, rewritten
from tests.servers import Build, Server


def nearly(left: int | None, right: int | None) -> int | None:
    """Return the left time when the right one is close to it: both count from the clock of their load."""
    if left is None or right is None or abs(left - right) > TOLERANCE_MS:
        return right
    return left


def with_clock_of(left: State, right: State) -> State:
    """Return the right state with the times of the left one where they are close."""
    databases = {
        db: {key: _key(left.databases.get(db, {}).get(key), state) for key, state in keys.items()}
        for db, keys in right.databases.items()
    }
    return replace(right, databases=databases)


def _key(left: KeyState | None, right: KeyState) -> KeyState:
    if left is None or left.type != right.type:
        return right
    fields = {
        name: nearly(left.field_expire_at_ms.get(name), at) or at
        for name, at in right.field_expire_at_ms.items()
    }
    value = _stream(left.value, right.value) if right.type == "stream" else right.value
    return replace(
        right,
        value=value,
        expire_at_ms=nearly(left.expire_at_ms, right.expire_at_ms),
        field_expire_at_ms=fields,
    )


def _stream(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    groups = {}
    for name, group in right["groups"].items():
        times = {row[0]: row[2] for row in left["groups"].get(name, {}).get("pending", ())}
        pending = [(row[0], row[1], nearly(times.get(row[0]), row[2]), *row[3:]) for row in group["pending"]]
        groups[name] = {**group, "pending": pending}
    return {**right, "groups": groups}


@pytest.mark.corpus
def test_samples_load_alike_before_and_after(
    server_build: Build, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    # The states are read over one connection for each database.
    server = start_server(server_build, databases=DATABASES, settings={"maxclients": str(DATABASES + 50)})
    path = tmp_path / "log.aof"

    for name, commands in logs(server_build):
        content = builders.log(*commands)
        path.write_bytes(content)
        before = reload(server, content)
        contents, _, _ = rewritten(
            path, RewriteOptions(target=server_build.id, written_by=server_build.id, databases=DATABASES)
        )

        for form in FORMATS:
            after = with_clock_of(before, reload(server, contents[form]))
            try:
                assert_same_state(before, after)
            except AssertionError as error:
                raise AssertionError(f"{name} as {form.value}: {error}") from None

"""Hold the data of one release against what another release can hold and tell of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.oracle import KeyState, State, diff_states, keeps_field_times
from tests.servers import Build


def differences(left: State, one: Build, right: State, other: Build) -> list[str]:
    """List what is different in what both releases can hold and tell; digests are of one release only."""
    shown = [{name for key in _streams(state) for name in key} for state in (left, right)]
    in_groups = [
        {name for key in _streams(state) for group in key["groups"].values() for name in group}
        for state in (left, right)
    ]
    narrowed = [
        _narrowed(state, (one, other), shown[0] & shown[1], in_groups[0] & in_groups[1])
        for state in (left, right)
    ]
    return diff_states(*narrowed)


def _streams(state: State) -> list[dict[str, Any]]:
    return [key.value for keys in state.databases.values() for key in keys.values() if key.type == "stream"]


def _narrowed(state: State, pair: tuple[Build, Build], shown: set[str], in_groups: set[str]) -> State:
    field_times = all(map(keeps_field_times, pair))

    def key_state(key: KeyState) -> KeyState:
        value = key.value
        if key.type == "stream":
            value = {name: part for name, part in value.items() if name in shown}
            value["groups"] = {
                name: {what: part for what, part in group.items() if what in in_groups}
                for name, group in key.value["groups"].items()
            }
        return replace(key, value=value, field_expire_at_ms=key.field_expire_at_ms if field_times else {})

    return replace(
        state,
        databases={
            db: {name: key_state(key) for name, key in keys.items()} for db, keys in state.databases.items()
        },
        functions=state.functions if all(build.multi_part for build in pair) else {},
    )

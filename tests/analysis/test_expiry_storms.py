"""An expiry storm of the past is one event with its cause, however many pieces the log shows it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.audit.audit import audit_log
from aoftool.analysis.audit.losses import add_losses
from aoftool.analysis.audit.model import Audit, AuditCode
from aoftool.aof.layout import find_log
from tests.builders import log, timestamp

DUE_S = 1_700_000_100
KEYS = 700


def stormy(*, deleted_s: int, spread: int = 0, delete: str = "DEL", keys: int = KEYS) -> list[Any]:
    """Return a log whose keys are due in one second, and deleted from another one on, in hundreds."""
    commands: list[Any] = [timestamp(DUE_S - 100)]
    for number in range(keys):
        due_ms = (DUE_S + (number if spread else 0)) * 1000 + number % 1000
        commands.append(("SET", f"sess:{number}", "v", "PXAT", due_ms))
    for number in range(keys):
        if number % 100 == 0:
            commands += [timestamp(deleted_s + number // 100), ("SET", "other", number)]
        commands.append((delete, f"sess:{number}"))
    return commands


def audited(tmp_path: Path, commands: list[Any]) -> Audit:
    path = tmp_path / "a.aof"
    path.write_bytes(log(*commands))
    found = find_log(str(path))
    audit = audit_log(found)
    add_losses(audit, found)
    return audit


def test_a_storm_in_seven_pieces_is_one_event_with_its_cause(tmp_path: Path) -> None:
    audit = audited(tmp_path, stormy(deleted_s=DUE_S))

    (event,) = audit.events
    assert event.code is AuditCode.EXPIRY_STORM
    assert audit.counts == {AuditCode.EXPIRY_STORM: 1}
    assert "700 keys due within one second, 2023-11-14 22:15:00Z" in event.text
    assert "700 SET gave that same second" in event.text
    assert event.commands == KEYS
    assert event.loss is not None
    assert event.loss.by_prefix == ((b"sess:", KEYS),)
    assert event.last is not None
    assert event.last.argv[1] == b"sess:699"


def test_pieces_beyond_those_that_are_kept_are_no_runs_either(tmp_path: Path) -> None:
    audit = audited(tmp_path, stormy(deleted_s=DUE_S, keys=70 * 100))

    assert [event.code for event in audit.events] == [AuditCode.EXPIRY_STORM]
    assert audit.counts == {AuditCode.EXPIRY_STORM: 1}


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param(stormy(deleted_s=DUE_S - 50), id="deleted by a client before its time"),
        pytest.param(stormy(deleted_s=DUE_S + KEYS, spread=1), id="due in many seconds"),
        pytest.param(stormy(deleted_s=DUE_S, delete="del"), id="spelled as clients do"),
    ],
)
def test_other_deletions_are_no_storm(commands: list[Any], tmp_path: Path) -> None:
    audit = audited(tmp_path, commands)

    assert {event.code for event in audit.events} == {AuditCode.DELETE_RUN}


def test_times_of_fields_are_no_cause(tmp_path: Path) -> None:
    given: list[Any] = [("HSET", "h", "f", "v")]
    given += [("HPEXPIREAT", "h", (DUE_S * 1000), "FIELDS", 1, "f")] * (KEYS + 1)

    audit = audited(tmp_path, [*given, *stormy(deleted_s=DUE_S)])

    (event,) = (event for event in audit.events if event.code is AuditCode.EXPIRY_STORM)
    assert "700 SET gave that same second" in event.text

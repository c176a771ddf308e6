"""What clients could do with less: SET and its expire time apart, and values that were there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aoftool.analysis.audit.audit import audit_log
from aoftool.analysis.audit.losses import add_losses
from aoftool.analysis.audit.model import AuditCode
from aoftool.aof.layout import find_log
from tests.builders import log

WASTEFUL = {AuditCode.SET_THEN_EXPIRE, AuditCode.SAME_VALUE}


def pairs(count: int, *between: Any) -> list[Any]:
    found: list[Any] = []
    for number in range(count):
        key = f"sess:{number}"
        found += [("SET", key, "v"), *between, ("PEXPIREAT", key, 4_000_000_000_000 + number)]
    return found


CASES = {
    "expire times apart": (pairs(120), {AuditCode.SET_THEN_EXPIRE: 120}),
    "another command between": (pairs(120, ("INCR", "n")), {}),
    "too few": (pairs(50), {}),
    "the same value": ([("SET", f"k:{n % 10}", "v") for n in range(150)], {AuditCode.SAME_VALUE: 140}),
    "another value": ([("SET", f"k:{n % 10}", n) for n in range(150)], {}),
    "lost among others": ([*pairs(120), *[("INCR", "n")] * 3000], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_habits_are_told_from_what_only_looks_so(name: str, tmp_path: Path) -> None:
    commands, expected = CASES[name]
    path = tmp_path / "a.aof"
    path.write_bytes(log(*commands))
    found = find_log(str(path))
    audit = audit_log(found)

    add_losses(audit, found)

    events = {event.code: event for event in audit.events if event.code in WASTEFUL}
    assert {code: event.commands for code, event in events.items()} == expected
    for event in events.values():
        assert event.common_prefix in (b"sess:", b"k:")


def test_what_one_command_would_save_is_the_difference_to_it(tmp_path: Path) -> None:
    apart, together = (
        log(*pairs(120)),
        [("SET", f"sess:{number}", "v", "PXAT", 4_000_000_000_000 + number) for number in range(120)],
    )
    path = tmp_path / "a.aof"
    path.write_bytes(apart)
    found = find_log(str(path))
    audit = audit_log(found)

    add_losses(audit, found)

    (event,) = (event for event in audit.events if event.code is AuditCode.SET_THEN_EXPIRE)
    assert event.size_bytes == len(apart) - len(log(*together))

"""Damaged logs: the quick pass names every damage that a structure can show, at or before its place."""

from __future__ import annotations

from typing import Any

import pytest

from aoftool.analysis.inspect.overview import overview_of
from aoftool.aof.layout import find_log
from aoftool.aof.survey import survey
from aoftool.check.health import health_of
from aoftool.check.quick import quick_report
from tests.corpus import FIXTURES, Case, case_params

DAMAGED = [*case_params("damaged", root=FIXTURES), *case_params("damaged")]


def _reference(case: Case) -> dict[str, Any]:
    parser = case.facts.get("reference_parser") or {}
    error: dict[str, Any] = parser.get("error") or {}
    return error


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_of_the_stream_is_found_at_or_before_its_place(case: Case) -> None:
    error = _reference(case)
    read = survey(find_log(case.source))

    health = health_of(quick_report(read))

    if error and not _in_rdb_part(read.files):
        assert not health.intact
        assert health.offset is not None
        assert health.offset <= error["offset"]
    elif error:
        assert not health.intact


def _in_rdb_part(files: list[Any]) -> bool:
    """Tell whether an RDB part is damaged: its checksum, at its end, may be the first to show it."""
    return any(item.walk is not None and item.walk.damage is not None for item in files)


@pytest.mark.parametrize("case", DAMAGED)
def test_bytes_add_up_in_damaged_logs_too(case: Case) -> None:
    overview = overview_of(survey(find_log(case.source)))

    assert sum(row.size_bytes for row in overview.commands) == overview.size_bytes
    assert overview.size_bytes == sum(row.size_bytes for row in overview.files)

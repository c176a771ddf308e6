"""Overviews of real logs: every figure against what servers and a strict reader measured."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

from aoftool.analysis.inspect.model import Overview, RowKind
from aoftool.analysis.inspect.overview import overview_of
from aoftool.aof.layout import find_log
from aoftool.aof.survey import Survey, survey
from aoftool.check.health import health_of
from aoftool.check.model import Verdict
from aoftool.check.quick import quick_report
from tests.corpus import FIXTURES, Case, case_params

RECORDED = [*case_params("recorded", root=FIXTURES), *case_params("recorded")]
KEYS_LOADED = re.compile(r"Done loading RDB, keys loaded: (\d+), keys expired: 0")


@pytest.fixture
def read(case: Case) -> Survey:
    return survey(find_log(case.source))


@pytest.fixture
def overview(read: Survey) -> Overview:
    return overview_of(read)


def _facts_of(case: Case, path: str) -> dict[str, Any]:
    facts: dict[str, Any] = case.facts["files"][os.path.relpath(path, case.directory)]
    return facts


@pytest.mark.parametrize("case", RECORDED)
def test_the_bytes_of_all_rows_add_up_to_the_files(case: Case, overview: Overview) -> None:
    on_disk = sum(_facts_of(case, file.path)["bytes"] for file in find_log(case.source).files)

    assert sum(row.size_bytes for row in overview.commands) == overview.size_bytes == on_disk


@pytest.mark.parametrize("case", RECORDED)
def test_commands_by_name_equal_the_facts(case: Case, read: Survey) -> None:
    for item in read.files:
        facts = _facts_of(case, item.file.path)
        counted = {} if item.tail is None else item.tail.by_name()

        assert {name.decode(): count for name, count in counted.items()} == facts["tail_commands_by_name"]


@pytest.mark.parametrize("case", RECORDED)
def test_the_rdb_part_ends_where_the_facts_say(case: Case, read: Survey) -> None:
    for item in read.files:
        end = 0 if item.walk is None else item.walk.end_offset

        assert end == _facts_of(case, item.file.path).get("preamble_bytes", 0)


@pytest.mark.parametrize("case", RECORDED)
def test_the_writer_is_named_as_it_signed(case: Case, overview: Overview) -> None:
    if overview.writer is None:
        assert not overview.rdb_parts
        return
    server = f"{overview.writer.server} {(overview.writer.version or b'').decode()}".lower()

    # An upgraded log keeps the base of the older server that wrote it.
    assert server.replace(" ", "-") == case.server or "upgraded" in case.scenario


@pytest.mark.parametrize("case", RECORDED)
def test_keys_of_the_rdb_part_equal_what_the_server_loaded(case: Case, overview: Overview) -> None:
    lines = " ".join(case.after_load(case.server).get("log") or [])
    loaded = [int(number) for number in KEYS_LOADED.findall(lines)]
    if len(loaded) != 1 or len(overview.rdb_parts) != 1:
        return

    assert overview.rdb_parts[0].keys == loaded[0]
    assert sum(row.keys for row in overview.rdb_parts[0].rows) == loaded[0]
    assert sum(row.rdb_keys for row in overview.databases) == loaded[0]


@pytest.mark.parametrize("case", RECORDED)
def test_only_torn_logs_are_called_damaged(case: Case, read: Survey) -> None:
    health = health_of(quick_report(read))

    torn = "sigkill-torn-tail" in case.scenario
    assert health.verdict is (Verdict.TORN_TAIL if torn else Verdict.OK), health.message


@pytest.mark.parametrize("case", RECORDED)
def test_commands_per_database_add_up(case: Case, overview: Overview) -> None:
    framed = [row for row in overview.commands if row.kind in (RowKind.COMMAND, RowKind.FRAMING)]

    assert sum(row.commands for row in overview.databases) == sum(row.count for row in framed)
    assert sum(row.size_bytes for row in overview.databases) == sum(row.size_bytes for row in framed)

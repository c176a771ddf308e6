"""Servers are quoted in their own words where these were measured, marked as such and without advice."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from aoftool.aof.layout import find_log
from aoftool.check.checker import check
from aoftool.check.model import Outcome, Report, ServerOutcome
from aoftool.report.findings import findings_json, outcome_rows, render_findings
from aoftool.report.lines import LineConsole
from tests.builders import command, log, write_multi_part

SET = command("SET", "k", "v")
LOGS = {
    "garbage between commands": SET + b"garbage\r\n" + SET,
    "an unknown command": SET + command("NOSUCH", "k") + SET,
    "an RDB part of the future": b"REDIS0099\xff" + bytes(8) + SET,
    "an annotation without end": SET + b"#" + b"x" * 2000 + b"\r\n" + SET,
}


def told(report: Report) -> str:
    out = io.StringIO()
    render_findings(LineConsole(out, color=False, width=200), [report])
    return out.getvalue()


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("multi_part", [False, True])
def test_the_tool_that_cuts_everything_away_is_never_advised(
    name: str, multi_part: bool, tmp_path: Path
) -> None:
    path = tmp_path / "appendonly.aof"
    if multi_part:
        path = write_multi_part(tmp_path / "d", base=log(("SET", "a", 1)), incrs=[LOGS[name]])
    else:
        path.write_bytes(LOGS[name])
    report = check(find_log(str(path)))

    text = told(report) + json.dumps(findings_json([report]))

    assert "refuse" in text
    assert "-check-aof" not in text
    assert "backup of your" not in text


@pytest.mark.parametrize(
    ("target", "outcome", "message", "shown"),
    [
        ("redis-7.0", Outcome.REFUSE, "Wrong signature", 'says "Wrong signature"'),
        ("redis-8.12", Outcome.REFUSE, "Wrong signature", 'may say "Wrong signature"'),
        ("redis-7.0", Outcome.REFUSE, "it knows no such type", "  it knows no such type"),
        ("redis-7.0", Outcome.CRASH, "SYNC: signal 11", "  SYNC: signal 11"),
        ("redis-7.0", Outcome.CRASH, "Guru Meditation: no", 'says "Guru Meditation: no"'),
        ("redis-7.0", Outcome.REFUSE, "Internal error in RDB reading offset 0 -> Bad", 'says "Bad"'),
        ("redis-7.0", Outcome.REFUSE, "Bad\nError reading, AOF loading aborted", 'says "Bad"'),
    ],
)
def test_only_words_of_measured_servers_are_quoted(
    target: str, outcome: Outcome, message: str, shown: str, tmp_path: Path
) -> None:
    report = check(find_log(str(write_multi_part(tmp_path / "d", base=SET, incrs=[SET]))))
    report.outcomes = [ServerOutcome(target, outcome, message=message)]

    (row,) = findings_json([report])["logs"][0]["servers"]

    assert shown in told(report)
    assert row["quoted"] is shown.startswith("says")


def test_a_row_is_referred_to_by_the_name_that_it_begins_with(tmp_path: Path) -> None:
    report = check(find_log(str(write_multi_part(tmp_path / "d", base=SET, incrs=[SET]))))
    # The one that was measured speaks for its row, wherever it stands there.
    report.outcomes = [ServerOutcome("redis-7.0", Outcome.LOAD)]
    for name in ("redis-7.2", "redis-7.4", "valkey-8.1"):
        report.outcomes.append(ServerOutcome(name, Outcome.REFUSE, message="Bad"))

    _, first, second = outcome_rows(report)

    assert (first.servers, second.servers) == ("redis-7.2 to 7.4*", "valkey-8.1")
    assert second.why == "as redis-7.2"

"""Whatever a verb may find, what `--json` makes of it keeps its schema.

The logs of other tests give what they happen to give; here the classes that JSON is made of are filled with
whatever their types allow: nothing where there may be nothing, names that are no text, unheard-of words.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from aoftool.advise.model import Advice
from aoftool.analysis.audit.model import Audit
from aoftool.analysis.commands.model import LoggedCommand
from aoftool.analysis.diff.model import Diff
from aoftool.analysis.growth.model import Growth
from aoftool.analysis.habits.model import HabitTable
from aoftool.analysis.history.model import HistoryStep
from aoftool.analysis.inspect.contents_model import ContentsView, ExpiryView, PrefixRow
from aoftool.analysis.inspect.model import Overview
from aoftool.analysis.keys.model import KeyRow
from aoftool.backup.model import Snapshot
from aoftool.capture.model import Captured
from aoftool.check.health_model import Health
from aoftool.check.model import Report
from aoftool.explain.model import Explanation
from aoftool.fleet.model import FleetReport
from aoftool.probe.model import Probe
from aoftool.repair.guard_model import Guarded
from aoftool.repair.model import Plan
from aoftool.report import (
    audit,
    commands,
    diff,
    findings,
    growth,
    habits,
    hexview,
    history,
    keys,
    plan,
    rewrite,
)
from aoftool.report.data import export
from aoftool.report.fleet import table
from aoftool.report.inspect import contents_json, expiry, overview
from aoftool.report.jsonout import json_text
from aoftool.report.running import capture, probe, simulate
from aoftool.report.running.advise_json import advice_json
from aoftool.report.unattended import guard, snapshot
from aoftool.rewrite.model import RewriteResult
from aoftool.simulate.model import Simulation
from aoftool.tables.export_model import Exported
from tests.made_up import made_up
from tests.schemas import shape_problem

ROUNDS = 60
# Of values there are many kinds.
ROUNDS_OF = {"keys": 400}


def inspected(of: Overview, health: Health, view: ContentsView) -> dict[str, Any]:
    return {
        **overview.overview_json(of, health),
        "contents": contents_json.contents_json(view),
        "growth": None,
    }


def repaired(found: Plan) -> dict[str, Any]:
    shown = plan.plan_json(found, applied=True, receipt="aoftool-fix-1", written=["appendonly.aof"])
    return {**shown, "next": None, "hint": None, "verification": None}


def rewritten(mode: str) -> Callable[[RewriteResult], dict[str, Any]]:
    return lambda found: {**rewrite.rewrite_json(found, mode=mode), "receipt": None, "kept_bytes": None}


def used(found: HabitTable) -> dict[str, Any]:
    width = len(found.columns)
    found.rows = [(row + [None] * width)[:width] for row in found.rows]
    return habits.habits_json(found)


MAKERS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]] = {
    "advise": (advice_json, (Advice,)),
    "audit": (audit.audit_json, (Audit,)),
    "capture": (capture.capture_json, (Captured,)),
    "check": (lambda *found: findings.findings_json(found), (Report, Report)),
    "diff": (diff.diff_json, (Diff,)),
    "explain": (hexview.explanation_json, (Explanation,)),
    "export": (export.export_json, (Exported,)),
    "fix": (repaired, (Plan,)),
    "fleet": (table.fleet_json, (FleetReport,)),
    "growth": (growth.growth_json, (Growth,)),
    "guard": (lambda done: guard.guard_json(done, ["valkey-server"]), (Guarded,)),
    "history": (history.step_json, (HistoryStep,)),
    "history --values": (lambda step: history.step_json(step, with_value=True), (HistoryStep,)),
    "inspect": (inspected, (Overview, Health, ContentsView)),
    "keys": (lambda row: keys.key_json(row, with_value=True), (KeyRow,)),
    "keys --by": (used, (HabitTable,)),
    "keys --by ttl": (
        lambda view, *rows: expiry.expiry_json(view, rows, True),
        (ExpiryView, PrefixRow, PrefixRow),
    ),
    "log": (commands.command_json, (LoggedCommand,)),
    "probe": (probe.probe_json, (Probe,)),
    "rewrite": (rewritten("written"), (RewriteResult,)),
    "rewrite --engine server": (rewritten("server"), (RewriteResult,)),
    "simulate": (simulate.simulation_json, (Simulation,)),
    "snapshot": (snapshot.snapshot_json, (Snapshot,)),
}


@pytest.mark.parametrize("verb", MAKERS)
def test_what_types_allow_keeps_the_schema(verb: str) -> None:
    make, kinds = MAKERS[verb]
    rng = random.Random(verb)

    for _ in range(ROUNDS_OF.get(verb, ROUNDS)):
        shown = make(*(made_up(kind, rng) for kind in kinds))
        assert shape_problem(json.loads(json_text(shown))) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\U0001f600", {"a": "\U0001f600"}),
        ("\U0001f600\udcff", {"a": "\U0001f600\\xff", "a_b64": "8J+YgP8="}),
        ("\udcff\U0001f600", {"a": "\\xff\U0001f600", "a_b64": "//CfmIA="}),
        ("\ud83d", {"a": "\\xed\\xa0\\xbd", "a_b64": "7aC9"}),
        (r"\udcff", {"a": r"\udcff"}),
    ],
    ids=["a pair", "half behind a pair", "half before a pair", "half of JSON that was read", "spelled out"],
)
def test_half_a_pair_is_given_as_bytes(text: str, shown: dict[str, str]) -> None:
    assert json.loads(json_text({"a": text})) == shown

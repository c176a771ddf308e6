"""Every option of a verb arrives: changing a field of its request changes what the use case is asked.

What only says how the answer looks changes what is printed. A field that is new must be put into the table
here, or the test of it fails.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest

import aoftool
from aoftool.aof.model import Log
from aoftool.api.rewriting import Ending, Where, run_rewrite
from aoftool.api.tabling import LogTables
from aoftool.backup.model import Snapshot
from aoftool.capture.model import Bundle
from aoftool.cli import requests
from aoftool.cli.app import VERBS
from aoftool.cli.console import Color
from aoftool.cli.options.common_options import ProgressMode
from aoftool.cli.progress import ProgressReporter
from aoftool.cli.requests.advise import AdviseRequest
from aoftool.cli.requests.audit import AuditRequest, Replay
from aoftool.cli.requests.capture import CaptureRequest
from aoftool.cli.requests.check import CheckRequest, LevelOption
from aoftool.cli.requests.diff import DiffRequest
from aoftool.cli.requests.explain import ExplainRequest
from aoftool.cli.requests.export import ExportRequest
from aoftool.cli.requests.fix import FixRequest
from aoftool.cli.requests.fleet import FleetRequest
from aoftool.cli.requests.growth import AxisChoice, Fold, GroupBy, GrowthRequest
from aoftool.cli.requests.guard import GuardRequest
from aoftool.cli.requests.history import HistoryRequest
from aoftool.cli.requests.inspect import InspectRequest
from aoftool.cli.requests.keys import KeysRequest
from aoftool.cli.requests.log import LogRequest
from aoftool.cli.requests.probe import ProbeRequest
from aoftool.cli.requests.report import ReportRequest
from aoftool.cli.requests.rewrite import EngineOption, RewriteRequest
from aoftool.cli.requests.simulate import SimulateRequest
from aoftool.cli.requests.snapshot import SnapshotRequest
from aoftool.cli.requests.sql import SqlRequest
from aoftool.cli.requests.undo import UndoRequest
from aoftool.cli.verbs import (
    advise,
    audit,
    capture,
    check,
    diff,
    explain,
    export,
    fix,
    fleet,
    growth,
    guard,
    history,
    inspect,
    keys,
    log,
    probe,
    report,
    rewrite,
    simulate,
    snapshot,
    sql,
    undo,
)
from aoftool.errors import AoftoolError
from aoftool.escape import hide_excerpts
from aoftool.probe.model import Place, Probe
from aoftool.redaction import RedactMode, Redactor
from aoftool.repair.forget import Forgotten
from aoftool.tables.export_model import Exported, ExportedTable
from tests.corpus import FIXTURES

SHOP = str(FIXTURES / "valkey-9" / "shop")
FLUSHED = str(FIXTURES / "recorded" / "redis-7.0.15" / "timestamps-flushall")
GAP = str(FIXTURES / "damaged" / "manifest-seq-gap")
TORN = FIXTURES / "damaged" / "torn-mid-payload"
CAPTURED = str(FIXTURES / "captures" / "valkey-9.1.2" / "fork-slow")
LISTED = str(FIXTURES / "README.md")
RECEIPT = "a receipt that the test makes"
# How the answer looks and whether progress is shown: no use case is told.
LOOKS = {
    "as_json": True,
    "as_csv": True,
    "color": Color.always,
    "quiet": True,
    "progress": ProgressMode.json,
    "redact": RedactMode.all,
    "salt": "pepper",
}


_run_rewrite = run_rewrite


class _Nothing:
    """A log to which nothing is added."""

    def __init__(self) -> None:
        self.end = aoftool.ListingEnd()

    def __iter__(self) -> Iterator[object]:
        return iter(())


def _counted() -> tuple[aoftool.RewriteResult, None]:
    """Return what a rewrite answers, and write nothing."""
    where = Where(Ending.COUNT)
    result, _ = _run_rewrite(aoftool.open_log(SHOP), aoftool.RewriteOptions(now_ms=1), where)
    result.summary.elapsed_s = 0.0
    return replace(result, elapsed_s=0.0), None


def _exported(tables: LogTables, out: str, how: dict[str, Any]) -> Exported:
    """Return what an export answers, read and not written."""
    rows = [batch.rows for batch in tables.batches("commands")]
    return Exported(out, how["form"].value, [ExportedTable("commands", f"{out}/c", sum(rows), 1)])


@dataclass(frozen=True)
class Case:
    """How one verb is asked.

    Attributes:
        verb: takes the request and returns an exit code.
        request: the class of it.
        uses: module and name of the use cases that the verb hands on to.
        base: fields that are given in every call.
        changes: another value of each field that a use case is told.
        shown: the same of fields that only the answer shows.
        answers: what use cases answer that must not be carried out, by name.
        instead: for some fields, what is given in place of `base`.
    """

    verb: Callable[[Any], int]
    request: type
    uses: tuple[tuple[str, str], ...]
    base: dict[str, Any]
    changes: dict[str, Any]
    shown: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    instead: dict[str, dict[str, Any]] = field(default_factory=dict)

    def base_of(self, name: str) -> dict[str, Any]:
        """Return the fields that are given when one is changed."""
        return self.instead.get(name, self.base)

    def change_of(self, name: str) -> Any:
        """Return another value of a field; a field without one is not tested yet."""
        known = {**LOOKS, **self.shown, **self.changes}
        assert name in known, f"CASES has no other value of {name} for {self.request.__name__}"
        return known[name]


CASES = {
    "check": Case(
        check.check,
        CheckRequest,
        (("aoftool.api.checking", "check"), ("aoftool.cli.verbs.check", "write_metrics")),
        {"paths": [GAP]},
        {
            "paths": [FLUSHED],
            "jobs": 3,
            "level": LevelOption.quick,
            "target": ["valkey-9.1"],
            "databases": 3,
            "metrics": "nowhere.prom",
        },
        {"limit": 1},
        answers={"write_metrics": None},
    ),
    "fleet": Case(
        fleet.fleet,
        FleetRequest,
        (
            ("aoftool.fleet.running", "run_here"),
            ("aoftool.fleet.cluster", "run_on"),
            ("aoftool.fleet.state", "FleetState"),
            ("aoftool.files.sink", "write_atomically"),
            ("aoftool.cli.verbs.fleet", "write_metrics"),
        ),
        {"patterns": [GAP, SHOP]},
        {
            "patterns": [FLUSHED],
            "listed": LISTED,
            "jobs": 1,
            "timeout": "5s",
            "on": "local:2",
            "state": "nowhere.state",
            "html": "nowhere.html",
            "force": True,
            "metrics": "nowhere.prom",
        },
        {"limit": 1},
        answers={
            "write_metrics": None,
            "run_on": (),
            "write_atomically": None,
            "FleetState": nullcontext(SimpleNamespace(known=lambda path: None, keep=lambda row: None)),
        },
        instead={"force": {"patterns": [GAP], "html": "nowhere.html"}},
    ),
    "audit": Case(
        audit.audit,
        AuditRequest,
        (("aoftool.api.auditing", "audit"),),
        {"path": FLUSHED},
        {"path": SHOP, "context": 1, "replay": Replay.never, "since": "10m", "until": "2026-11-20T15:13:11"},
    ),
    "diff": Case(
        diff.diff,
        DiffRequest,
        (("aoftool.api.diffing", "diff"),),
        {"left": FLUSHED, "at": ["7528"]},
        {
            "left": SHOP,
            "right": FLUSHED,
            "at": ["7528", "end"],
            "db": [0],
            "match": "s*",
            "written_by": "redis-7.2",
        },
        {"limit": 1},
        instead={"left": {"left": FLUSHED, "right": SHOP}, "right": {"left": FLUSHED, "right": SHOP}},
    ),
    "explain": Case(
        explain.explain,
        ExplainRequest,
        (("aoftool.api.explaining", "explain_place"), ("aoftool.api.explaining", "explain_key")),
        {"path": FLUSHED, "at": ["7528"]},
        {"path": SHOP, "at": ["0"], "key": ["a:1"], "db": [0]},
        instead={
            "path": {"path": FLUSHED, "key": ["summary"]},
            "key": {"path": FLUSHED, "key": ["summary"]},
            "db": {"path": FLUSHED, "key": ["summary"]},
            "redact": {"path": FLUSHED, "key": ["summary"]},
        },
    ),
    "fix": Case(
        fix.fix,
        FixRequest,
        (
            ("aoftool.api.repairing", "planned_repair"),
            ("aoftool.api.repairing", "RepairPlan.apply"),
            ("aoftool.api.repairing", "RepairPlan.write"),
            ("aoftool.servers.load_log", "judge_of"),
            ("aoftool.servers.load_log", "verify_log"),
        ),
        {"path": str(TORN), "yes": True},
        {
            "path": GAP,
            "salvage": True,
            "after_gap": requests.fix.AfterGapOption.stop,
            "drop_duplicates": True,
            "keep_unknown": True,
            "allow_empty": True,
            "to": ["before:SET"],
            "drop": ["appendonly.aof:0"],
            "drop_command": "SET",
            "match": "key:*",
            "out": "nowhere.aof",
            "force": True,
            "dry_run": True,
            "yes": False,
            "max_loss": "1",
            "in_use": True,
            "new_owner": True,
            "verify": True,
            "server": "/bin/redis-server",
        },
        answers={
            # Nothing is changed here, and no server started.
            "apply": lambda plan, **risks: SimpleNamespace(directory=str(TORN)),
            "write": lambda plan, **force: ["nowhere.aof"],
            "judge_of": None,
            "verify_log": None,
        },
        instead={
            "force": {"path": str(TORN), "yes": True, "out": str(TORN / "appendonly.aof")},
            "match": {"path": str(TORN), "yes": True, "drop_command": "SET"},
            "server": {"path": str(TORN), "yes": True, "verify": True},
            **{key: {"path": str(TORN), "dry_run": True} for key in LOOKS},
        },
    ),
    "guard": Case(
        guard.guard,
        GuardRequest,
        (("aoftool.api.unattended.guarding", "guard_log"), ("aoftool.cli.verbs.guard", "become")),
        {"path": SHOP},
        {
            "path": FLUSHED,
            "command": ["true"],
            "max_loss": "1",
            "keep": 2,
            "keep_size": "1m",
            "must_exist": True,
        },
        # These logs are whole: nothing is changed, and no server started.
        answers={"become": None},
    ),
    "growth": Case(
        growth.growth,
        GrowthRequest,
        tuple(("aoftool.api.growing", name) for name in ("read", "growth", "fold")),
        {"path": FLUSHED},
        {
            "path": SHOP,
            "by": GroupBy.COMMAND,
            "axis": AxisChoice.BYTES,
            "bucket": "10s",
            "fold": Fold.DAY,
            # A table has more steps than a screen.
            "as_json": True,
            "as_csv": True,
            "limit": 2,
            "depth": 2,
            "separator": "/",
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "db": [0],
            "cmd": ["SET"],
            "match": "s*",
        },
    ),
    "history": Case(
        history.history,
        HistoryRequest,
        (("aoftool.api.history", "history"), ("aoftool.api.history", "steps_within")),
        {"key": "summary", "path": FLUSHED},
        {
            "key": "other",
            "path": SHOP,
            "match": "s*",
            "db": [0],
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "values": True,
            "written_by": "redis-7.2",
        },
        {"limit": 1},
        instead={"match": {"key": FLUSHED, "match": "t*"}, "as_csv": {"key": "summary", "path": FLUSHED}},
    ),
    "inspect": Case(
        inspect.inspect,
        InspectRequest,
        (("aoftool.api.inspecting", "inspected"), ("aoftool.cli.verbs.inspect", "write_metrics")),
        {"path": FLUSHED},
        {
            "path": SHOP,
            "jobs": 3,
            "by": requests.inspect.GroupBy.PREFIX,
            "limit": 2,
            "depth": 2,
            "separator": "/",
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "db": [0],
            "cmd": ["SET"],
            "match": "s*",
            "metrics": "nowhere.prom",
            "contents": False,
            "savings": False,
        },
        {"sort": requests.inspect.SortBy.NAME},
        answers={"write_metrics": None},
        instead={"as_csv": {"path": FLUSHED, "by": requests.inspect.GroupBy.COMMAND}},
    ),
    "keys": Case(
        keys.keys,
        KeysRequest,
        (
            ("aoftool.api.keys", "open_rows"),
            *(("aoftool.api.ranking", name) for name in ("rank_keys", "rank_habit", "rank_expiry")),
        ),
        {"path": SHOP},
        {
            "path": FLUSHED,
            "db": [0],
            "type_name": ["hash"],
            "match": "cart:*",
            "regex": "1$",
            "min_size": 60,
            "expires_before": "2030-01-01",
            "no_ttl": True,
            "values": True,
            "limit": 3,
            "at": ["before:SET"],
            "base": True,
            "databases": 20,
            "written_by": "valkey-9.1",
            "by": requests.keys.RankBy.WRITES,
            "depth": 2,
            "separator": "/",
        },
        instead={
            name: {"path": SHOP, "by": requests.keys.RankBy.WRITES}
            for name in ("depth", "separator", "color")
        },
    ),
    "log": Case(
        log.log,
        LogRequest,
        (
            ("aoftool.api.listing", "listed"),
            ("aoftool.analysis.commands.following", "LogFollower"),
            ("aoftool.analysis.history.excerpt", "cut_excerpt"),
            ("aoftool.files.sink", "AtomicFile"),
            ("aoftool.files.sink", "write_atomically"),
            ("aoftool.report.commands", "hex_dump"),
        ),
        {"path": FLUSHED},
        {
            "path": SHOP,
            "cmd": ["SET"],
            "key": ["summary"],
            "match": "s*",
            "regex": "1$",
            "db": [0],
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "txn": 0,
            "min_size": 60,
            "limit": 3,
            "tail": 2,
            "context": 1,
            "follow": True,
            "hex_at": "7528",
            "excerpt": "7528",
            "output": "nowhere.aof",
            "force": True,
            # On a screen long arguments are cut.
            "as_json": True,
            "as_csv": True,
            "redact": RedactMode.all,
        },
        answers={
            # Nothing is written here, and nothing waited for.
            "LogFollower": lambda *given, **named: _Nothing(),
            "AtomicFile": lambda *given, **named: nullcontext(
                SimpleNamespace(write=len, commit=lambda: None, size_bytes=0)
            ),
            "write_atomically": 0,
        },
        instead={
            "excerpt": {"path": FLUSHED, "output": "nowhere.aof"},
            "force": {"path": FLUSHED, "output": "nowhere.aof"},
            "color": {"path": FLUSHED, "cmd": ["FLUSHALL"], "context": 1},
        },
    ),
    "report": Case(
        report.report,
        ReportRequest,
        (
            ("aoftool.api.postmortem.gathering", "gather"),
            ("aoftool.api.postmortem.gathering", "compared"),
            ("aoftool.files.sink", "write_atomically"),
        ),
        {"path": FLUSHED, "as_json": True},
        {
            "path": SHOP,
            "out": "nowhere.html",
            "force": True,
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "key": ["summary"],
            "captures": CAPTURED,
            "compare": ["7528"],
            "title": "a title",
            "markdown": True,
            "as_json": True,
            "redact": RedactMode.all,
            "salt": "pepper",
        },
        answers={"write_atomically": 0},
        instead={
            "color": {"path": FLUSHED, "out": "nowhere.html"},
            "force": {"path": FLUSHED, "out": "nowhere.html"},
            "markdown": {"path": FLUSHED, "out": "nowhere.html"},
            "as_json": {"path": FLUSHED, "out": "nowhere.html"},
        },
    ),
    "rewrite": Case(
        rewrite.rewrite,
        RewriteRequest,
        (
            ("aoftool.api.rewriting", "run_rewrite"),
            ("aoftool.rewrite.salvaging", "salvaged_log"),
            ("aoftool.rewrite.server_engine", "rewrite_on_server"),
            ("aoftool.servers.choosing", "choose_server"),
        ),
        {"path": FLUSHED, "now": "2026-11-21"},
        {
            "path": SHOP,
            "out": "nowhere",
            "in_place": True,
            "dry_run": True,
            "quick": True,
            "force": True,
            "engine": EngineOption.server,
            "salvage": True,
            "in_use": True,
            "new_owner": True,
            "verify": True,
            "server": "/bin/redis-server",
            "form": requests.rewrite.FormatOption.resp,
            "layout": requests.rewrite.LayoutOption.single,
            "target": "redis-7.2",
            "written_by": "redis-7.2",
            "databases": 20,
            "chunk_items": 3,
            "drop_unsupported": True,
            "memory_limit": "64MB",
            "jobs": 2,
            "to": ["before:FLUSHALL"],
            "drop_expired": True,
            "now": "2026-11-22",
            "db": [0],
            "match": "s*",
            "rename_db": ["0=3"],
        },
        {"limit": 1},
        answers={
            # Nothing is written here, and no server started.
            "run_rewrite": lambda log, options, where, progress: _counted(),
            "rewrite_on_server": lambda *given, **named: _counted()[0],
            "choose_server": None,
        },
        instead={
            "dry_run": {"path": FLUSHED, "now": "2026-11-21", "out": "nowhere"},
            "engine": {"path": FLUSHED, "out": "nowhere"},
            "server": {"path": FLUSHED, "out": "nowhere", "engine": EngineOption.server},
            "force": {"path": FLUSHED, "now": "2026-11-21", "out": "nowhere"},
            "in_use": {"path": FLUSHED, "now": "2026-11-21", "in_place": True},
            "new_owner": {"path": FLUSHED, "now": "2026-11-21", "in_place": True},
        },
    ),
    "advise": Case(
        advise.advise,
        AdviseRequest,
        (
            ("aoftool.captures.bundle", "read_texts"),
            ("aoftool.api.advising", "advised"),
            ("aoftool.api.advising", "facts_of_log"),
            ("aoftool.collecting.talking", "Talk"),
            ("aoftool.collecting.questions", "ask_server"),
            ("aoftool.files.sink", "write_atomically"),
        ),
        {"inputs": [CAPTURED]},
        {
            "inputs": [f"{CAPTURED}/info.txt"],
            "server": "127.0.0.1:1",
            "wait": "5s",
            "aof": SHOP,
            "only": ["fork-slow"],
            "change": ["fork-slow.worst=1ms"],
            "since": "2026-01-01",
            "until": "2026-01-01",
            "told": [f"info={CAPTURED}/info.txt"],
            "html": "nowhere.html",
        },
        answers={
            "write_atomically": 0,
            "Talk": nullcontext(SimpleNamespace(peer_pid=None)),
            "ask_server": SimpleNamespace(texts={"info.txt": b"uptime_in_seconds:1\r\n"}, left_out=[]),
        },
        # What progress shows, it shows of the log.
        instead={
            "quiet": {"aof": SHOP},
            "progress": {"aof": SHOP},
            "wait": {"server": "127.0.0.1:1"},
        },
    ),
    "capture": Case(
        capture.capture,
        CaptureRequest,
        (
            ("aoftool.capture.script", "script_text"),
            ("aoftool.collecting.address", "parse_address"),
            ("aoftool.collecting.talking", "Talk"),
            ("aoftool.capture.collecting", "wait_for"),
            ("aoftool.capture.collecting", "collect"),
            ("aoftool.capture.masking", "Masker"),
            ("aoftool.files.sink", "AtomicFile"),
        ),
        {"output": "nowhere"},
        {
            "server": "127.0.0.1:2",
            "user": "somebody",
            "output": "elsewhere",
            "seconds": "5s",
            "trace": "3s",
            "when": "latency>200ms",
            "redact": requests.capture.Masking.NONE,
            "script": True,
            "force": True,
        },
        answers={
            "Talk": nullcontext(),
            "wait_for": "command",
            "collect": Bundle({"info.txt": "redis_version:7.0.15\r\n"}),
            "AtomicFile": nullcontext(
                SimpleNamespace(write=lambda data: None, commit=lambda: None, size_bytes=9)
            ),
        },
    ),
    "probe": Case(
        probe.probe,
        ProbeRequest,
        (
            ("aoftool.probe.place", "find_place"),
            ("aoftool.probe.place", "refuse_place"),
            ("aoftool.probe.probing", "probe_place"),
        ),
        {"directory": str(FIXTURES), "yes": True},
        {"directory": str(FIXTURES / "valkey-9"), "rate": "10M", "yes": False},
        answers={
            "find_place": lambda directory: Place(directory, "ext4", "/dev/sdb", 70 << 30, 100 << 30),
            "refuse_place": None,
            "probe_place": lambda place, rate: Probe(place),
        },
    ),
    "simulate": Case(
        simulate.simulate,
        SimulateRequest,
        (
            ("aoftool.api.simulating", "simulated"),
            ("aoftool.api.simulating", "simulated_of_info"),
            ("aoftool.files.sink", "write_atomically"),
        ),
        {"path": SHOP},
        {
            "path": FLUSHED,
            "min_sizes": "1m,2m",
            "percentages": "30",
            "now": "1m,50",
            "restart_under": "30s",
            "disk": "1g",
            "at_most": "4/h",
            "info": [f"{CAPTURED}/info.txt"],
            "rate": "5m",
            "child": "2s",
            "svg": "nowhere.svg",
            "force": True,
            "written_by": "redis-7.2",
        },
        answers={"write_atomically": None},
        instead={
            "rate": {"info": [f"{CAPTURED}/info.txt"]},
            "force": {"path": SHOP, "svg": "nowhere.svg"},
        },
    ),
    "export": Case(
        export.export,
        ExportRequest,
        (("aoftool.api.tabling", "LogTables"), ("aoftool.api.exporting", "export")),
        {"path": FLUSHED, "output": "nowhere"},
        {
            "path": SHOP,
            "output": "elsewhere",
            "form": requests.export.FormatOption.csv,
            "table": ["files"],
            "cmd": ["SET"],
            "key": ["summary"],
            "match": "s*",
            "regex": "1$",
            "db": [0],
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "at": ["before:FLUSHALL"],
            "min_size": 60,
            "limit": 3,
            "arguments": True,
            "savings": False,
            "redact": RedactMode.all,
        },
        # Nothing is written here.
        answers={"export": lambda log, tables, out, **how: _exported(tables, out, how)},
    ),
    "sql": Case(
        sql.sql,
        SqlRequest,
        (("aoftool.api.tabling", "LogTables"), ("aoftool.tables.sql", "Database")),
        {"path": FLUSHED, "query": "SELECT * FROM keys"},
        {
            "path": SHOP,
            "since": "10m",
            "until": "2026-11-20T15:13:11",
            "at": ["before:FLUSHALL"],
            "arguments": True,
            "savings": False,
            "timeout": "9s",
            "memory_limit": "64MB",
            "allow_files": True,
            "redact": RedactMode.all,
        },
        {"query": "SELECT 1", "limit": 2},
    ),
    "snapshot": Case(
        snapshot.snapshot,
        SnapshotRequest,
        (("aoftool.api.snapshots", "snapshot"),),
        {"path": SHOP, "out": "nowhere"},
        {"path": FLUSHED, "out": "elsewhere", "seal": True, "link": True, "as_is": True},
        # Nothing is written here.
        answers={"snapshot": Snapshot("LOG", "DIR")},
    ),
    "undo": Case(
        undo.undo,
        UndoRequest,
        (("aoftool.api.undoing", "undo"), ("aoftool.api.undoing", "forget")),
        {"receipt": RECEIPT},
        {"receipt": "nowhere", "forget": True, "in_use": True},
        answers={"undo": None, "forget": Forgotten(3, 7)},
    ),
}


def plain(value: object) -> object:
    """Return what can be compared of an argument."""
    if isinstance(value, Log):
        return value.path
    if isinstance(value, Redactor):
        return "redactor"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


class Watch:
    """Collects what the use cases of a verb are asked, and how progress is to be shown."""

    def __init__(self, case: Case, patch: pytest.MonkeyPatch) -> None:
        self.asked: list[object] = []
        self.progress: list[object] = []
        for module, name in case.uses:
            place: Any = import_module(module)
            *classes, function = name.split(".")
            for inner in classes:
                place = getattr(place, inner)
            patch.setattr(place, function, self._spy(case, getattr(place, function)))
        patch.setattr("aoftool.cli.progress.ProgressReporter", self._reporter())

    def _spy(self, case: Case, real: Callable[..., object]) -> Callable[..., object]:
        shape = signature(real)

        def spy(*given: object, **named: object) -> object:
            arguments = shape.bind(*given, **named).arguments
            self.asked.append(
                (real.__name__, {k: plain(v) for k, v in arguments.items() if k not in ("progress", "stage")})
            )
            if real.__name__ not in case.answers:
                return real(*given, **named)
            answer = case.answers[real.__name__]
            return answer(*given, **named) if callable(answer) else answer

        return spy

    def _reporter(self) -> type:
        shown = self.progress

        class Watched(ProgressReporter):
            def __init__(self, name: str, total: int | None, mode: ProgressMode, quiet: bool) -> None:
                shown.append((mode, quiet))
                super().__init__(name, total, mode, quiet)

        return Watched


def outcome(case: Case, given: dict[str, Any]) -> tuple[list[object], object]:
    """Return what the use cases were asked; and everything else that a verb does."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(case, patch)
        clock = SimpleNamespace(time=lambda: 1_800_000_000.0)
        patch.setattr("aoftool.cli.choices.rewrite.time", clock)
        patch.setattr("aoftool.capture.taking.time", clock)
        patch.setattr("aoftool.cli.choices.simulate._free", lambda log: 1 << 30)
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code: object = case.verb(case.request(**given))
            except AoftoolError as error:
                code = error.message
    hide_excerpts(None)
    return watch.asked, (watch.progress, out.getvalue(), err.getvalue(), code)


_BEFORE: dict[str, tuple[list[object], object]] = {}


@pytest.fixture(scope="module")
def receipt(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("repaired") / "log"
    shutil.copytree(TORN, folder)
    return aoftool.plan_repair(aoftool.open_log(folder)).apply().directory


@pytest.mark.parametrize(
    ("verb", "name"),
    [(verb, entry.name) for verb, case in CASES.items() for entry in fields(case.request)],
)
def test_changing_a_field_changes_what_the_use_case_is_asked(verb: str, name: str, receipt: str) -> None:
    case = CASES[verb]
    base = {key: receipt if value is RECEIPT else value for key, value in case.base_of(name).items()}
    known = repr((verb, base))
    if known not in _BEFORE:
        _BEFORE[known] = outcome(case, base)
        assert outcome(case, base) == _BEFORE[known], "the same request is answered alike"
    before = _BEFORE[known]

    after = outcome(case, {**base, name: case.change_of(name)})

    if name in case.changes:
        assert after[0] != before[0]
    else:
        assert after[0] == before[0] or name in ("redact", "salt")
        assert after != before


def test_jobs_of_a_rewrite_reach_it() -> None:
    asked, _ = outcome(CASES["rewrite"], {"path": SHOP, "jobs": 3})

    assert "jobs=3" in repr(asked)


@pytest.mark.parametrize("verb", VERBS)
def test_every_request_has_its_case(verb: str) -> None:
    module = import_module(f"aoftool.cli.verbs.{verb}")

    assert hasattr(module, f"{verb.capitalize()}Request")
    assert verb in CASES


@pytest.mark.parametrize("verb", CASES)
def test_request_is_frozen_and_its_fields_are_those_of_the_table(verb: str) -> None:
    case = CASES[verb]

    assert vars(case.request)["__dataclass_params__"].frozen
    assert {*case.changes, *case.shown} <= {entry.name for entry in fields(case.request)}

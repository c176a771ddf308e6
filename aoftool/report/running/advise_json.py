"""Advice as JSON, schema `aoftool.advice/1`."""

from __future__ import annotations

from typing import Any

from aoftool.advise.model import Advice, Finding, LedgerRow, Load, LogFacts, SettingRow, Window
from aoftool.next_step import parted
from aoftool.report.running.simulate import simulation_json
from aoftool.simulate.model import Simulation

__all__ = ["advice_json"]


def advice_json(
    advice: Advice, simulated: Simulation | None = None, no_simulation: str = ""
) -> dict[str, Any]:
    """Return the whole answer; seconds and bytes as numbers, null where something is not known."""
    server = advice.server
    return {
        "schema": "aoftool.advice/1",
        "server": {
            "name": server.name or None,
            "version": server.version or None,
            "uptime_s": server.uptime_s,
            "aof": server.is_aof_on,
            "appendfsync": server.policy or None,
            "data_dir": server.data_dir or None,
            "device": server.device or None,
            "file_system": server.file_system or None,
        },
        "inputs": list(advice.inputs),
        "left_out": list(advice.left_out),
        "log": None if advice.log is None else _log(advice.log),
        "load": None if advice.load is None else _load(advice.load),
        "worst": advice.worst.value if advice.worst else None,
        "ledger": [_row(row) for row in advice.ledger],
        "worst_latency_event_s": _rounded(advice.worst_latency_s),
        "findings": [_finding(finding) for finding in advice.findings],
        "settings": [_setting(row) for row in advice.settings],
        "what_if": None if simulated is None else simulation_json(simulated),
        "what_if_why": no_simulation or None,
        "windows": [_window(window) for window in advice.windows],
        "claims": [{"claim": claim.claim, "fact": claim.fact} for claim in advice.claims],
        "fine": list(advice.fine),
        "not_looked": [{"reason": item.reason, "codes": list(item.codes)} for item in advice.not_looked],
    }


def _log(log: LogFacts) -> dict[str, Any]:
    return {
        "size_bytes": log.size_bytes,
        "base_bytes": log.base_bytes,
        "commands": log.commands,
        "seconds": log.seconds,
        "restart_s": log.restart_s,
        "health": {
            "verdict": log.health.verdict,
            "message": log.health.message,
            "intact": log.health.is_whole,
            **parted(log.health.next),
        },
    }


def _load(load: Load) -> dict[str, Any]:
    return {
        "seconds": _rounded(load.seconds),
        "since_start": load.is_since_start,
        "commands_a_second": _rounded(load.commands_a_second),
        "loop_share": _rounded(load.loop_share),
        "cpu_share": _rounded(load.cpu_share),
        "command_s": _rounded(load.command_s),
    }


def _rounded(value: float | None) -> float | None:
    """Return a figure without digits that nothing measured."""
    return None if value is None else round(value, 6)


def _row(row: LedgerRow) -> dict[str, Any]:
    return {
        "cause": row.cause,
        "label": row.label,
        "worst_s": _rounded(row.worst_s),
        "sum_s": _rounded(row.sum_s),
        "times": row.times,
        "seen_in": list(row.seen_in),
        "where": row.where,
        "finding": row.finding or None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "title": finding.title,
        "found": [{"text": item.text, "where": item.where or None} for item in finding.found],
        "why": finding.why or None,
        "do": list(finding.do),
        "undo": finding.undo or None,
        "not": list(finding.not_this),
        "values": {name: _rounded(value) for name, value in finding.values.items()},
        "because": finding.because or None,
    }


def _setting(row: SettingRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "value": row.value,
        "default": row.default,
        "in_file": row.in_file,
        "where": row.where or None,
        "is_changed": row.is_changed,
        "is_unsaved": row.is_unsaved,
        "proposed": [
            {"value": each.value, "code": each.code, "changes": each.changes or None}
            for each in row.proposals
        ],
    }


def _window(window: Window) -> dict[str, Any]:
    return {
        "policy": window.policy,
        "current": window.is_current,
        "seconds": _rounded(window.seconds),
        "commands": _rounded(window.commands),
        "bytes": _rounded(window.size_bytes),
        "costs": window.costs,
    }

"""What the command streams of a log hold, as JSON members: nothing is folded or rounded."""

from __future__ import annotations

from typing import Any

from aoftool.analysis.inspect.contents_model import (
    ContentsView,
    ExpiryView,
    KeyRank,
    NextRewrite,
    PrefixRow,
    Restart,
    Savings,
    Stretch,
)
from aoftool.escape import json_bytes

__all__ = ["contents_json", "expiry_members", "key_rank_json"]


def contents_json(view: ContentsView) -> dict[str, Any]:
    """Return the whole view as JSON members; nothing is folded or rounded."""
    return {
        "filtered": view.filtered,
        "commands": view.commands,
        "size_bytes": view.size_bytes,
        **json_bytes("separator", view.separator),
        "depth": view.depth,
        "prefixes": [_prefix_json(row) for row in view.prefixes],
        "keys_exact": view.keys_exact,
        "key_limit": view.key_limit,
        "distinct_keys": list(view.distinct_keys),
        "keys_by_bytes": [key_rank_json(row) for row in view.keys_by_bytes],
        "keys_by_writes": [key_rank_json(row) for row in view.keys_by_writes],
        "types": [
            {"type": row.group, "commands": row.commands, "size_bytes": row.size_bytes} for row in view.types
        ],
        "sizes": [
            {
                "least": row.least,
                "most": row.most,
                "commands": row.commands,
                "keys": row.keys,
                "arguments": row.arguments,
            }
            for row in view.sizes
        ],
        "largest_commands": [_stretch_json(row) for row in view.largest],
        "largest_transactions": [_stretch_json(row) for row in view.transactions],
        "expiry": None if view.expiry is None else expiry_members(view.expiry),
        "savings": None if view.savings is None else _savings_json(view.savings),
        "next_rewrite": None if view.next_rewrite is None else _next_rewrite_json(view.next_rewrite),
        "restart": None if view.restart is None else _restart_json(view.restart),
        "remarks": list(view.remarks),
    }


def _prefix_json(row: PrefixRow) -> dict[str, Any]:
    """Return one prefix as JSON members."""
    return {
        **json_bytes("prefix", row.prefix),
        "is_prefix": row.is_prefix,
        "writes": row.writes,
        "size_bytes": row.size_bytes,
        "keys": row.keys,
        "keys_expiring": row.expiring,
        "keys_deleted": row.deleted,
        "dead_bytes": row.dead_bytes,
    }


def key_rank_json(row: KeyRank) -> dict[str, Any]:
    """Return one key as JSON members."""
    return {
        "db": row.db,
        **json_bytes("key", row.key),
        "writes": row.writes,
        "writes_over": row.writes_over,
        "size_bytes": row.size_bytes,
        "bytes_over": row.bytes_over,
        "dead_bytes": row.dead_bytes,
        "expire_at_ms": row.expire_at_ms,
        "deleted": row.deleted,
    }


def _stretch_json(row: Stretch) -> dict[str, Any]:
    return {
        "file": row.file,
        "offset": row.offset,
        "size_bytes": row.size_bytes,
        "commands": row.commands,
        "arguments": row.arguments,
        **json_bytes("command", row.name),
        **json_bytes("key", row.key),
        "db": row.db,
        "time_s": row.time_s if row.time_s >= 0 else None,
    }


def expiry_members(view: ExpiryView) -> dict[str, Any]:
    """Return expire times as JSON members."""
    return {
        "keys": view.keys,
        "keys_expiring": view.expiring,
        "keys_deleted": view.deleted,
        "seconds": [{"second": second, "keys": keys} for second, keys in view.seconds],
        "horizon": [{"range": label, "keys": keys} for label, keys in view.horizon],
        "passed": view.passed,
        "on_full_minutes": view.minutes,
        "on_full_hours": view.hours,
        "end_s": view.end_s,
    }


def _savings_json(savings: Savings) -> dict[str, Any]:
    return {
        "reason": savings.reason,
        "live_bytes": savings.live_bytes,
        "dead_bytes": savings.dead_bytes,
        "base_bytes": savings.base_bytes,
        "base_dead_bytes": savings.base_dead_bytes,
        "estimate_bytes": savings.estimate_bytes,
        "upper_bound": savings.upper_bound,
        "causes": [{"cause": cause, "size_bytes": size} for cause, size in savings.causes],
    }


def _next_rewrite_json(found: NextRewrite) -> dict[str, Any]:
    return {
        "size_bytes": found.size_bytes,
        "base_bytes": found.base_bytes,
        "due_bytes": found.due_bytes,
        "left_bytes": found.left_bytes,
        "bytes_per_s": None if found.bytes_per_s is None else round(found.bytes_per_s, 3),
        "assumed": {
            "auto-aof-rewrite-percentage": found.percentage,
            "auto-aof-rewrite-min-size": found.least_bytes,
        },
    }


def _restart_json(restart: Restart) -> dict[str, Any]:
    name, seconds = restart.slowest or (b"", 0.0)
    return {
        "seconds": round(restart.total_s, 6),
        "least_seconds": round(restart.least_s, 6),
        "most_seconds": round(restart.most_s, 6),
        "rdb_seconds": round(restart.rdb_s, 6),
        "command_seconds": round(restart.commands_s, 6),
        "walking_seconds": round(restart.walked_s, 6),
        "slowest": {**json_bytes("command", name), "seconds": round(seconds, 6)},
        "at_least": restart.is_open,
    }

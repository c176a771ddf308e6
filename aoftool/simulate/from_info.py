"""Stand in for a log by what INFO says of it: a constant pace, and rewrites that all leave the same.

Marked as such wherever it is shown. Knows the fields of INFO; reads no log.
"""

from __future__ import annotations

from collections.abc import Mapping

from aoftool.advise.catalogue import info_fields as known_fields
from aoftool.analysis.inspect.restart import commands_load_s, rdb_load_s
from aoftool.captures.info import read_info
from aoftool.captures.lines import text_of
from aoftool.errors import InputError
from aoftool.simulate.model import ChildTime, Measured, Pace, SizePoint, Start

__all__ = ["HORIZON_S", "child_of_info", "info_fields", "measured_of_info"]

HORIZON_S = 86_400.0
"""How long a log is taken to grow at a constant pace."""
_LEAST_APART_S = 5
_LEAST_UP_S = 60


def info_fields(raw: bytes) -> dict[str, str]:
    """Return the fields of INFO and their values.

    Raises:
        InputError: none of them is a field of INFO of any release.
    """
    fields = read_info(text_of("INFO", raw)).fields
    if not fields.keys() & known_fields(None):
        raise InputError("is no INFO: it has none of its fields", hint="save what `valkey-cli INFO` prints")
    return {name: entry.value for name, entry in fields.items()}


def _number(fields: Mapping[str, str], name: str) -> int | None:
    text = fields.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def child_of_info(fields: Mapping[str, str]) -> ChildTime | None:
    """Return how long children live, by the last one; None where that is unknown, or less than a second.

    INFO gives whole seconds, cut off, and of the base only its size with what was appended meanwhile.
    Children take as long as they have to write.
    """
    seconds, base = _number(fields, "aof_last_rewrite_time_sec"), _number(fields, "aof_base_size")
    return ChildTime(0.0, base / (seconds + 0.5), "info") if seconds and base else None


def measured_of_info(
    first: Mapping[str, str],
    last: Mapping[str, str],
    rate: float | None = None,
    horizon_s: float = HORIZON_S,
) -> Measured:
    """Return some time, a day as a rule, of a log that grows as INFO says.

    Args:
        first, last: two captures, or the same one twice.
        rate: bytes a second, as the user says.

    Raises:
        InputError: AOF is off, or nothing tells a pace.
    """
    current, base = _number(last, "aof_current_size"), _number(last, "aof_base_size")
    if current is None or base is None:
        raise InputError(
            "INFO has no aof_current_size: AOF is off", hint="give a log, or INFO of a server with AOF"
        )
    notes = ["from INFO alone: a constant pace, and every rewrite leaves the same"]
    if rate is None:
        rate = _rate(first, last, base)
    if rate is None or rate <= 0:
        raise InputError(
            "INFO does not tell how fast the log grows",
            hint="give INFO twice, 5 s or more apart, with no rewrite between; or --rate 1M",
        )
    left = base or current
    if not base:
        notes.append(
            "no rewrite since the start: what one leaves is not known, and taken to be all of the log"
        )
    total = round(rate * horizon_s)
    size = SizePoint(0, left, 0, rdb_load_s(0, 0, left))
    return Measured(
        Pace.CONSTANT,
        [0.0, horizon_s],
        [0, total],
        [0, total],
        [0.0, commands_load_s(b"SET", total // 100, total)],
        [size, SizePoint(total, left, 0, size.load_s)],
        Start(current, base, current),
        notes=notes,
    )


def _rate(first: Mapping[str, str], last: Mapping[str, str], base: int) -> float | None:
    """Return bytes a second between two captures, or since the start of a server that never rewrote."""
    then, now = _number(first, "uptime_in_seconds"), _number(last, "uptime_in_seconds")
    size, grown = _number(first, "aof_current_size"), _number(last, "aof_current_size")
    if then is None or now is None or size is None or grown is None:
        return None
    apart = first.get("run_id") != last.get("run_id") or _number(first, "aof_base_size") != base
    if now - then >= _LEAST_APART_S and not apart:
        return (grown - size) / (now - then)
    if not base and now >= _LEAST_UP_S and not _number(last, "aof_rewrites"):
        return grown / now
    return None

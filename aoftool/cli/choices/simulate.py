"""What the options of `aoftool simulate` mean: settings to play, goals, and what INFO says beside a log."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from aoftool.api.simulating import InUse, Played
from aoftool.cli.options.asking import parse_seconds
from aoftool.cli.options.writing import parse_size
from aoftool.errors import InputError, UsageError
from aoftool.simulate.from_info import child_of_info, info_fields
from aoftool.simulate.model import DEFAULT_USE, ChildTime, Goals, Settings
from aoftool.simulate.neighbours import in_order, percentages_around, sizes_around

if TYPE_CHECKING:
    from aoftool.aof.model import Log
    from aoftool.cli.requests.simulate import SimulateRequest

__all__ = ["Replies", "on_disk_of", "played", "rate_of"]

_TAKES = "a size such as 64m, 1g or 4096"
_INFO_BYTES = 1 << 20
_MOST_PAIRS = 64

Replies = list[dict[str, str]]
"""Fields of what the server answered to INFO, once or twice, oldest first."""


def played(asked: SimulateRequest) -> tuple[Played, Replies]:
    """Return what is to be played, and the replies of INFO that were given.

    Raises:
        UsageError: an option means nothing, or they contradict each other.
        InputError: a file is no INFO, or cannot be read.
    """
    goals = _goals(asked.restart_under, asked.disk, asked.at_most)
    in_use = DEFAULT_USE if asked.now is None else _as_typed(asked.now)
    replies = [_info_of(name) for name in (asked.info or [])]
    if len(replies) > 2:
        raise UsageError("--info is given once or twice", hint="leave one out")
    if asked.rate is not None and (asked.path is not None or not replies):
        raise UsageError("--rate goes with --info alone", hint="leave out PATH, or --rate")
    child = _child_time(asked.child, replies)
    return Played(in_use, _pairs(asked, in_use[0]), child, goals), replies


def rate_of(asked: SimulateRequest) -> float | None:
    """Return bytes a second, as the user says."""
    return None if asked.rate is None else float(parse_size(asked.rate, "--rate", _TAKES))


def on_disk_of(log: Log, replies: Replies) -> tuple[tuple[int, int] | None, int | None]:
    """Return how large a log and its base are for the server, and what is free where the log lies."""
    fields = replies[-1] if replies else {}
    current, base = fields.get("aof_current_size", ""), fields.get("aof_base_size", "")
    sizes = (int(current), int(base)) if base.isdigit() and current.isdigit() else None
    return sizes, _free(log)


def _free(log: Log) -> int | None:
    """Return the bytes that a server may still write where the log is."""
    try:
        there = os.statvfs(log.directory or os.path.dirname(log.path) or ".")
    except OSError:
        return None
    return there.f_bavail * there.f_frsize


def _info_of(name: str) -> dict[str, str]:
    from aoftool.files.failures import reading

    try:
        with reading(name), open(name, "rb") as file:
            return info_fields(file.read(_INFO_BYTES))
    except InputError as error:
        error.path = name
        raise


def _child_time(text: str | None, replies: Replies) -> ChildTime | None:
    if text is not None:
        return ChildTime(parse_seconds(text, "--child"), 0.0, "asked")
    return child_of_info(replies[-1]) if replies else None


def _goals(restart_under: str | None, disk: str | None, at_most: str | None) -> Goals:
    return Goals(
        None if restart_under is None else parse_seconds(restart_under, "--restart-under"),
        None if disk is None else parse_size(disk, "--disk", _TAKES),
        None if at_most is None else _per_hour(at_most),
    )


def _per_hour(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)/([hd])", text.strip())
    if found is None:
        raise UsageError("--at-most takes a number of rewrites such as 4/h or 24/d")
    return float(found[1]) / (24 if found[2] == "d" else 1)


def _as_typed(text: str) -> InUse:
    size, comma, number = text.partition(",")
    if not comma:
        raise UsageError("--now takes both settings: 64m,100")
    return Settings(parse_size(size, "--now", _TAKES), _percentage(number, "--now")), "as you say"


def _percentage(text: str, option: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII):
        raise UsageError(f"{option} takes whole numbers such as 100")
    return int(text)


def _pairs(asked: SimulateRequest, now: Settings) -> list[Settings]:
    """Return the settings to try, ascending; the present ones are always among them."""
    sizes = sizes_around(now)
    if asked.min_sizes is not None:
        sizes = {parse_size(part, "--minsize", _TAKES) for part in asked.min_sizes.split(",")}
    shares = percentages_around(now)
    if asked.percentages is not None:
        shares = {_percentage(part, "--pct") for part in asked.percentages.split(",")}
    if len(sizes) * len(shares) > _MOST_PAIRS:
        raise UsageError(f"at most {_MOST_PAIRS} pairs of settings are shown", hint="name fewer, or a goal")
    return in_order(sizes, shares, now)

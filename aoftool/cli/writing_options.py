"""Options of the verbs that write a log anew, and what they mean; shared by `fix` and `rewrite`."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

import typer

from aoftool.cli.times import parse_time_ms
from aoftool.errors import UsageError

__all__ = [
    "HOW_PANEL",
    "MOMENT_PANEL",
    "BeforeOption",
    "DryRunOption",
    "ForceOption",
    "InUseOption",
    "NewOwnerOption",
    "OutOption",
    "Risks",
    "ServerOption",
    "ToOffsetOption",
    "ToTimestampOption",
    "parse_size",
    "refuse_two_moments",
    "whole_seconds",
]

HOW_PANEL = "Where and how"
MOMENT_PANEL = "Go back to a moment"

_SIZE = re.compile(r"(\d+)\s*([kKmMgG]?)(?:i?[bB])?", re.ASCII)
_SHIFTS = {"": 0, "k": 10, "m": 20, "g": 30}

OutOption = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="Write there and leave the input alone.",
        rich_help_panel=HOW_PANEL,
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace an existing OUT file.", rich_help_panel=HOW_PANEL)
]
DryRunOption = Annotated[
    bool,
    typer.Option("-n", "--dry-run", help="Say what would be done; write nothing.", rich_help_panel=HOW_PANEL),
]
InUseOption = Annotated[
    bool,
    typer.Option("--in-use", help="Go on although a process has the log open.", rich_help_panel=HOW_PANEL),
]
NewOwnerOption = Annotated[
    bool,
    typer.Option(
        "--new-owner",
        help="Go on although new files cannot have the owner of the old ones.",
        rich_help_panel=HOW_PANEL,
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="PROGRAM",
        help="The redis-server or valkey-server to load on. Default: one of the release that wrote the log,"
        " or that the result is for, from the `verify` extra or on PATH.",
        rich_help_panel=HOW_PANEL,
    ),
]
ToTimestampOption = Annotated[
    str | None,
    typer.Option(
        "--to-timestamp",
        metavar="TIME",
        help="Up to this time, its second included, in UTC: Unix time, ISO 8601, HH:MM[:SS], or 10m before"
        " the end; needs #TS.",
        rich_help_panel=MOMENT_PANEL,
    ),
]
ToOffsetOption = Annotated[
    str | None,
    typer.Option(
        "--to-offset",
        metavar="FILE:N",
        help="Up to this offset, a boundary between commands.",
        rich_help_panel=MOMENT_PANEL,
    ),
]
BeforeOption = Annotated[
    str | None,
    typer.Option(
        "--before",
        metavar="NAME",
        help="Up to just before a command, the last of that name.",
        rich_help_panel=MOMENT_PANEL,
    ),
]


class Risks(NamedTuple):
    """What a change in place goes on in spite of.

    Attributes:
        in_use: a process has the log open.
        new_owner: new files cannot have the owner of the old ones.
    """

    in_use: bool
    new_owner: bool


def refuse_two_moments(to_timestamp: str | None, to_offset: str | None, before: str | None) -> None:
    """Refuse more than one moment.

    Raises:
        UsageError: two are given.
    """
    if sum(option is not None for option in (to_timestamp, to_offset, before)) > 1:
        raise UsageError("--to-timestamp, --to-offset and --before each name a moment; give one")


def whole_seconds(to_timestamp: str | None) -> int | None:
    """Return the Unix second that a time lies in, as annotations count.

    Raises:
        UsageError: it is no time.
    """
    return None if to_timestamp is None else parse_time_ms(to_timestamp) // 1000


def parse_size(text: str, option: str, takes: str) -> int:
    """Return bytes for `4096`, `64k`, `2MB` or `1GiB`; units are binary.

    Args:
        option: its name, for the message.
        takes: what it takes, for the message.

    Raises:
        UsageError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{option} takes {takes}")
    return int(match[1]) << _SHIFTS[match[2].lower()]

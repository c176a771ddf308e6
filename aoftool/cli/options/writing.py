"""Options of the verbs that write a log anew, and what they mean; shared by `fix` and `rewrite`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from aoftool.cli.declared import Option
from aoftool.errors import UsageError
from aoftool.regex import regex

if TYPE_CHECKING:
    from aoftool.repair.limit import LossLimit

__all__ = [
    "HOW_PANEL",
    "DryRunOption",
    "ForceOption",
    "HtmlOption",
    "InUseOption",
    "MaxLossOption",
    "NewOwnerOption",
    "OutOption",
    "SalvageOption",
    "ServerOption",
    "VerifyOption",
    "memory_limit_bytes",
    "parse_loss",
    "parse_size",
]

HOW_PANEL = "Where and how"

_SIZE = regex(r"(\d+)\s*([kKmMgG]?)(?:i?[bB])?", re.ASCII)
_COMMANDS = regex(r"(\d+)\s*c(?:ommands?)?", re.ASCII)
_SHIFTS = {"": 0, "k": 10, "m": 20, "g": 30}

OutOption = Annotated[
    str | None,
    Option(
        "-o",
        "--output",
        metavar="OUT",
        help="Write there, and leave the input alone; `fix` and `rewrite` take a URL too.",
        rich_help_panel=HOW_PANEL,
    ),
]
ForceOption = Annotated[bool, Option("--force", help="Replace an existing file.", rich_help_panel=HOW_PANEL)]
HtmlOption = Annotated[
    str | None,
    Option("--html", metavar="FILE", help="Write an HTML page too, one file that needs no network."),
]
DryRunOption = Annotated[
    bool,
    Option("-n", "--dry-run", help="Say what would be done; write nothing.", rich_help_panel=HOW_PANEL),
]
InUseOption = Annotated[
    bool,
    Option("--in-use", help="Go on although a process has the log open.", rich_help_panel=HOW_PANEL),
]
NewOwnerOption = Annotated[
    bool,
    Option(
        "--new-owner",
        help="Go on although new files cannot have the owner of the old ones.",
        rich_help_panel=HOW_PANEL,
    ),
]
MaxLossOption = Annotated[
    str | None,
    Option(
        "--max-loss",
        metavar="BYTES|COMMANDS",
        help="Refuse to lose more: 4096, 64k, or 10c for ten commands; 64k,10c for both.",
        rich_help_panel=HOW_PANEL,
    ),
]
SalvageOption = Annotated[
    bool,
    Option("--salvage", help="Repair damage in the middle of files too.", rich_help_panel=HOW_PANEL),
]
VerifyOption = Annotated[
    bool,
    Option("--verify", help="Load the result on a real server.", rich_help_panel=HOW_PANEL),
]
ServerOption = Annotated[
    str | None,
    Option(
        "--server",
        metavar="PROGRAM",
        help="The redis-server or valkey-server to load on. Default: one of the release that wrote the log,"
        " or that the result is for, from the `verify` extra or on PATH.",
        rich_help_panel=HOW_PANEL,
    ),
]


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


def memory_limit_bytes(text: str | None) -> int | None:
    """Return the bound on memory that was asked for.

    Raises:
        UsageError: it is no size.
    """
    return None if text is None else parse_size(text, "--memory-limit", "a size, such as 256MB")


def parse_loss(text: str, option: str) -> LossLimit:
    """Return the limit that `4096`, `64k`, `10c` or `64k,10c` means.

    Args:
        option: its name, or that of the environment variable, for the message.

    Raises:
        UsageError: it is none.
    """
    from aoftool.repair.limit import LossLimit

    most_bytes: int | None = None
    most_commands: int | None = None
    for part in text.split(","):
        commands = _COMMANDS.fullmatch(part.strip())
        if commands is not None and most_commands is None:
            most_commands = int(commands[1])
        elif commands is None and most_bytes is None:
            most_bytes = parse_size(part, option, "bytes (4096, 64k, 2M), commands (10c) or both (64k,10c)")
        else:
            raise UsageError(f"{option} says twice how much may be lost", hint="such as 64k,10c")
    return LossLimit(most_bytes, most_commands)

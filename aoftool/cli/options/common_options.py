"""Arguments and options that several verbs share, so that they read the same everywhere."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from aoftool.cli.console import Color
from aoftool.cli.declared import Argument, Option
from aoftool.errors import UsageError

__all__ = [
    "ColorOption",
    "ContextOption",
    "CsvOption",
    "DatabasesOption",
    "Form",
    "JobsOption",
    "JsonOption",
    "LimitOption",
    "MinSizeOption",
    "PathArgument",
    "ProgressMode",
    "ProgressOption",
    "QuietOption",
    "TimeoutOption",
    "ValuesOption",
    "WrittenByOption",
    "chosen_form",
]


class ProgressMode(str, Enum):
    """How progress is shown: a line on a terminal, JSON lines on stderr, or not at all."""

    auto = "auto"
    json = "json"
    never = "never"


class Form(Enum):
    """What a result is printed as."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


def chosen_form(as_json: bool, as_csv: bool) -> Form:
    """Return what was asked for.

    Raises:
        UsageError: both.
    """
    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other", hint="use one of them")
    return Form.JSON if as_json else Form.CSV if as_csv else Form.TEXT


PathArgument = Annotated[
    str | None,
    Argument(
        metavar="PATH",
        show_default=False,
        help="A manifest, its directory, the server's data directory, a single AOF, an RDB file, one of"
        " these compressed with gzip or zstd, the URL of any of them in a store, such as s3://bucket/node-7,"
        " or - for standard input. Default: search this directory.",
    ),
]
JsonOption = Annotated[bool, Option("--json", help="Print JSON instead of text: one object, or one a line.")]
CsvOption = Annotated[bool, Option("--csv", help="Print CSV instead of text: a header, and one line a row.")]
WrittenByOption = Annotated[
    str | None,
    Option(
        "--written-by",
        metavar="RELEASE",
        help="The release that wrote the log, such as redis-7.2 or valkey-9.1, as which it is read."
        " Default: what its RDB part says, else what its commands tell.",
        show_default=False,
    ),
]
LimitOption = Annotated[
    int | None,
    Option(
        "--limit",
        min=1,
        metavar="N",
        help="Show N rows at most: commands, keys, steps, findings or groups, as the verb shows.",
    ),
]
DatabasesOption = Annotated[
    int | None,
    Option(
        "--databases",
        min=1,
        metavar="N",
        help="The `databases` setting of the server. Default: as the log needs, 16 at least.",
    ),
]
JobsOption = Annotated[
    int | None,
    Option(
        "--jobs",
        min=1,
        metavar="N",
        help="N threads read, or N processes rewrite or take logs, at once. Default: one a processor;"
        " one process rewrites.",
    ),
]
TimeoutOption = Annotated[
    str | None,
    Option(
        "--timeout",
        metavar="TIME",
        help="Give a query, or a log of a fleet, up after so long, such as 30s.",
        show_default=False,
    ),
]
ValuesOption = Annotated[bool, Option("--values", help="Show values too.")]
MinSizeOption = Annotated[
    int, Option("--min-size", min=0, metavar="BYTES", help="Only what takes at least so many bytes.")
]
ContextOption = Annotated[
    int, Option("--context", min=0, metavar="N", help="Show N commands around what was found too.")
]
ColorOption = Annotated[Color, Option("--color", help="Use colour: where it shows, always, or never.")]
QuietOption = Annotated[bool, Option("--quiet", "-q", help="Show no progress.")]
ProgressOption = Annotated[
    ProgressMode, Option("--progress", help="Show progress on stderr: a line, or JSON lines.")
]

"""Arguments and options that several verbs share, so that they read the same everywhere."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from aoftool.cli.console import Color
from aoftool.errors import UsageError

__all__ = [
    "ColorOption",
    "CsvOption",
    "Form",
    "JsonOption",
    "PathArgument",
    "ProgressMode",
    "ProgressOption",
    "QuietOption",
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
    typer.Argument(
        metavar="PATH",
        show_default=False,
        help="A manifest, its directory, the server's data directory, a single AOF, an RDB file, one of"
        " these compressed with gzip or zstd, or - for standard input. Default: search this directory.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV, a header and one line for each row.")]
WrittenByOption = Annotated[
    str | None,
    typer.Option(
        "--written-by",
        metavar="RELEASE",
        help="The release that wrote the log, such as redis-7.2 or valkey-9.1, as which it is read."
        " Default: what its RDB part says, else what its commands tell.",
        show_default=False,
    ),
]
ColorOption = Annotated[Color, typer.Option("--color", help="Use colour.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
ProgressOption = Annotated[
    ProgressMode, typer.Option("--progress", help="Show progress on stderr: a line, or JSON lines.")
]

"""The options that say how an answer looks, not what is asked; requests derive from one of these."""

from __future__ import annotations

from aoftool.cli.console import Color
from aoftool.cli.options.common_options import (
    ColorOption,
    CsvOption,
    JsonOption,
    ProgressMode,
    ProgressOption,
    QuietOption,
)
from aoftool.cli.options.redaction import RedactOption, SaltOption
from aoftool.dataclass import dataclass

__all__ = ["Looks", "LooksOfRows", "LooksOfWork"]


@dataclass(frozen=True)
class Looks:
    """Of any answer."""

    redact: RedactOption = None
    salt: SaltOption = None
    as_json: JsonOption = False
    color: ColorOption = Color.auto


@dataclass(frozen=True)
class LooksOfWork(Looks):
    """Of what may take its time."""

    quiet: QuietOption = False
    progress: ProgressOption = ProgressMode.auto


@dataclass(frozen=True)
class LooksOfRows(LooksOfWork):
    """Of a list, which may be a table for other programs."""

    as_csv: CsvOption = False

"""Offsets in a log as people type them: `N`, or `FILE:N` where the log has several files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aoftool.errors import UsageError
from aoftool.escape import printable
from aoftool.next_step import next_step

if TYPE_CHECKING:
    from aoftool.analysis.commands_model import Place
    from aoftool.aof.model import Log

__all__ = ["is_number", "parse_place", "parse_state_place"]

_NAMES_SHOWN = 6
# More digits than an offset has; far fewer than the interpreter refuses to read.
_DIGITS = 20


def is_number(text: str) -> bool:
    """Tell whether a text is an offset in ASCII digits."""
    return text.isascii() and text.isdecimal() and len(text) <= _DIGITS


def parse_place(text: str, log: Log, option: str) -> Place:
    """Return the place that a text means.

    FILE is the name of a file of the log, the end of it, or its path. A number alone means the one file that
    holds commands. Commas and underscores in the number are ignored.

    Raises:
        UsageError: no such file, several that could be meant, or no number.
        InputError: the log has no files.
    """
    from aoftool.analysis.commands_model import Place
    from aoftool.aof.log import need_files

    need_files(log)
    name, _, number = text.rpartition(":")
    digits = number.replace(",", "").replace("_", "")
    if not is_number(digits):
        raise UsageError(f"{option}: not an offset: {text!a}", hint="use N or FILE:N")
    return Place(_file_number(name, log, option), int(digits))


def parse_state_place(text: str, log: Log, option: str) -> Place:
    """Return the place that a text means, at which the data is asked for.

    Raises:
        UsageError: as for `parse_place`, and for a place behind the end of its file.
    """
    from aoftool.aof.log import open_log_file
    from aoftool.aof.model import LogKind

    place = parse_place(text, log, option)
    file = log.files[place.file]
    if log.kind is LogKind.STDIN:
        return place
    with open_log_file(file) as source:
        # Of what is compressed nobody knows the end yet.
        size = source.size_bytes
    if size is not None and place.offset > size:
        name = printable(file.name or os.fsencode(os.path.basename(file.path)))
        raise UsageError(
            f"{option}: {name} ends at {size:,}, and offset {place.offset:,} lies behind that",
            hint=next_step("log", log.path, "--tail 20"),
        )
    return place


def _file_number(name: str, log: Log, option: str) -> int:
    names = [os.fsdecode(file.name or os.fsencode(os.path.basename(file.path))) for file in log.files]
    if name:
        found = [
            number
            for number, own in enumerate(names)
            if own.endswith(name) or os.path.basename(name) == own or log.files[number].path == name
        ]
    else:
        found = [number for number, own in enumerate(names) if not own.endswith(".rdb")] or [0]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(printable(os.fsencode(own)) for own in names[:_NAMES_SHOWN])
    what = "several files could be meant" if found else f"the log has no file {name!a}"
    raise UsageError(f"{option}: {what}; it has {shown}", hint=f"use {option} FILE:N")

"""INFO: `field:value` lines under `# Section`. Any sections, any order."""

from __future__ import annotations

from aoftool.captures.lines import Text
from aoftool.captures.model import Entry, Info
from aoftool.regex import regex

__all__ = ["read_info"]

_FIELD = regex(r"([A-Za-z][A-Za-z0-9_|.\-]{0,79}):(?! )(.*)")


def read_info(text: Text) -> Info:
    """Return the fields; of one that is there twice the first."""
    fields: dict[str, Entry] = {}
    for index, line in enumerate(text.whole_lines):
        match = _FIELD.fullmatch(line.rstrip())
        if match is not None:
            fields.setdefault(match[1], Entry(match[2], text.where(index)))
    return Info(text.name, fields)

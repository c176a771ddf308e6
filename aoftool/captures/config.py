"""CONFIG GET: names and values, raw pairs of lines, numbered, or JSON."""

from __future__ import annotations

from collections.abc import Sequence

from aoftool.captures.lines import Text
from aoftool.captures.model import Entry
from aoftool.captures.replies import Item, items_of
from aoftool.regex import regex

__all__ = ["NAME", "read_config"]

NAME = regex(r"[a-z][a-z0-9_.\-]{1,79}")


def read_config(text: Text) -> dict[str, Entry]:
    """Return the settings by name in lower case. Pairs that do not begin with a name are left out."""
    items = items_of(text)
    return _raw(text) if items is None else _paired(items)


def _paired(items: Sequence[Item]) -> dict[str, Entry]:
    flat = [(item.text, item.where) for item in items if item.text is not None]
    settings: dict[str, Entry] = {}
    for (name, where), (value, _) in zip(flat[::2], flat[1::2], strict=False):
        if NAME.fullmatch(name.lower()):
            settings[name.lower()] = Entry(value, where)
    return settings


def _raw(text: Text) -> dict[str, Entry]:
    """Return pairs of lines; a name at the end without its value is left out, as the text may be cut."""
    settings: dict[str, Entry] = {}
    lines = text.whole_lines
    for index in range(0, len(lines) - 1, 2):
        name = lines[index].strip().lower()
        if NAME.fullmatch(name) is None:
            # A line too many or too few: what follows would pair names with names.
            break
        settings[name] = Entry(lines[index + 1], text.where(index + 1))
    return settings

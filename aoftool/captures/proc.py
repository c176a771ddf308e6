"""Files of /proc: status, smaps and smaps_rollup, io, meminfo, mountinfo."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.captures.lines import Text
from aoftool.captures.model import Entry, Mount, Reading
from aoftool.captures.numbers import integer
from aoftool.regex import regex

__all__ = ["MAPPING", "read_fields", "read_mounts", "read_sizes", "read_smaps"]

_FIELD = regex(r"([A-Za-z_()]{1,40}):\s+(.*)")
_KILOBYTES = regex(r"(\d{1,15}) kB")
MAPPING = regex(r"[0-9a-f]{6,16}-[0-9a-f]{6,16} [rwxps-]{4} .*")
_OCTAL = regex(r"\\([0-7]{3})")


def _fields(text: Text) -> Iterator[tuple[str, str, str]]:
    for index, line in enumerate(text.whole_lines):
        if match := _FIELD.fullmatch(line.strip()):
            yield match[1], match[2].strip(), text.where(index)


def read_fields(text: Text) -> dict[str, Entry]:
    """Return `Name: value` lines of status or io."""
    fields: dict[str, Entry] = {}
    for name, value, where in _fields(text):
        fields.setdefault(name, Entry(value, where))
    return fields


def read_sizes(text: Text) -> dict[str, Reading]:
    """Return the lines that say kB, in bytes; what io counts is in bytes already."""
    sizes: dict[str, Reading] = {}
    for name, value, where in _fields(text):
        match = _KILOBYTES.fullmatch(value)
        number = int(match[1]) * 1024 if match else integer(value)
        if number is not None and number >= 0:
            sizes.setdefault(name, Reading(number, where))
    return sizes


def read_smaps(text: Text) -> tuple[dict[str, Reading], int, str]:
    """Return sums over all maps in bytes, the largest Swap of one map and where that stands."""
    sums: dict[str, Reading] = {}
    largest, at = 0, ""
    for name, value, where in _fields(text):
        match = _KILOBYTES.fullmatch(value)
        if match is None:
            continue
        size = int(match[1]) * 1024
        known = sums.get(name)
        # The line of the largest part is the one to look at.
        place = where if known is None or (size > 0 and name == "Swap" and size > largest) else known.where
        sums[name] = Reading(size + (known.value if known else 0), place)
        if name == "Swap" and size > largest:
            largest, at = size, where
    return sums, largest, at


def read_mounts(text: Text) -> tuple[Mount, ...]:
    """Return the file systems, in order. Source: proc(5), /proc/pid/mountinfo."""
    found = []
    for index, line in enumerate(text.whole_lines):
        before, separator, after = line.partition(" - ")
        left, right = before.split(), after.split()
        if separator and len(left) >= 6 and len(right) >= 2 and left[4].startswith("/"):
            source = right[1]
            options = right[2] if len(right) > 2 else ""
            found.append(Mount(_unescaped(left[4]), right[0], _unescaped(source), options, text.where(index)))
    return tuple(found)


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)

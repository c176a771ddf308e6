"""Hides what belongs to the user in advice: paths and values of settings. Keys and data are never in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from aoftool.advise.model import Advice, Evidence, Finding, SettingRow
from aoftool.dataclass import replace
from aoftool.redaction import Redactor
from aoftool.regex import regex

# Flags, numbers, sizes, policies and save points say nothing of the user.
_HARMLESS = regex(r'""|yes|no|always|everysec|[0-9. ]+(?:[kmg]b?)?', re.IGNORECASE)

__all__ = ["redacted_advice"]


def redacted_advice(advice: Advice, redactor: Redactor | None) -> Advice:
    """Return advice without the path of the data directory and values of settings."""
    if redactor is None:
        return advice

    def hidden(text: str) -> str:
        return redactor.value(text.encode("utf-8", "surrogateescape")).decode("utf-8", "backslashreplace")

    place = advice.server.data_dir
    return replace(
        advice,
        server=replace(advice.server, data_dir=hidden(place) if place else ""),
        findings=tuple(_finding(finding, place, hidden) for finding in advice.findings),
        settings=tuple(_setting(row, hidden) for row in advice.settings),
        left_out=tuple("something was left out" for _ in advice.left_out),
    )


def _finding(finding: Finding, place: str, hidden: Callable[[str], str]) -> Finding:
    def line(text: str) -> str:
        return text.replace(place, "DIR") if place else text

    def evidence(item: Evidence) -> Evidence:
        text = item.text
        for part in sorted(item.private, key=len, reverse=True):
            if part and not _HARMLESS.fullmatch(part):
                text = hidden(part).join(re.split(rf"(?<!\w){re.escape(part)}(?!\w)", text))
        return replace(item, text=text, private=())

    return replace(
        finding, found=tuple(map(evidence, finding.found)), do=tuple(line(text) for text in finding.do)
    )


def _setting(row: SettingRow, hidden: Callable[[str], str]) -> SettingRow:
    def value(text: str | None) -> str | None:
        return text if text is None or not text or _HARMLESS.fullmatch(text) else hidden(text)

    # A value that is the default says nothing of the user.
    used = row.value if row.value == row.default else value(row.value)
    told = row.in_file if row.in_file == row.default else value(row.in_file)
    return replace(row, value=used, in_file=told)

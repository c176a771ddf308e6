"""What stands inside the commands in which KeyDB logs other nodes' ones, counted by name."""

from __future__ import annotations

from collections import Counter

from aoftool.aof.log import open_log_file
from aoftool.aof.survey import FileSurvey, Survey
from aoftool.commands.wrapped import WRAPPER, unwrapped
from aoftool.files.source import STDIN
from aoftool.resp.sieve import SieveReader
from aoftool.resp.watch import Watch

__all__ = ["wrapped_counts"]

_MOST_NAMES = 1000


def wrapped_counts(survey: Survey) -> dict[bytes, int]:
    """Return how many commands of each name are wrapped, the most frequent first.

    Only files that have such commands are read again, and none that can be read once only.
    """
    found: Counter[bytes] = Counter()
    for item in survey.files:
        if item.tail is not None and any(key.name == WRAPPER for key in item.tail.rows):
            _count(item, found)
    return dict(found.most_common())


def _count(item: FileSurvey, found: Counter[bytes]) -> None:
    if item.file.path == STDIN:
        return
    with open_log_file(item.file) as source:
        if not source.seekable:
            return
        watch = Watch(names=frozenset((WRAPPER,)))
        for outer in SieveReader(source, watch, start=item.tail_start, end=item.good_end):
            for command in unwrapped(outer):
                if command.name in found or len(found) < _MOST_NAMES:
                    found[command.name] += command is not outer

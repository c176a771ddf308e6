"""Findings of a replay: what servers answer with an error and skip, and what had no effect."""

from __future__ import annotations

from collections.abc import Iterator

from aoftool.check.detectors.spots import unknown_form_finding
from aoftool.check.loaders.replay_model import Answered, Replay
from aoftool.check.model import Finding
from aoftool.escape import excerpt
from aoftool.releases import in_words
from aoftool.units import counted

__all__ = ["find_in_replay"]


def find_in_replay(replay: Replay, path: str, targets: int) -> Iterator[Finding]:
    """Yield the findings of a replay.

    Args:
        path: of the log, for what belongs to no file.
        targets: number of servers it was replayed for; 0 where only some were asked for, which are named.
    """
    if replay.skipped:
        yield Finding.of("replay-skipped", path, replay.skipped)
        return
    for (file, what), span in replay.unknown.items():
        yield unknown_form_finding(file, what, span)
    for row in replay.answered.values():
        yield _answered(row, targets)
    for (file, name), (count, first) in replay.idle.items():
        times = "" if count == 1 else f" ({counted(count, 'time')})"
        message = f"{excerpt(name.encode('latin-1'))} changes nothing; servers do not log such commands"
        yield Finding.of("command-without-effect", file, message + times, first)
    ends: dict[tuple[str, int, str], list[str]] = {}
    for target, end in replay.ended.items():
        ends.setdefault(end, []).append(target)
    for (file, offset, why), names in ends.items():
        message = f"what follows was not judged for {in_words(names)}: {why}"
        yield Finding.of("replay-ended", file, message, offset)
    yield from _expired(replay, path)


def _answered(row: Answered, targets: int) -> Finding:
    most = max(row.counts.values())
    times = f"{counted(most, 'time')} " if most > 1 else ""
    same = len(row.counts) == targets and len(set(row.counts.values())) == 1
    who = "every server" if same else in_words(row.counts)
    inside = max(row.inside.values(), default=0)
    where = f", {inside:,} of them in transactions, which run on" if inside else ""
    message = f"{row.name} is answered {times}with an error and skipped while loading, by {who}{where}"
    first = min(row.offsets)
    others = ", ".join(f"{offset:,}" for offset in sorted(row.offsets)[1:])
    evidence = excerpt(row.text.encode()) + (f"; also at {others}" if others else "")
    return Finding.of("command-refused", row.path, message, first, evidence=evidence)


def _expired(replay: Replay, path: str) -> Iterator[Finding]:
    rows: dict[tuple[int, int], list[str]] = {}
    for target, row in replay.expired.items():
        rows.setdefault(row, []).append(target)
    for (passed, keys), names in rows.items():
        message = (
            f"{passed:,} of {counted(keys, 'key')} {'has' if passed == 1 else 'have'} expired by now, to be"
            " removed after loading by "
            f"{in_words(names)}"
        )
        yield Finding.of("keys-expired", path, message)

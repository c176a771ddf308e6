"""Judge a repair against the truth: what was lost, what was made up, what runs where it should not.

Uses nothing of the code under test but the plan's own account of which bytes come from where.

What no reader can know is not held against a repair, and only that: a command that stands whole and
canonical in the damaged file, holds damaged bytes itself (or the seam of a lost block), and is joined to
the log: it begins where one of the log's commands begins or ends, or, put in as a whole, chains into one.
That is a value altered in place, two commands of fitting lengths joined by a lost block, and commands put
in between two others. Everything else that was never in the log is made up: commands read out of values,
healed to what they were not, or left standing alone between two wounds.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aoftool.repair.choice import AfterGap, Choice
from aoftool.repair.model import Plan
from aoftool.repair.writing import planned_pieces
from tests.repair.damage import Damaged
from tests.repair.workbench import SALVAGE, plan_for

__all__ = ["Repaired", "Verdict", "judge", "parse", "repair"]

Argv = list[bytes]


@dataclass(frozen=True)
class Entry:
    """One command of a stream, or an annotation (no words)."""

    start: int
    end: int
    argv: Argv


@dataclass
class Parsed:
    """A stream read in the canonical form, up to where it departs from it."""

    entries: list[Entry] = field(default_factory=list)
    whole: bool = True

    @property
    def commands(self) -> list[Entry]:
        """Return the entries that are commands."""
        return [entry for entry in self.entries if entry.argv]


def _number(data: bytes, at: int, mark: bytes) -> tuple[int, int]:
    line = data.find(b"\r\n", at, at + 24)
    digits = data[at + 1 : line]
    if line < 0 or data[at : at + 1] != mark or not digits.isdigit() or digits != b"%d" % int(digits):
        raise ValueError(at)
    return int(digits), line + 2


def read_command(data: bytes, start: int) -> Entry:
    """Read one canonical command; ValueError when none stands there."""
    count, at = _number(data, start, b"*")
    argv = []
    for _ in range(count):
        length, at = _number(data, at, b"$")
        argv.append(data[at : at + length])
        at += length + 2
        if data[at - 2 : at] != b"\r\n":
            raise ValueError(at)
    if not argv:
        raise ValueError(start)
    return Entry(start, at, argv)


def parse(data: bytes) -> Parsed:
    """Read the canonical form."""
    result = Parsed()
    at = 0
    try:
        while at < len(data):
            if data[at : at + 1] == b"#":
                end = data.index(b"\n", at) + 1
                entry = Entry(at, end, [])
            else:
                entry = read_command(data, at)
            result.entries.append(entry)
            at = entry.end
    except ValueError:
        result.whole = False
    return result


@dataclass
class Repaired:
    """The repaired bytes, and where each of them came from."""

    data: bytes
    starts: list[int]
    sources: list[int | None]

    def source_of(self, start: int, end: int) -> int | None:
        """Return where a span stands in the damaged file, None unless it stands there in one piece."""
        at = bisect.bisect_right(self.starts, start) - 1
        source = self.sources[at]
        behind = self.starts[at + 1] if at + 1 < len(self.starts) else len(self.data)
        return None if source is None or end > behind else source + start - self.starts[at]


def repair(damaged: Damaged, path: Path, choice: Choice = SALVAGE) -> tuple[Plan, Repaired]:
    """Plan the repair of a damaged log and return what it gives."""
    path.write_bytes(damaged.data)
    plan = plan_for(path, choice)
    if plan.empty:
        return plan, Repaired(damaged.data, [0], [0])
    pieces: list[bytes] = []
    result = Repaired(b"", [], [])
    size = 0
    for piece in planned_pieces(plan.files[0]):
        result.starts.append(size)
        result.sources.append(None if isinstance(piece, bytes) else piece[0])
        data = piece if isinstance(piece, bytes) else damaged.data[piece[0] : piece[1]]
        pieces.append(data)
        size += len(data)
    result.data = b"".join(pieces)
    return plan, result if result.starts else Repaired(b"", [0], [None])


@dataclass
class Verdict:
    """What a repair did wrong, one sentence each; `unknowable` counts what nobody can tell."""

    lost: list[str] = field(default_factory=list)
    made_up: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unknowable: int = 0


def judge(damaged: Damaged, repaired: Repaired, *, assumed: bool = True) -> Verdict:
    """Judge a repair.

    Args:
        assumed: the repair went on in the database before a gap, as it was told to.
    """
    verdict = Verdict()
    parsed = parse(repaired.data)
    if not parsed.whole:
        verdict.broken.append("the result is not in the canonical form")
    _judge_made_up(damaged, repaired, parsed, verdict)
    _judge_lost(damaged, parsed, verdict)
    _judge_databases(damaged, parsed, verdict, assumed)
    _judge_transactions(damaged, parsed, verdict)
    return verdict


def _show(argv: Argv) -> str:
    return b" ".join(word[:24] for word in argv[:4]).decode("latin-1").encode("unicode_escape").decode()


# Commands that were never in the log


def _judge_made_up(damaged: Damaged, repaired: Repaired, parsed: Parsed, verdict: Verdict) -> None:
    known = {tuple(argv) for argv in damaged.healthy.commands}
    for entry in parsed.commands:
        if tuple(entry.argv) in known or _is_reselect(damaged, repaired, entry):
            continue
        source = repaired.source_of(entry.start, entry.end)
        if source is not None and _unknowable(damaged, source, source + entry.end - entry.start):
            verdict.unknowable += 1
        else:
            where = "composed" if source is None else f"at {source:,}"
            verdict.made_up.append(f"{_show(entry.argv)} ({where})")


def _is_reselect(damaged: Damaged, repaired: Repaired, entry: Entry) -> bool:
    """Tell whether a SELECT was put in; that it is the right one is judged with the databases."""
    return entry.argv[0] == b"SELECT" and repaired.source_of(entry.start, entry.end) is None


def _unknowable(damaged: Damaged, start: int, end: int) -> bool:
    if not damaged.overlaps(start, end):
        return False
    return _joined_before(damaged, start) or _joined_behind(damaged, start, end)


def _joined_before(damaged: Damaged, start: int) -> bool:
    """Tell whether a command begins where the log's commands, and what was put in behind them, lead."""
    low, high = damaged.span
    at = low
    if damaged.is_true_start(start) or _led_to_by_copies(damaged, start):
        return True
    if not (low <= start < high and _is_boundary(damaged, low)):
        # A command that holds the seam may lead into what was put in.
        number = bisect.bisect_right(damaged.healthy.starts, low) - 1
        at = damaged.healthy.starts[number]
        if not low <= start < high:
            return False
    while at < start:
        try:
            at = read_command(damaged.data, at).end
        except ValueError:
            return False
    return at == start


def _led_to_by_copies(damaged: Damaged, start: int) -> bool:
    """Tell whether commands of the log that were copied here, and only those, lead up to a place."""
    low, high = damaged.span
    if damaged.kind not in ("doubled", "stale") or not low <= start < high:
        return False
    known = {tuple(argv) for argv in damaged.healthy.commands}
    first = damaged.data.find(b"*", low)
    while 0 <= first < start:
        at = first
        with suppress(ValueError):
            while at < start:
                entry = read_command(damaged.data, at)
                if tuple(entry.argv) not in known:
                    break
                at = entry.end
        if at == start:
            return True
        first = damaged.data.find(b"*", first + 1)
    return False


def _joined_behind(damaged: Damaged, start: int, end: int) -> bool:
    """Tell whether a command that was put in leads to where a command of the log begins."""
    low, high = damaged.span
    if start < low:
        return False
    while end < high and not damaged.is_true_start(end):
        try:
            end = read_command(damaged.data, end).end
        except ValueError:
            return False
    return end == len(damaged.data) or damaged.is_true_start(end)


def _is_boundary(damaged: Damaged, offset: int) -> bool:
    return offset in damaged.healthy.starts


# Commands that are gone


def _judge_lost(damaged: Damaged, parsed: Parsed, verdict: Verdict) -> None:
    """Find commands that are gone, or out of order, although neither they nor their transaction were hit."""
    touched = damaged.touched()
    needed = [
        tuple(argv)
        for number, argv in enumerate(damaged.healthy.commands)
        if argv and argv[0] != b"SELECT" and number not in touched
    ]
    found = [tuple(entry.argv) for entry in parsed.commands]
    missing = Counter(needed) - Counter(found)
    verdict.lost += [_show(list(argv)) for argv in missing.elements()]
    rest: Iterator[tuple[bytes, ...]] = iter(found)
    if not missing and not all(argv in rest for argv in needed):
        verdict.broken.append("the commands are not in their order")


# Commands in the wrong place


def _with_databases(
    commands: list[Argv], without: frozenset[int] = frozenset()
) -> Counter[tuple[int, tuple[bytes, ...]]]:
    db = 0
    found: Counter[tuple[int, tuple[bytes, ...]]] = Counter()
    for number, argv in enumerate(commands):
        if argv and argv[0] == b"SELECT":
            db = int(argv[1]) if argv[1].isdigit() else db
        elif argv and number not in without and argv[0] not in (b"MULTI", b"EXEC"):
            found[db, tuple(argv)] += 1
    return found


def _judge_databases(damaged: Damaged, parsed: Parsed, verdict: Verdict, assumed: bool) -> None:
    """Find commands that run in a database they never ran in."""
    healthy, hit = damaged.healthy, damaged.touched()
    low, high = damaged.span
    if verdict.made_up or verdict.unknowable:
        return
    if assumed and (
        any(healthy.commands[number][:1] == [b"SELECT"] for number in hit)
        or b"SELECT" in damaged.data[low:high]
    ):
        return
    true = _with_databases(healthy.commands)
    found = _with_databases([entry.argv for entry in parsed.commands])
    if damaged.kind not in ("doubled", "stale"):
        verdict.misplaced += [f"{_show(list(argv))} in database {db}" for db, argv in found - true]
    elif assumed and not verdict.lost:
        # Commands of another place that were put here run where nobody can know; the rest must not move.
        needed = _with_databases(healthy.commands, frozenset(hit))
        verdict.misplaced += [f"{_show(list(argv))} not in database {db}" for db, argv in needed - found]


def _blocks(commands: list[Argv]) -> tuple[list[list[Argv]], bool]:
    """Return the transactions of a stream, and whether each MULTI has its EXEC."""
    blocks: list[list[Argv]] = []
    block: list[Argv] | None = None
    in_order = True
    for argv in commands:
        name = argv[0].upper() if argv else b""
        if name == b"MULTI":
            in_order &= block is None
            block = []
        elif name == b"EXEC":
            in_order &= block is not None
            blocks.append(block or [])
            block = None
        elif block is not None and argv:
            block.append(argv)
    return blocks, in_order and block is None


def _judge_transactions(damaged: Damaged, parsed: Parsed, verdict: Verdict) -> None:
    """Find half transactions: what stands between MULTI and EXEC is what stood there, or holds damage."""
    blocks, in_order = _blocks([entry.argv for entry in parsed.commands])
    if not in_order:
        verdict.broken.append("transactions are not in order")
    if verdict.unknowable or verdict.made_up:
        return
    true = {tuple(map(tuple, _plain(block))) for block in _blocks(damaged.healthy.commands)[0]}
    true |= _without_touched(damaged)
    for block in blocks:
        if tuple(map(tuple, _plain(block))) not in true:
            verdict.misplaced.append(f"half a transaction: {[_show(argv) for argv in block]}")


def _plain(block: list[Argv]) -> list[Argv]:
    return [argv for argv in block if argv[0] != b"SELECT"]


def _without_touched(damaged: Damaged) -> set[tuple[tuple[bytes, ...], ...]]:
    """Return transactions less one damaged command: one whose name is no command is taken out alone."""
    healthy, found = damaged.healthy, set()
    for number in damaged.hit():
        txn = healthy.txn[number]
        rest = [
            argv for n, argv in enumerate(healthy.commands) if txn and healthy.txn[n] == txn and n != number
        ]
        found.add(
            tuple(map(tuple, _plain([argv for argv in rest if argv and argv[0] not in (b"MULTI", b"EXEC")])))
        )
    return found


def second_look(damaged: Damaged, repaired: Repaired, path: Path, choice: Choice = SALVAGE) -> list[str]:
    """Return what a second repair would still do."""
    path.write_bytes(repaired.data)
    plan = plan_for(path, choice)
    return [f"{edit.kind.value} {edit.code} at {edit.start:,}" for _, edit in plan.edits()]


SKIP = Choice(salvage=True, after_gap=AfterGap.SKIP)
